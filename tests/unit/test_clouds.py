"""The seam between the product and a cloud, and where the embedded cluster keeps its files."""

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from elastic_vllm.clouds import cloud_for
from elastic_vllm.clouds.aws.cloud import AwsCloud
from elastic_vllm.clouds.base import Cloud, RegisteredAutoscaler, RegisteredCluster
from elastic_vllm.clouds.gcp.cloud import GcpCloud
from elastic_vllm.clouds.local import home
from elastic_vllm.clouds.local.cloud import LocalCloud
from elastic_vllm.clouds.local.home import ClusterMissingError
from elastic_vllm.cluster import Cluster, ClusterArgs
from elastic_vllm.spec import LocalCluster
from elastic_vllm.testing.monitor import run
from elastic_vllm.testing.registration import Graph
from tests.manifests import inputs


def provider(*, preview: bool) -> Graph:
    cloud = cloud_for(LocalCluster(cloud="local"))
    return run(lambda: Cluster("cluster", ClusterArgs(cloud=cloud)), preview=preview)


def test_naming_the_clouds_imports_no_sdk() -> None:
    program = (
        "import sys, elastic_vllm.clouds; print(sorted(m for m in sys.modules if m.startswith('pulumi')))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_the_provider_is_explicit_about_its_cluster(kubeconfig: Path) -> None:
    given = inputs(provider(preview=False), "cluster-provider")
    assert given["kubeconfig"] == str(kubeconfig)
    assert given["enableServerSideApply"] == given["enableSecretMutable"] == "true"


def test_the_provider_belongs_to_the_cluster_and_had_no_parent_once() -> None:
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


ROOT = Path(__file__).parents[2]
OF_A_PROVIDER = re.compile(
    r"\b(eks|gke|ec2|iam|gcloud|amazonaws|googleapis|k8s\.aws|cloud\.google\.com|nvidia-l4"
    r"|[gp]\d[a-z]*\.\d*x?large|g2-standard|bottlerocket)\b",
    re.IGNORECASE,
)


def methods(cloud: type) -> dict[str, list[str]]:
    """Its public methods, with their parameters."""
    return {
        name: list(inspect.signature(found).parameters)
        for name, found in inspect.getmembers(cloud, inspect.isfunction)
        if not name.startswith("_")
    }


@pytest.mark.parametrize("cloud", [AwsCloud, GcpCloud, LocalCloud])
def test_the_clouds_line_up_method_by_method_and_file_by_file(cloud: type) -> None:
    own = [found for found in vars(inspect.getmodule(cloud)).values() if inspect.isclass(found)]
    stages = [found for found in own if found.__module__ == cloud.__module__]
    assert [methods(stage) for stage in stages] == [
        methods(protocol) for protocol in (Cloud, RegisteredCluster, RegisteredAutoscaler)
    ]
    there = {path.stem for path in Path(inspect.getfile(cloud)).parent.glob("*.py")}
    facts = {"billing", "cloud", "facts", "quotas", "rules", "spec"}  # no SDK but in cloud
    assert there >= facts | {"autoscaler", "cluster", "node_pool", "placement"}


@pytest.mark.parametrize("cloud", [AwsCloud, GcpCloud, LocalCloud])
def test_no_cloud_remembers_what_it_registered(cloud: type) -> None:
    found = cloud(LocalCluster(cloud="local"))
    with pytest.raises(FrozenInstanceError):
        found.spec = None


def test_the_two_real_clouds_have_the_same_files_for_the_same_things() -> None:
    aws, gcp = (
        {path.stem for path in (ROOT / "components/elastic_vllm/clouds" / name).glob("*.py")}
        for name in ("aws", "gcp")
    )
    alike = {
        "control_plane",
        "deployer",
        "encryption",
        "identity",
        "naming",
        "network",
        "rules",
        "system_nodes",
    }
    assert alike <= aws & gcp


@pytest.mark.parametrize("cloud", ["aws", "gcp", "local"])
def test_the_facts_of_a_cloud_load_without_any_sdk(cloud: str) -> None:
    program = f"import sys, elastic_vllm.clouds.{cloud}.facts; sys.exit('pulumi' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT / "components", check=False)
    assert done.returncode == 0


def said_in_code(path: Path) -> Iterator[str]:
    """Every string that is no docstring."""
    tree = ast.parse(path.read_text())
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def test_nothing_outside_the_clouds_and_the_catalogue_names_a_providers_thing() -> None:
    files = [
        ROOT / "__main__.py",
        *(path for top in ("components", "stacks", "fleet") for path in (ROOT / top).rglob("*.py")),
    ]
    naming = {
        str(path.relative_to(ROOT))
        for path in files
        if any(OF_A_PROVIDER.search(text) for text in said_in_code(path))
    }
    apart = ("components/elastic_vllm/clouds/", "components/elastic_vllm/catalog/")
    assert [name for name in sorted(naming) if not name.startswith(apart)] == []
