"""The image of GPU nodes: Bottlerocket's NVIDIA variant, whoever makes them.

It brings the driver, the container toolkit and the **device plugin**: NVIDIA's chart besides it would
register every GPU twice. The version is pinned: a new image is a change in a review, not a drift at night.
(EKS pins that of a managed node group: the newest when the group is made, and that until it is updated.)
"""

from elastic_vllm.catalog import accelerators
from elastic_vllm.spec import NodePoolSpec

ALIAS = "bottlerocket@v1.68.0"
DRIVER_BRANCH = 580
"""Of that image for Kubernetes up to 1.36; enough for CUDA 13."""


class DriverError(ValueError):
    """A GPU that the nodes' image cannot drive; the message says what to take instead."""


def alias(pool: NodePoolSpec) -> str:
    """The image of a pool's nodes, as Karpenter names it."""
    check_driver(pool)
    return ALIAS


def check_driver(pool: NodePoolSpec) -> None:
    """Refuse GPUs that want a newer driver than the image has."""
    needed = accelerators()[pool.accelerator].driver_branch
    if needed > DRIVER_BRANCH:
        raise DriverError(
            f"pools[{pool.name}].accelerator: {pool.accelerator} needs NVIDIA driver {needed}, and {ALIAS} "
            f"brings {DRIVER_BRANCH}; take rtx-pro-6000 or l4"
        )
