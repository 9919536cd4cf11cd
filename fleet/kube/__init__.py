"""The Kubernetes API, as far as ``fleet`` needs it."""
