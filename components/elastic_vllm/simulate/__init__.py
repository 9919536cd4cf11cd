"""One simulation kernel for plan and drill: replicas, HPA, scenarios, forecast. Pure."""
