"""A Pulumi program in YAML deploys a model by the component provider: real CLI, real cluster."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from elastic_vllm.testing.values import mapping
from fleet.cli.console import Steps
from fleet.embedded import binaries
from fleet.embedded.layout import Layout
from fleet.kube.apiserver import Apiserver, connect
from fleet.kube.objects import Ref
from tests.cluster.objects import delete
from tests.cluster.simulated import Space

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parents[2]
TOOLS = ("pulumi", "pulumi-language-yaml", "pulumi-resource-kubernetes")
NAMESPACE = "inference"
"""As the program in the documentation names it."""
NODE = Ref(api_version="v1", kind="Node", namespace="", name="node-of-the-yaml-program")
DEPLOYMENT = Ref(api_version="apps/v1", kind="Deployment", namespace=NAMESPACE, name="chat")


@dataclass(frozen=True)
class Project:
    """A copy of the documentation's program with a state of its own."""

    root: Path
    environment: dict[str, str] = field(repr=False)

    @property
    def program(self) -> Path:
        return self.root / "Pulumi.yaml"

    def pulumi(self, *arguments: str, fails: bool = False) -> str:
        done = subprocess.run(
            ["pulumi", *arguments, "--stack", "by-yaml", "--non-interactive", "--color", "never"],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def api(cluster: Layout) -> Apiserver:
    return connect(cluster.kubeconfig)


@pytest.fixture(scope="module")
def node(api: Apiserver) -> Iterator[None]:
    """A GPU node of one's own, as the program expects it."""
    taint = {"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}
    body = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODE.name, "labels": {"gpu": "l4"}},
        "spec": {"taints": [taint]},
        "status": {"allocatable": {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": "1", "pods": "20"}},
    }
    api.send("POST", "/api/v1/nodes", body=body)
    space = Space(api, NAMESPACE)
    space.ready(NODE)
    yield
    delete(api, NODE)
    space.until(NODE, lambda item: item is None)


@pytest.fixture(scope="module")
def project(
    cluster: Layout, api: Apiserver, node: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """The stack, deployed; afterwards its namespace is gone."""
    root = tmp_path_factory.mktemp("yaml")
    shutil.copy(ROOT / "docs" / "example" / "yaml" / "Pulumi.yaml", root)
    made = Project(root, environment(root))
    made.pulumi("stack", "init")
    made.pulumi("config", "set", "--secret", "kubeconfig", cluster.kubeconfig.read_text())
    made.pulumi("up", "--yes")
    yield made
    made.pulumi("destroy", "--yes")
    assert api.get(Ref(api_version="v1", kind="Namespace", namespace="", name=NAMESPACE)) is None


def environment(root: Path) -> dict[str, str]:
    """With the CLI and every plugin on PATH, our own as ``pip install`` puts it there."""
    with Steps() as steps:
        binaries.ensure(steps, names=TOOLS)
    (root / "bin").mkdir()
    for name in TOOLS:
        (root / "bin" / name).symlink_to(binaries.path(name))
    provider = root / "bin" / "pulumi-resource-elastic-vllm"
    provider.write_text(f"#!{sys.executable}\nfrom elastic_vllm.provider import main\nmain()\n")
    provider.chmod(0o755)
    (root / "state").mkdir()
    return os.environ | {
        "PATH": f"{root / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "components"),
        "PULUMI_HOME": str(root / "home"),
        "PULUMI_BACKEND_URL": f"file://{root / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "of a test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }


def test_the_model_of_a_yaml_program_serves_and_is_scaled(project: Project, api: Apiserver) -> None:
    ready = Space(api, NAMESPACE).until(
        DEPLOYMENT, lambda item: mapping(mapping(item).get("status")).get("readyReplicas") == 1
    )
    assert ready is not None
    (hpa,) = api.list("autoscaling/v2", "HorizontalPodAutoscaler", NAMESPACE)
    assert mapping(mapping(hpa.get("spec"))["scaleTargetRef"])["name"] == "chat"
    assert project.pulumi("stack", "output", "endpoint").strip() == "http://chat.inference.svc:8000/v1"


def test_a_preview_of_it_is_empty(project: Project) -> None:
    project.pulumi("preview", "--expect-no-changes")


def test_a_wrong_value_is_one_error_at_its_key(project: Project) -> None:
    whole = project.program.read_text()
    project.program.write_text(whole.replace("pool: l4}", "pool: l4, engine: {maxModelLen: 3}}"))
    try:
        shown = project.pulumi("preview", fails=True)
    finally:
        project.program.write_text(whole)
    assert "model.engine.maxModelLen: 3 is too small" in shown
    assert "Traceback" not in shown
    assert 'File "' not in shown
