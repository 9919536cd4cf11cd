"""Bottlerocket's settings on GPU nodes, as TOML: how images come, what the machine's own disks are for."""

from elastic_vllm.catalog import MachineRow
from elastic_vllm.clouds.aws import billing
from elastic_vllm.spec import AwsCluster

FAST_PULL = """\
[settings.container-runtime]
snapshotter = "soci"

[settings.container-runtime-plugins.soci-snapshotter]
pull-mode = "parallel-pull-unpack"

[settings.container-runtime-plugins.soci-snapshotter.parallel-pull-unpack]
concurrent-download-chunk-size = "16mb"
discard-unpacked-layers = true
max-concurrent-downloads-per-image = 20
max-concurrent-unpacks-per-image = 12
"""
"""Layers are fetched in pieces and unpacked side by side: the engine's image is many gigabytes.

The mode's own defaults are containerd's: three downloads of whole layers, and one unpack, at a time. These
are those of aws-samples/karpenter-blueprints (2025-11).
https://bottlerocket.dev/en/os/latest/api/settings/container-runtime-plugins"""
LOCAL_DISKS = """\
[settings.bootstrap-commands.mount-local-disks]
commands = [["apiclient", "ephemeral-storage", "init"], ["apiclient", "ephemeral-storage", "bind"]]
essential = true
mode = "always"
"""
"""The machine's own disks as one, for images, pods and their volumes. Karpenter writes the same by itself."""


def pulling(cluster: AwsCluster) -> str | None:
    """How images are pulled; a node that starts from a snapshot keeps the snapshotter that wrote it."""
    return None if cluster.image_snapshot else FAST_PULL


def whole(cluster: AwsCluster, machine: MachineRow) -> str | None:
    """All of it, for nodes that Karpenter does not make."""
    parts = [pulling(cluster), LOCAL_DISKS if billing.uses_local_disks(cluster, machine) else None]
    return "\n".join(part for part in parts if part) or None
