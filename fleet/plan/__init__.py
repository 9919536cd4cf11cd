"""The offline plan of a stack: what it makes, whether that works, what it costs, and what changes it."""
