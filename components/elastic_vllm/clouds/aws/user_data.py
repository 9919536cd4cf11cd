"""Bottlerocket's settings on GPU nodes, as TOML: how images come, disks, the way out."""

import base64
import json

from elastic_vllm.catalog import MachineRow
from elastic_vllm.clouds.address_ranges import INSIDE
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
NOT_PROXIED = (*map(str, INSIDE), "169.254.0.0/16", ".cluster.local", ".svc")
"""The cluster's own, and where nodes and pods get their credentials."""
LOCAL_DISKS = """\
[settings.bootstrap-commands.mount-local-disks]
commands = [["apiclient", "ephemeral-storage", "init"], ["apiclient", "ephemeral-storage", "bind"]]
essential = true
mode = "always"
"""
"""The machine's own disks as one, for images, pods and their volumes. Karpenter writes the same by itself."""


def of_karpenter(cluster: AwsCluster) -> str | None:
    """For nodes that Karpenter makes; one from a snapshot keeps the snapshotter that wrote it."""
    return _joined(None if cluster.image_snapshot else FAST_PULL, of_system(cluster))


def of_group(cluster: AwsCluster, machine: MachineRow) -> str | None:
    """For GPU nodes of a managed group."""
    disks = LOCAL_DISKS if billing.uses_local_disks(cluster, machine) else None
    return _joined(of_karpenter(cluster), disks)


def of_system(cluster: AwsCluster) -> str | None:
    """The way out, and whom to trust on it, for every node. Bottlerocket adds the cluster's own names.

    https://bottlerocket.dev/en/os/latest/api/settings/network and .../pki, 2026-11
    """
    lines: list[str] = []
    if cluster.proxy:
        unproxied = json.dumps([*NOT_PROXIED, *cluster.proxy.no_proxy])
        lines += [
            "[settings.network]",
            f'https-proxy = "{cluster.proxy.https}"',
            f"no-proxy = {unproxied}",
            "",
        ]
    if cluster.ca_bundle:
        data = base64.b64encode(cluster.ca_bundle.encode()).decode("ascii")
        lines += ["[settings.pki.landing-zone]", f'data = "{data}"', "trusted = true", ""]
    return "\n".join(lines) or None


def encoded(settings: str | None) -> str | None:
    """The settings as a launch template has them; EKS adds its own."""
    return base64.b64encode(settings.encode()).decode("ascii") if settings else None


def _joined(*parts: str | None) -> str | None:
    return "\n".join(part for part in parts if part) or None
