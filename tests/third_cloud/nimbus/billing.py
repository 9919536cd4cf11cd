"""The services that Nimbus bills beside GPU machines."""

from elastic_vllm.clouds.facts import ALWAYS_EXCLUDED, Bill

DISK_GB = 150


def bill(region: str, system_nodes: int) -> Bill:
    """Control plane and system nodes; a disk with each GPU node."""
    return Bill(
        fixed={"control-plane": 1, "system-node": system_nodes},
        per_gpu_node={"disk-gb": DISK_GB},
        region=region,
        excluded=ALWAYS_EXCLUDED,
    )
