"""EKS's control plane: private, logged, its Secrets encrypted, access by API alone.

Its public address answers the ranges in ``authorizedNetworks`` only; without any it is off, and
the program has to run inside the VPC, or be joined to it.
"""

import pulumi
from pulumi_aws import cloudwatch, eks

from elastic_vllm.clouds.aws import encryption, identity, naming
from elastic_vllm.clouds.aws.network import Network
from elastic_vllm.spec import AwsCluster

ADMIN_POLICY = "AmazonEKSClusterAdminPolicy"


def control_plane(
    name: str, cluster_name: str, spec: AwsCluster, network: Network, opts: pulumi.ResourceOptions
) -> eks.Cluster:
    """Register the control plane with its role, key and log group, and its administrators."""
    role = identity.role(f"{name}-role", spec, identity.CLUSTER, ["AmazonEKSClusterPolicy"], opts)
    key, key_use = encryption.secrets_key(name, spec, role.role, opts)
    logs = cloudwatch.LogGroup(
        f"{name}-logs",
        name=f"/aws/eks/{cluster_name}/cluster",  # EKS writes there, and sets no retention itself
        retention_in_days=spec.log_retention_days,
        opts=opts,
    )
    first = pulumi.ResourceOptions(
        depends_on=[*network.ready, *role.ready, key_use, logs], protect=spec.protect or None
    )
    cluster = eks.Cluster(
        name,
        name=cluster_name,
        version=spec.kubernetes,
        role_arn=role.role.arn,
        vpc_config=_reach(spec, network),
        access_config={"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": True},
        bootstrap_self_managed_addons=False,
        control_plane_scaling_config={"tier": spec.control_plane_tier},
        kube_controller_manager_config=_sync_period(spec.hpa_sync_seconds),
        enabled_cluster_log_types=spec.control_plane_logs,
        encryption_config={"provider": {"key_arn": key}, "resources": ["secrets"]},
        # When support ends AWS upgrades the cluster instead of billing it six times. Raise ``kubernetes``
        # before that, or after it to what AWS made: EKS takes no older version back.
        upgrade_policy={"support_type": "STANDARD"},
        deletion_protection=spec.protect,
        opts=pulumi.ResourceOptions.merge(opts, first),
    )
    for who, arn in naming.admins(spec.admins).items():
        _admin(f"{name}-admin-{who}", spec, cluster, arn, opts)
    return cluster


def _reach(spec: AwsCluster, network: Network) -> eks.ClusterVpcConfigArgsDict:
    reach: eks.ClusterVpcConfigArgsDict = {
        "subnet_ids": [network.private_subnets[zone] for zone in spec.first_zones],
        "endpoint_private_access": True,
        "endpoint_public_access": bool(spec.authorized_networks),
    }
    if spec.authorized_networks:
        reach["public_access_cidrs"] = spec.authorized_networks
    return reach


def _sync_period(seconds: int | None) -> eks.ClusterKubeControllerManagerConfigArgsDict | None:
    if seconds is None:
        return None
    return {
        "horizontal_pod_autoscaler_controller_config": {
            "horizontal_pod_autoscaler_sync_period": f"{seconds}s"
        }
    }


def _admin(who: str, spec: AwsCluster, cluster: eks.Cluster, arn: str, opts: pulumi.ResourceOptions) -> None:
    entry = eks.AccessEntry(who, cluster_name=cluster.name, principal_arn=arn, type="STANDARD", opts=opts)
    eks.AccessPolicyAssociation(
        who,
        cluster_name=cluster.name,
        principal_arn=entry.principal_arn,
        policy_arn=f"arn:{naming.partition(spec.region)}:eks::aws:cluster-access-policy/{ADMIN_POLICY}",
        access_scope={"type": "cluster"},
        opts=opts,
    )
