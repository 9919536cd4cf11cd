"""Pure builders of everything one model needs on Kubernetes. No function here registers a resource."""
