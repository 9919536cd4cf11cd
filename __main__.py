"""The program of every stack: where it runs, on which nodes, which models, and what scales them."""

import sys
from pathlib import Path

import pulumi

sys.path.insert(0, str(Path(__file__).parent / "components"))  # `pulumi up` on a clone installs no package

from elastic_vllm.clouds import cloud_for
from elastic_vllm.cluster import Cluster, ClusterArgs
from elastic_vllm.cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
from elastic_vllm.gpu_node_pool import GpuNodePool, GpuNodePoolArgs
from elastic_vllm.hpa_policy import HpaPolicy, HpaPolicyArgs
from elastic_vllm.model_weights import ModelWeights, ModelWeightsArgs
from elastic_vllm.serving_namespace import ServingNamespace, ServingNamespaceArgs
from elastic_vllm.stack_file import config as stack_config
from elastic_vllm.vllm_deployment import VllmDeployment, VllmDeploymentArgs

config = stack_config.load()
cluster = Cluster("cluster", ClusterArgs(cloud=cloud_for(config.cluster), models=config.models))
autoscaler = ClusterAutoscaler("autoscaler", ClusterAutoscalerArgs(cluster=cluster, spec=config.autoscaler))
pools = {
    pool.name: GpuNodePool(pool.name, GpuNodePoolArgs(autoscaler=autoscaler, pool=pool))
    for pool in config.pools
}

space = ServingNamespaceArgs(namespace=config.namespace)
namespace = ServingNamespace("serving", space, cluster.dependent_opts).namespace
token = stack_config.hub_token()
in_bucket = ModelWeightsArgs(cluster=cluster, namespace=namespace, models=config.models, hub_token=token)
weights = ModelWeights("weights", in_bucket)
models = {
    model.name: VllmDeployment(
        model.name,
        VllmDeploymentArgs(
            namespace=namespace,
            model=model,
            placement=pools[model.pool].placement,
            api_key=stack_config.api_key(model.name) if model.require_api_key else None,
            pod_annotations=pools[model.pool].pod_annotations(model),
            weights=weights.of.get(model.name),
        ),
        pools[model.pool].dependent_opts,
    )
    for model in config.models
}
for model in config.models:
    replicas = models[model.name]
    if replicas.autoscaled:
        target = HpaPolicyArgs(namespace=namespace, target=replicas.deployment_name, model=model)
        HpaPolicy(model.name, target, cluster.dependent_opts)

pulumi.export("cluster", cluster.outputs)
pulumi.export("namespace", namespace)
pulumi.export("pools", {name: pool.node_group for name, pool in pools.items()})
pulumi.export("endpoints", {name: deployment.endpoint for name, deployment in models.items()})
