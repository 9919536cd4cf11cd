"""The bill of the embedded cluster: none. Pure."""

from elastic_vllm.clouds.facts import Bill
from elastic_vllm.clouds.local.spec import LocalSettings


def bill(cluster: LocalSettings) -> Bill:
    """No service, and no region."""
    nothing = f"everything: nodes are simulated, at the prices of {cluster.machines} machines"
    return Bill(fixed={}, per_gpu_node={}, region=None, excluded=(nothing,))
