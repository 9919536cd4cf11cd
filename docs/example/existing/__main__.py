"""Qwen3-VL on a GKE cluster that exists, with weights from a bucket that exists."""

import pulumi

from elastic_vllm.clouds import cloud_for
from elastic_vllm.cluster import Cluster, ClusterArgs
from elastic_vllm.cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
from elastic_vllm.gpu_node_pool import GpuNodePool, GpuNodePoolArgs
from elastic_vllm.model_weights import ModelWeights, ModelWeightsArgs
from elastic_vllm.serving_namespace import ServingNamespace, ServingNamespaceArgs
from elastic_vllm.spec import GcpCluster, ModelSpec, NodePoolSpec
from elastic_vllm.vllm_deployment import VllmDeployment, VllmDeploymentArgs

platform = GcpCluster.model_validate(
    {
        "cloud": "gcp",
        "project": "acme-inference",
        "region": "europe-west4",
        "existing": {"name": "platform", "endpoint": "gke-1a2b3c4d5e6f-123456789012.europe-west4.gke.goog"},
        "nodeServiceAccount": "gke-nodes@acme-inference.iam.gserviceaccount.com",
        "bucket": "acme-models",
        "projectNumber": 123456789012,
    }
)
chat = ModelSpec(
    name="chat",
    checkpoint="Qwen/Qwen3-VL-8B-Instruct-FP8",
    revision="9cdc6310a8cb770ce18efaf4e9935334512aee45",
    pool="l4",
)
l4 = NodePoolSpec(name="l4", accelerator="l4", max_nodes=4)

cluster = Cluster("gpu", ClusterArgs(cloud=cloud_for(platform)))
nodes = ClusterAutoscaler("nodes", ClusterAutoscalerArgs(cluster=cluster))
pool = GpuNodePool("l4", GpuNodePoolArgs(autoscaler=nodes, pool=l4))
space = ServingNamespace(
    "serving", ServingNamespaceArgs(namespace="inference"), cluster.dependent_opts
).namespace
weights = ModelWeights("weights", ModelWeightsArgs(cluster=cluster, namespace=space, models=[chat]))
served = VllmDeploymentArgs(
    namespace=space, model=chat, placement=pool.placement, weights=weights.of[chat.name]
)
vllm = VllmDeployment("chat", served, pool.dependent_opts)
pulumi.export("endpoint", vllm.endpoint)
