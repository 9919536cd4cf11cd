"""``python -m fleet.plan STACK``: the plan as JSON, as one revision of the program asks it of another."""

import gc
import sys

from fleet.errors import FleetError
from fleet.plan.build import plan
from fleet.plan.checkout import ROOT, today


def main(stack: str) -> int:
    """Print the plan with its findings. Fails only where no plan can be made."""
    gc.disable()  # as ``fleet plan`` does
    try:
        sys.stdout.write(plan(ROOT, stack, today()).model_dump_json())
    except FleetError as error:
        sys.stderr.write(f"{error.problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
