"""One pool as a Karpenter ``NodePool`` and the ``EC2NodeClass`` that says how its machines are made.

A machine's own NVMe disks, where it has some, hold images, weights and scratch; else an encrypted volume.
"""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from elastic_vllm import catalog, labels
from elastic_vllm.catalog import MachineRow
from elastic_vllm.clouds import karpenter
from elastic_vllm.clouds.aws import billing, image, user_data
from elastic_vllm.clouds.aws.autoscaler import Karpenter
from elastic_vllm.clouds.aws.cluster import EksContext
from elastic_vllm.spec import AwsCluster, NodeAutoscalingSpec, NodePoolSpec

GROUP = "karpenter.k8s.aws"
KIND = "EC2NodeClass"
DRAIN_TIMEOUT = "60m"
"""How long a pool may take to go: its last answers, then its machines."""


def node_pool(
    name: str,
    base: EksContext,
    nodes: Karpenter,
    pool: NodePoolSpec,
    *,
    autoscaling: NodeAutoscalingSpec,
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    """Register the class, then the pool; answer the pool's name."""
    machine = catalog.machine_for("aws", pool.accelerator, pool.gpus_per_node, pool.chosen)
    slow = pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(delete=DRAIN_TIMEOUT))
    opts = pulumi.ResourceOptions.merge(opts, slow)
    subnets = base.network.private_subnet_ids
    node_class = CustomResource(
        f"{name}-class",
        api_version=f"{GROUP}/v1",
        kind=KIND,
        metadata={"name": pool.name, "labels": {**labels.shared(), labels.POOL: pool.name}},
        spec={
            **machine_spec(base.spec, pool, machine),
            "instanceProfile": nodes.profile,
            "securityGroupSelectorTerms": [{"id": base.eks.security_group}],
            "subnetSelectorTerms": [{"id": subnet} for subnet in subnets],
            "tags": {**base.tags, "Name": f"{base.name}-{pool.name}"},
        },
        opts=opts,
    )
    ref = karpenter.NodeClassRef(group=GROUP, kind=KIND, name=pool.name)
    return karpenter.register(name, pool, autoscaling, machine, ref, opts=_after(opts, [node_class]))


def machine_spec(spec: AwsCluster, pool: NodePoolSpec, machine: MachineRow) -> Mapping[str, object]:
    """What a machine of the pool is made of: image, disks, and a metadata service that no pod reaches."""
    settings = user_data.of_karpenter(spec)
    held = pool.reservation
    own_disks = billing.uses_local_disks(spec, machine)
    key = spec.encryption.disks
    data = (
        _volume("/dev/xvdb", billing.LOGS_GIB, key)
        if own_disks
        else _volume(
            "/dev/xvdb",
            billing.GPU_DATA_GIB,
            key,
            snapshot=spec.image_snapshot,
            throughput=billing.GPU_DISK_THROUGHPUT,
        )
    )
    return {
        "amiSelectorTerms": [{"alias": image.ALIAS}],
        "associatePublicIPAddress": False,
        "blockDeviceMappings": [_volume("/dev/xvda", billing.SYSTEM_VOLUME_GIB, key), data],
        **({"capacityReservationSelectorTerms": [{"id": held.name}]} if held else {}),
        **({"instanceStorePolicy": "RAID0"} if own_disks else {}),
        "metadataOptions": {
            "httpEndpoint": "enabled",
            "httpProtocolIPv6": "disabled",
            "httpPutResponseHopLimit": 1,
            "httpTokens": "required",
        },
        **({"userData": settings} if settings else {}),
    }


def _volume(
    device: str, gib: int, key: str | None, *, snapshot: str | None = None, **extra: int
) -> Mapping[str, object]:
    """A volume; one from a snapshot has the snapshot's encryption, and EC2 takes no word on it."""
    encrypted = {"encrypted": True, **({"kmsKeyID": key} if key else {})}
    return {
        "deviceName": device,
        "ebs": {
            "deleteOnTermination": True,
            **({"snapshotID": snapshot} if snapshot else encrypted),
            "volumeSize": f"{gib}Gi",
            "volumeType": "gp3",
            **extra,
        },
    }


def _after(opts: pulumi.ResourceOptions, first: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=first))
