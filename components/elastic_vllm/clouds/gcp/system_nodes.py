"""The few nodes without GPUs that carry the cluster's own pods."""

from collections.abc import Mapping

import pulumi
from pulumi_gcp.container import Cluster, NodePool

from elastic_vllm.clouds.gcp import billing, nodes, quotas
from elastic_vllm.clouds.gcp.control_plane import location
from elastic_vllm.clouds.gcp.identity import NodeIdentity
from elastic_vllm.spec import GcpCluster


def system_nodes(
    name: str,
    spec: GcpCluster,
    on: tuple[Cluster, NodeIdentity],
    labels: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> NodePool:
    """One node in each zone, and a few more when they are needed."""
    cluster, identity = on
    least = len(spec.node_zones)
    return NodePool(
        f"{name}-system",
        cluster=cluster.name,
        location=location(spec),
        initial_node_count=1,
        autoscaling={
            "total_min_node_count": least,
            "total_max_node_count": least + quotas.HEADROOM_NODES,
            "location_policy": "BALANCED",
        },
        management=nodes.management(),
        network_config=nodes.private(),
        node_config={
            **nodes.node_config(spec.system_machine, spec, identity.email, labels),
            "disk_size_gb": billing.SYSTEM_DISK_GB,
            "disk_type": billing.SYSTEM_DISK,
        },
        upgrade_settings={"strategy": "SURGE", "max_surge": 1, "max_unavailable": 0},
        opts=opts,
    )
