"""The launch template of a managed group of GPU nodes: what ``machine_spec`` is where Karpenter makes them.

The image, the labels and the taint are EKS's to add; here are disks, settings, tags and what is reserved.
"""

from typing import TYPE_CHECKING

import pulumi
from pulumi_aws import ec2

from elastic_vllm.catalog import MachineRow
from elastic_vllm.clouds.aws import billing, encryption, user_data
from elastic_vllm.clouds.aws.cluster import EksContext
from elastic_vllm.spec import AwsCluster, NodePoolSpec

if TYPE_CHECKING:
    from pulumi_aws.ec2 import (
        LaunchTemplateBlockDeviceMappingArgsDict,
        LaunchTemplateBlockDeviceMappingEbsArgsDict,
        LaunchTemplateCapacityReservationSpecificationArgsDict,
    )


def gpu_template(
    name: str,
    base: EksContext,
    pool: NodePoolSpec,
    machine: MachineRow,
    opts: pulumi.ResourceOptions,
) -> ec2.LaunchTemplate:
    """Register it. Encrypted disks, and a metadata service that containers cannot reach."""
    tags = {**base.tags, "Name": f"{base.name}-{pool.name}"}
    block = bool(pool.reservation and pool.reservation.block)
    return ec2.LaunchTemplate(
        f"{name}-template",
        block_device_mappings=disks(base.spec, machine),
        capacity_reservation_specification=reserved(pool),
        instance_market_options={"market_type": "capacity-block"} if block else None,
        instance_type=machine.name if block else None,
        metadata_options={"http_tokens": "required", "http_put_response_hop_limit": 1},
        tag_specifications=[
            {"resource_type": kind, "tags": tags} for kind in ("instance", "network-interface", "volume")
        ],
        update_default_version=True,
        user_data=encoded(base.spec, machine),
        opts=opts,
    )


def disks(spec: AwsCluster, machine: MachineRow) -> "list[LaunchTemplateBlockDeviceMappingArgsDict]":
    """Bottlerocket's own volume, and the one for images and pods; a snapshot brings its own encryption."""
    data: LaunchTemplateBlockDeviceMappingEbsArgsDict = {
        "delete_on_termination": "true",
        "volume_size": billing.LOGS_GIB,
        "volume_type": "gp3",
    }
    if not billing.uses_local_disks(spec, machine):
        data |= {"throughput": billing.GPU_DISK_THROUGHPUT, "volume_size": billing.GPU_DATA_GIB}
    if spec.image_snapshot:
        data["snapshot_id"] = spec.image_snapshot
    else:
        data |= encryption.of_disk(spec)
    system: LaunchTemplateBlockDeviceMappingEbsArgsDict = {
        "delete_on_termination": "true",
        **encryption.of_disk(spec),
        "volume_size": billing.SYSTEM_VOLUME_GIB,
        "volume_type": "gp3",
    }
    return [{"device_name": "/dev/xvda", "ebs": system}, {"device_name": "/dev/xvdb", "ebs": data}]


def reserved(pool: NodePoolSpec) -> "LaunchTemplateCapacityReservationSpecificationArgsDict | None":
    """The reservation that the machines come from, where there is one."""
    if pool.reservation is None:
        return None
    return {"capacity_reservation_target": {"capacity_reservation_id": pool.reservation.name}}


def encoded(spec: AwsCluster, machine: MachineRow) -> str | None:
    """The node's settings as EC2 takes them; EKS adds its own."""
    return user_data.encoded(user_data.of_group(spec, machine))
