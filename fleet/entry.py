"""The command's first lines: an interrupt is quiet even while the rest is still being imported."""

import sys

from fleet.errors import INTERRUPTED


def main() -> None:
    """Import and run ``fleet``."""
    try:
        from fleet.cli.main import main as run  # noqa: PLC0415  (importing takes a second)

        run()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
