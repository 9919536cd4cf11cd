"""The few nodes that carry the cluster's own pods, Karpenter among them. No model runs here.

A managed node group of fixed size: what provisions every other node cannot wait for a node itself. Only
cluster-autoscaler, which finds every managed group, may add one to it.
"""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_aws import ec2, eks

from elastic_vllm.clouds.aws import billing, encryption, identity, user_data
from elastic_vllm.clouds.aws.network import Network
from elastic_vllm.spec import AwsCluster

AMI_TYPE = "BOTTLEROCKET_x86_64"
DISKS = {"/dev/xvda": billing.SYSTEM_VOLUME_GIB, "/dev/xvdb": billing.SYSTEM_DATA_GIB}


def system_nodes(
    name: str,
    spec: AwsCluster,
    cluster: eks.Cluster,
    network: Network,
    *,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> eks.NodeGroup:
    """Register the node group and its launch template, after what ``opts`` depend on."""
    role = identity.node_role(f"{name}-role", spec, opts)
    template = _template(name, spec, {**tags, "Name": name}, opts)
    return eks.NodeGroup(
        name,
        cluster_name=cluster.name,
        node_role_arn=role.role.arn,
        subnet_ids=[network.private_subnets[zone] for zone in spec.first_zones],
        ami_type=AMI_TYPE,
        capacity_type="ON_DEMAND",
        instance_types=[spec.system_machine],
        launch_template={"id": template.id, "version": template.latest_version.apply(str)},
        node_repair_config={"enabled": True},
        scaling_config={
            "desired_size": spec.system_nodes,
            "max_size": spec.system_nodes + 1,
            "min_size": spec.system_nodes,
        },
        update_config={"max_unavailable": 1},
        version=cluster.version,
        opts=pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(depends_on=role.ready, ignore_changes=live_size(spec))
        ),
    )


def live_size(spec: AwsCluster) -> list[str]:
    """What the autoscaler owns of the group; nothing where Karpenter leaves it alone."""
    return ["scalingConfig.desiredSize"] if spec.node_autoscaler == "cluster-autoscaler" else []


def _template(
    name: str, spec: AwsCluster, tags: Mapping[str, str], opts: pulumi.ResourceOptions
) -> ec2.LaunchTemplate:
    """Encrypted disks, and a metadata service that containers cannot reach. The rest is EKS's choice."""
    return ec2.LaunchTemplate(
        name,
        block_device_mappings=_disks(spec),
        metadata_options={"http_tokens": "required", "http_put_response_hop_limit": 1},
        tag_specifications=[
            {"resource_type": kind, "tags": tags} for kind in ("instance", "network-interface", "volume")
        ],
        update_default_version=True,
        user_data=user_data.encoded(user_data.of_system(spec)),
        opts=opts,
    )


def _disks(spec: AwsCluster) -> Sequence[ec2.LaunchTemplateBlockDeviceMappingArgsDict]:
    return [
        {
            "device_name": device,
            "ebs": {
                "delete_on_termination": "true",
                **encryption.of_disk(spec),
                "volume_size": gib,
                "volume_type": "gp3",
            },
        }
        for device, gib in DISKS.items()
    ]
