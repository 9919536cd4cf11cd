"""``python -m fleet``, for when the command is not installed."""

from fleet.entry import main

main()
