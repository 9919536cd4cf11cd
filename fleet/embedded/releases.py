"""Where publishers put their binaries, and where they put the checksums: one row per binary, as data.

Looked up on 2026-11-30 in each project's release scripts and documentation; no release host could be
reached then, so no row has met the real one. A row that does not fit costs a build, never a wrong binary.
metrics-server and LeaderWorkerSet publish images only, Karpenter's provider for kwok nothing.
"""

import platform
from dataclasses import dataclass


@dataclass(frozen=True)
class Release:
    """One file to download, the document that holds its SHA-256, and the binary's place in an archive."""

    url: str
    checksums: str
    """A list of sums and names, a lone sum, or GitHub's JSON of a release (a digest for each file)."""
    member: str = ""
    """Empty: the file is the binary itself."""

    def resolved(self, name: str, version: str) -> "Release":
        """The same without placeholders, for one binary on this kind of machine."""
        system = platform.system().lower()
        machine = platform.machine().lower()
        arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
        values = {
            "name": name,
            "version": version,
            "os": system,
            "arch": arch,
            "x64": "x64" if arch == "amd64" else arch,
            "etcd_suffix": "tar.gz" if system == "linux" else "zip",
        }
        return Release(*(text.format(**values) for text in (self.url, self.checksums, self.member)))


_KUBERNETES_URL = "https://dl.k8s.io/v{version}/bin/{os}/{arch}/{name}"
_KUBERNETES = Release(_KUBERNETES_URL, f"{_KUBERNETES_URL}.sha256")

_ETCD = "https://github.com/etcd-io/etcd/releases/download/v{version}"

# kwok's release script uploads binaries alone. GitHub computes a digest of every uploaded file.
_KWOK = Release(
    "https://github.com/kubernetes-sigs/kwok/releases/download/v{version}/{name}-{os}-{arch}",
    "https://api.github.com/repos/kubernetes-sigs/kwok/releases/tags/v{version}",
)

_PULUMI = "https://get.pulumi.com/releases/sdk/pulumi"
_PULUMI_CHECKSUMS = f"{_PULUMI}-{{version}}-checksums.txt"
_PULUMI_ARCHIVE = f"{_PULUMI}-v{{version}}-{{os}}-{{x64}}.tar.gz"

RELEASES = {
    "etcd": Release(
        f"{_ETCD}/etcd-v{{version}}-{{os}}-{{arch}}.{{etcd_suffix}}",
        f"{_ETCD}/SHA256SUMS",
        "etcd-v{version}-{os}-{arch}/etcd",
    ),
    "kube-apiserver": _KUBERNETES,
    "kube-controller-manager": _KUBERNETES,
    "kube-scheduler": _KUBERNETES,
    "kubectl": _KUBERNETES,
    "kwok": _KWOK,
    "kwokctl": _KWOK,
    "pulumi": Release(_PULUMI_ARCHIVE, _PULUMI_CHECKSUMS, "pulumi/pulumi"),
    "pulumi-resource-kubernetes": Release(
        "https://github.com/pulumi/pulumi-kubernetes/releases/download/v{version}/{name}-v{version}-{os}-{arch}.tar.gz",
        "https://api.github.com/repos/pulumi/pulumi-kubernetes/releases/tags/v{version}",
        "{name}",
    ),
}
