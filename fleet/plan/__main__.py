"""``python -m fleet.plan STACK``: a stack's plan as JSON, for a comparison with another revision.

Of the project in the current folder.
"""

import gc
import sys
from pathlib import Path

from fleet.errors import FleetError
from fleet.plan.build import plan, today
from fleet.workspace import Workspace


def main(stack: str) -> int:
    """Print the plan with its findings. Fails only where no plan can be made."""
    gc.disable()  # as ``fleet plan`` does
    try:
        sys.stdout.write(plan(Workspace.find(Path.cwd()).root, stack, today()).model_dump_json())
    except FleetError as error:
        sys.stderr.write(f"{error.problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
