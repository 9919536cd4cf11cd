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
cloud = cloud_for(config.cluster)
cluster = Cluster("cluster", ClusterArgs(cloud=cloud, models=config.models))
on_cluster = pulumi.ResourceOptions(providers=[cluster.provider], depends_on=cluster.addons)

autoscaling = ClusterAutoscalerArgs(cloud=cloud, pools=config.pools, spec=config.autoscaler)
autoscaler = ClusterAutoscaler("autoscaler", autoscaling, on_cluster)
after_autoscaler = pulumi.ResourceOptions.merge(on_cluster, pulumi.ResourceOptions(depends_on=[autoscaler]))
pools = {
    pool.name: GpuNodePool(
        pool.name, GpuNodePoolArgs(cloud=cloud, pool=pool, autoscaling=config.autoscaler), after_autoscaler
    )
    for pool in config.pools
}

serving = ServingNamespace("serving", ServingNamespaceArgs(namespace=config.namespace), on_cluster)
in_bucket = ModelWeightsArgs(
    cloud=cloud, namespace=serving.namespace, models=config.models, hub_token=stack_config.hub_token()
)
weights = ModelWeights("weights", in_bucket, on_cluster)
models = {
    model.name: VllmDeployment(
        model.name,
        VllmDeploymentArgs(
            namespace=serving.namespace,
            model=model,
            placement=pools[model.pool].placement,
            api_key=stack_config.api_key(model.name) if model.require_api_key else None,
            pod_annotations=pools[model.pool].pod_annotations(model),
            weights=weights.of.get(model.name),
        ),
        pulumi.ResourceOptions.merge(on_cluster, pulumi.ResourceOptions(depends_on=[pools[model.pool]])),
    )
    for model in config.models
}
for model in config.models:
    replicas = models[model.name]
    if replicas.autoscaled:
        target = HpaPolicyArgs(namespace=serving.namespace, target=replicas.deployment_name, model=model)
        HpaPolicy(model.name, target, on_cluster)

pulumi.export("cluster", cluster.outputs)
pulumi.export("namespace", serving.namespace)
pulumi.export("pools", {name: pool.node_group for name, pool in pools.items()})
pulumi.export("endpoints", {name: deployment.endpoint for name, deployment in models.items()})
