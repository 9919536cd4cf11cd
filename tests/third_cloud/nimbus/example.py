"""A stack on Nimbus, declared in Python."""

from elastic_vllm.clouds.nimbus.facts import NimbusCluster
from elastic_vllm.spec import NodePoolSpec
from elastic_vllm.spec.stack import StackConfig

STACK = StackConfig(
    cluster=NimbusCluster(cloud="nimbus", region="north", context="nimbus"),
    pools=(NodePoolSpec(name="l4", accelerator="l4", max_nodes=4),),
)
