"""EKS's add-ons: what it takes for nodes to join, and what every cluster of ours runs besides.

Versions are left to EKS, which takes the default for the cluster's Kubernetes version when an add-on is made
and keeps it. There is no NVIDIA device plugin: see ``image.py``.
"""

import json
from collections.abc import Mapping, Sequence

import pulumi
from pulumi_aws import eks

from elastic_vllm.clouds import gpu_node
from elastic_vllm.clouds.aws import identity
from elastic_vllm.spec import AwsCluster

VOLUMES_ACCOUNT = "ebs-csi-controller-sa"
NETWORK_ACCOUNT = "aws-node"


def for_nodes(
    name: str, spec: AwsCluster, cluster: eks.Cluster, opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    """Register what nodes need to become ready; these run on nodes of any kind and wait for none."""
    agent = _addon(name, cluster, "eks-pod-identity-agent", opts)
    proxy = _addon(name, cluster, "kube-proxy", opts)
    role = identity.role(f"{name}-vpc-cni-role", spec, identity.POD, ["AmazonEKS_CNI_Policy"], opts)
    # Without it no NetworkPolicy has any effect on EKS, and the namespace of the models denies by default.
    network = _addon(
        name,
        cluster,
        "vpc-cni",
        _after(opts, role.ready),
        settings={"enableNetworkPolicy": "true"},
        roles={NETWORK_ACCOUNT: role.role.arn},
    )
    return [agent, proxy, network]


def on_nodes(
    name: str,
    spec: AwsCluster,
    cluster: eks.Cluster,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """Register what needs the system nodes to run on; ``opts`` carry the dependency."""
    role = identity.role(
        f"{name}-ebs-csi-role", spec, identity.POD, ["service-role/AmazonEBSCSIDriverPolicy"], opts
    )
    volumes = _addon(
        name,
        cluster,
        "aws-ebs-csi-driver",
        _after(opts, role.ready),
        settings={"controller": {"extraVolumeTags": dict(tags)}},
        roles={VOLUMES_ACCOUNT: role.role.arn},
    )
    # Without a toleration its DCGM server is on no GPU node, and the agent reports every GPU as broken.
    monitor = _addon(
        name,
        cluster,
        "eks-node-monitoring-agent",
        opts,
        settings={"dcgmAgent": {"tolerations": [gpu_node.TOLERATION]}},
    )
    plain = [_addon(name, cluster, addon, opts) for addon in ("coredns", "metrics-server")]
    return [volumes, monitor, *plain]


def _addon(
    name: str,
    cluster: eks.Cluster,
    addon: str,
    opts: pulumi.ResourceOptions,
    *,
    settings: Mapping[str, object] | None = None,
    roles: Mapping[str, pulumi.Input[str]] | None = None,
) -> eks.Addon:
    return eks.Addon(
        f"{name}-{addon}",
        cluster_name=cluster.name,
        addon_name=addon,
        configuration_values=json.dumps(settings, sort_keys=True) if settings else None,
        pod_identity_associations=[
            {"service_account": account, "role_arn": arn} for account, arn in (roles or {}).items()
        ]
        or None,
        resolve_conflicts_on_create="OVERWRITE",
        resolve_conflicts_on_update="OVERWRITE",
        opts=opts,
    )


def _after(opts: pulumi.ResourceOptions, ready: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=ready))
