"""What cluster-autoscaler needs to know of a group without nodes: tags of its Auto Scaling group. Pure.

EKS does not copy a node group's labels and taints to them, and knows no disks.
"""

from collections.abc import Mapping

from elastic_vllm.catalog import MachineRow
from elastic_vllm.clouds.aws import billing
from elastic_vllm.clouds.gpu_node import GPU_RESOURCE, GPU_TAINT, node_labels
from elastic_vllm.spec import AwsCluster, NodePoolSpec

PREFIX = "k8s.io/cluster-autoscaler"
ACCELERATOR_LABEL = "k8s.amazonaws.com/accelerator"
"""By it cluster-autoscaler knows that a new node's GPUs are still to come, and asks for no second one."""
USABLE_DISK = 0.85
"""Of a disk, what pods may have after the kubelet's reserve and the filesystem's."""


def group_labels(pool: NodePoolSpec) -> Mapping[str, str]:
    """The labels of a managed group's nodes."""
    return {**node_labels(pool), ACCELERATOR_LABEL: pool.accelerator}


def tags(
    cluster: AwsCluster, cluster_name: str, pool: NodePoolSpec, machine: MachineRow
) -> Mapping[str, str]:
    """The tags, by key: whose group it is, and what a node of it would be."""
    template = f"{PREFIX}/node-template"
    return {
        f"{PREFIX}/enabled": "true",
        f"{PREFIX}/{cluster_name}": "owned",
        **{f"{template}/label/{key}": value for key, value in group_labels(pool).items()},
        f"{template}/taint/{GPU_TAINT['key']}": f"{GPU_TAINT['value']}:{GPU_TAINT['effect']}",
        f"{template}/resources/{GPU_RESOURCE}": str(machine.gpus),
        f"{template}/resources/ephemeral-storage": f"{disk_gib(cluster, machine)}Gi",
    }


def disk_gib(cluster: AwsCluster, machine: MachineRow) -> int:
    """GiB that an empty node offers its pods."""
    size = (
        machine.local_disk_gb * 1e9 / 2**30
        if billing.uses_local_disks(cluster, machine)
        else billing.GPU_DATA_GIB
    )
    return int(size * USABLE_DISK)
