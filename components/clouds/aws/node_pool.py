"""One pool as a Karpenter ``NodePool`` and the ``EC2NodeClass`` that says how its machines are made.

A machine's own NVMe disks, where it has some, hold images, weights and scratch; else an encrypted volume.
"""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components import catalog, labels
from components.catalog import MachineRow
from components.clouds import karpenter
from components.clouds.aws import image
from components.clouds.aws.autoscaler import Karpenter
from components.clouds.aws.cluster import Foundation
from components.spec import NodeAutoscalingSpec, NodePoolSpec

GROUP = "karpenter.k8s.aws"
KIND = "EC2NodeClass"
DISK_GIB = 200
DRAIN_TIMEOUT = "60m"
"""How long a pool may take to go: its last answers, then its machines."""


def node_pool(
    name: str,
    base: Foundation,
    nodes: Karpenter,
    pool: NodePoolSpec,
    *,
    autoscaling: NodeAutoscalingSpec,
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    """Register the class, then the pool; answer the pool's name."""
    machine = catalog.machine_for("aws", pool.accelerator, pool.gpus_per_node, pool.machine)
    slow = pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(delete=DRAIN_TIMEOUT))
    opts = pulumi.ResourceOptions.merge(opts, slow)
    subnets = base.network.private_subnet_ids
    node_class = CustomResource(
        f"{name}-class",
        api_version=f"{GROUP}/v1",
        kind=KIND,
        metadata={"name": pool.name, "labels": {**labels.shared(), labels.POOL: pool.name}},
        spec={
            **machine_spec(pool, machine),
            "instanceProfile": nodes.profile,
            "securityGroupSelectorTerms": [{"id": base.eks.vpc_config.cluster_security_group_id}],
            "subnetSelectorTerms": [{"id": subnet} for subnet in subnets],
            "tags": {**base.tags, "Name": f"{base.name}-{pool.name}"},
        },
        opts=opts,
    )
    ref = karpenter.NodeClassRef(group=GROUP, kind=KIND, name=pool.name)
    template = karpenter.node_template(pool, machine, ref)
    return karpenter.register(name, pool, autoscaling, template, _after(opts, [node_class]))


def machine_spec(pool: NodePoolSpec, machine: MachineRow) -> Mapping[str, object]:
    """What a machine of the pool is made of: image, disks, and a metadata service that no pod reaches."""
    return {
        "amiSelectorTerms": [{"alias": image.alias(pool)}],
        "associatePublicIPAddress": False,
        "blockDeviceMappings": [_volume("/dev/xvda", 4), _volume("/dev/xvdb", DISK_GIB, throughput=500)],
        **({"instanceStorePolicy": "RAID0"} if machine.local_disk_gb else {}),
        "metadataOptions": {
            "httpEndpoint": "enabled",
            "httpProtocolIPv6": "disabled",
            "httpPutResponseHopLimit": 1,
            "httpTokens": "required",
        },
    }


def _volume(device: str, gib: int, **extra: int) -> Mapping[str, object]:
    return {
        "deviceName": device,
        "ebs": {
            "deleteOnTermination": True,
            "encrypted": True,
            "volumeSize": f"{gib}Gi",
            "volumeType": "gp3",
            **extra,
        },
    }


def _after(opts: pulumi.ResourceOptions, first: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=first))
