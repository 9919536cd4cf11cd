"""The seam between the product and a cloud, and where the embedded cluster keeps its files."""

import subprocess
import sys
from pathlib import Path

import pytest

from components.clouds import cloud_for
from components.clouds.local import home
from components.clouds.local.home import ClusterMissingError
from components.cluster import Cluster, ClusterArgs
from components.spec import LocalCluster
from fleet.embedded.monitor import run
from fleet.embedded.registration import Graph
from tests.manifests import inputs


def provider(*, preview: bool) -> Graph:
    cloud = cloud_for(LocalCluster(cloud="local"))
    return run(lambda: Cluster("cluster", ClusterArgs(cloud=cloud)), preview=preview)


def test_naming_the_clouds_imports_no_sdk() -> None:
    program = "import sys, components.clouds; print(sorted(m for m in sys.modules if m.startswith('pulumi')))"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_the_provider_is_explicit_about_its_cluster(kubeconfig: Path) -> None:
    given = inputs(provider(preview=False), "cluster-provider")
    assert given["kubeconfig"] == str(kubeconfig)
    assert given["enableServerSideApply"] == given["enableSecretMutable"] == "true"


def test_the_provider_belongs_to_the_cluster_and_was_once_alone() -> None:
    graph = provider(preview=True)
    registered = graph.named("cluster-provider")
    assert registered.parent == graph.named("cluster").urn
    assert registered.aliases == ("name=embedded,noParent=True",)


def test_the_ambient_kubeconfig_is_never_used(monkeypatch: pytest.MonkeyPatch, kubeconfig: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", "somebody-elses")
    assert inputs(provider(preview=False), "cluster-provider")["kubeconfig"] == str(kubeconfig)


def test_an_update_without_a_cluster_names_the_command_that_starts_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ELASTIC_VLLM_KUBECONFIG", raising=False)
    monkeypatch.setenv("ELASTIC_VLLM_HOME", str(tmp_path))
    with pytest.raises(ClusterMissingError, match="fleet cluster up"):
        provider(preview=False)


def test_a_preview_needs_no_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ELASTIC_VLLM_KUBECONFIG", raising=False)
    monkeypatch.setenv("ELASTIC_VLLM_HOME", str(tmp_path))
    assert inputs(provider(preview=True), "cluster-provider")["kubeconfig"] == str(tmp_path / "kubeconfig")


def test_the_state_directory_is_the_users_own_unless_it_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("ELASTIC_VLLM_HOME", "ELASTIC_VLLM_KUBECONFIG", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert home.home() == Path.home() / ".local" / "share" / "elastic-vllm"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert home.home() == tmp_path / "data" / "elastic-vllm"
    monkeypatch.setenv("ELASTIC_VLLM_HOME", str(tmp_path / "state"))
    assert home.kubeconfig() == tmp_path / "state" / "kubeconfig"
    monkeypatch.setenv("ELASTIC_VLLM_KUBECONFIG", str(tmp_path / "elsewhere"))
    assert home.kubeconfig() == tmp_path / "elsewhere"
