"""The taint and labels of nodes with GPUs, and the pods that may run there."""

from collections.abc import Mapping

from elastic_vllm import catalog, labels
from elastic_vllm.clouds.meanings import resolvers
from elastic_vllm.placement import Placement
from elastic_vllm.spec import NodePoolSpec

GPU_RESOURCE = "nvidia.com/gpu"
GPU_TAINT = {"key": GPU_RESOURCE, "value": "present", "effect": "NoSchedule"}
TOLERATION = {"key": GPU_RESOURCE, "operator": "Exists", "effect": "NoSchedule"}


def node_labels(pool: NodePoolSpec) -> Mapping[str, str]:
    """The labels of the pool's nodes. NVIDIA's own charts look for the last."""
    return {
        labels.ACCELERATOR: pool.accelerator,
        labels.POOL: pool.name,
        "nvidia.com/gpu.present": "true",
    }


def placement(pool: NodePoolSpec, cloud: catalog.CloudName) -> Placement:
    """The pool's own nodes, and the taint that keeps everything else off them."""
    return Placement(
        accelerator=pool.accelerator,
        node_selector={labels.POOL: pool.name},
        tolerations=(TOLERATION,),
        gpu_resource=GPU_RESOURCE,
        most_gpus=pool.max_nodes * pool.gpus_per_node,
        network_mbps=catalog.machine_for(
            cloud, pool.accelerator, pool.gpus_per_node, pool.chosen
        ).network_mbps,
        resolvers=resolvers(cloud),
    )
