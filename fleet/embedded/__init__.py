"""The embedded cluster and the embedded engine."""
