"""Which binaries there are, and what pins each: a Go module, a package in it, the version it reports."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from fleet.embedded.releases import RELEASES, Release

TOOLS = Path(__file__).parent / "tools"
KUBERNETES_VERSION = "1.36.3"
KWOK_VERSION = "0.8.0"
PULUMI_VERSION = "3.274.1"
PULUMI_KUBERNETES_VERSION = "4.25.0"
"""The release of 2026-01-15, the day of the one commit of the provider that the module proxy serves."""

_MAJOR, _MINOR, _ = KUBERNETES_VERSION.split(".")
_KUBERNETES_STAMP = {
    "k8s.io/component-base/version.gitVersion": f"v{KUBERNETES_VERSION}",
    "k8s.io/component-base/version.gitMajor": _MAJOR,
    "k8s.io/component-base/version.gitMinor": _MINOR,
    "k8s.io/component-base/version.gitTreeState": "clean",
}
_PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4"
_PROVIDER_STAMP = f"{_PROVIDER}/pkg/version.Version"
_KWOK_STAMP = {"sigs.k8s.io/kwok/pkg/consts.Version": f"v{KWOK_VERSION}"}


@dataclass(frozen=True)
class Binary:
    """One program: the module that pins it, its package, and the version that a build reports."""

    name: str
    module: str
    package: str
    stamp: tuple[tuple[str, str], ...] = ()
    embeds: tuple[str, str] | None = field(default=None, repr=False)
    """The Go module, and the folder in it, whose JSON files a main package of our own embeds."""

    @property
    def version(self) -> str:
        """The version that is pinned."""
        if self.embeds:
            return dict(self.stamp)[_PROVIDER_STAMP]
        text = (TOOLS / self.module / "go.mod").read_text()
        pins: dict[str, str] = dict(re.findall(r"^\s*(\S+) v(\S+)", text, re.MULTILINE))
        return pins[max((pin for pin in pins if f"{self.package}/".startswith(f"{pin}/")), key=len)]

    @property
    def release(self) -> Release | None:
        """Where it is published for this machine; None where it is not."""
        row = RELEASES.get(self.name)
        return row.resolved(self.name, self.version) if row else None


def _binary(name: str, module: str, package: str, stamp: dict[str, str] | None = None) -> Binary:
    return Binary(name, module, package, tuple((stamp or {}).items()))


BINARIES = (
    _binary("etcd", "etcd", "go.etcd.io/etcd/server/v3"),
    _binary("kube-apiserver", "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", _KUBERNETES_STAMP),
    _binary(
        "kube-controller-manager",
        "kubernetes",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
        _KUBERNETES_STAMP,
    ),
    _binary("kube-scheduler", "kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler", _KUBERNETES_STAMP),
    _binary("kubectl", "kubernetes", "k8s.io/kubernetes/cmd/kubectl", _KUBERNETES_STAMP),
    _binary("kwokctl", "addons", "sigs.k8s.io/kwok/cmd/kwokctl", _KWOK_STAMP),
    _binary("kwok", "addons", "sigs.k8s.io/kwok/cmd/kwok", _KWOK_STAMP),
    _binary("metrics-server", "addons", "sigs.k8s.io/metrics-server/cmd/metrics-server"),
    # Karpenter's provider for kwok is a package called kwok as well, hence the name of its own.
    _binary("karpenter", "addons", "sigs.k8s.io/karpenter/kwok"),
    _binary("lws", "lws", "sigs.k8s.io/lws/cmd"),
)
"""What the embedded cluster runs."""

PULUMI = (
    _binary(
        "pulumi",
        "pulumi",
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        {"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": PULUMI_VERSION},
    ),
    Binary(
        "pulumi-resource-kubernetes",
        "pulumi-kubernetes",
        ".",
        ((_PROVIDER_STAMP, PULUMI_KUBERNETES_VERSION),),
        embeds=(_PROVIDER, "cmd/pulumi-resource-kubernetes"),
    ),
    _binary(
        "pulumi-language-yaml",
        "pulumi-yaml",
        "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
        {"github.com/pulumi/pulumi-yaml/pkg/version.Version": "1.25.0"},
    ),
)
"""What deploys, where the user has none."""
