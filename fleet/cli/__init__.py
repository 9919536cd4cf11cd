"""The ``fleet`` command: parses, delegates, prints. Decides nothing."""
