"""The local stack by the real Pulumi CLI: an update, previews that are empty when they should be, an end."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

import pytest
import yaml

from elastic_vllm import labels
from elastic_vllm.testing.values import mapping, text
from fleet.embedded.layout import Layout
from fleet.kube.apiserver import Apiserver, connect
from fleet.kube.objects import Ref, metadata
from tests.cluster.leaks import everything, holds
from tests.cluster.simulated import Space

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(
        shutil.which("pulumi") is None,
        reason="the Pulumi CLI is not on PATH: https://www.pulumi.com/docs/install/",
    ),
]
ROOT = Path(__file__).parents[2]
NAMESPACE = "by-cli"
STACK = "by-cli"
CANARY = f"canary-{token_hex(12)}"
DEPLOYMENT = Ref(api_version="apps/v1", kind="Deployment", namespace=NAMESPACE, name="chat")


@dataclass(frozen=True)
class Project:
    """A copy of the program with a stack and a state of its own."""

    root: Path
    environment: dict[str, str] = field(repr=False)

    def pulumi(self, *arguments: str) -> str:
        done = subprocess.run(
            ["pulumi", *arguments, "--stack", STACK, "--non-interactive", "--color", "never"],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert not holds(done.stdout + done.stderr, CANARY)
        return done.stdout

    def planned(self) -> dict[str, list[str]]:
        """What a preview would do to each resource, and the field paths for it; unchanged ones left out."""
        steps = json.loads(self.pulumi("preview", "--json"))["steps"]
        return {
            text(step["urn"]).rpartition("::")[2]: sorted(mapping(step.get("detailedDiff")))
            for step in map(mapping, steps)
            if step["op"] != "same"
        }

    @property
    def stack_file(self) -> Path:
        return self.root / "stacks" / f"Pulumi.{STACK}.yaml"

    def change(self, before: str, after: str) -> None:
        content = self.stack_file.read_text()
        assert before in content
        self.stack_file.write_text(content.replace(before, after))


@pytest.fixture(scope="module")
def api(cluster: Layout) -> Apiserver:
    return connect(cluster.kubeconfig)


@pytest.fixture(scope="module")
def project(cluster: Layout, api: Apiserver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The stack, deployed; afterwards nothing of it may be left."""
    made = _checkout(tmp_path_factory.mktemp("project"), cluster)
    made.pulumi("stack", "init")
    made.pulumi("config", "set", "--secret", "--path", "elastic-vllm:apiKeys.chat", CANARY)
    made.pulumi("up", "--yes")
    yield made
    made.pulumi("destroy", "--yes")
    assert [name for name, item in everything(api) if _is_ours(item)] == []


def _checkout(root: Path, cluster: Layout) -> Project:
    for name in ("components", "stacks"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("__main__.py", "Pulumi.yaml"):
        shutil.copy(ROOT / name, root / name)
    (root / ".venv").symlink_to(sys.prefix)
    document = yaml.safe_load((ROOT / "stacks" / "Pulumi.local.yaml").read_text())
    document["config"]["elastic-vllm:namespace"] = NAMESPACE
    document["config"]["elastic-vllm:models"][0]["requireApiKey"] = True
    (root / "stacks" / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(document))
    (root / "state").mkdir()
    environment = os.environ | {
        "PULUMI_BACKEND_URL": f"file://{root / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "of a test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "ELASTIC_VLLM_HOME": str(cluster.root),
    }
    environment.pop("ELASTIC_VLLM_KUBECONFIG", None)
    return Project(root, environment)


def _is_ours(item: object) -> bool:
    found = mapping(metadata(mapping(item)).get("labels"))
    return found.get("app.kubernetes.io/part-of") == "elastic-vllm"


def test_a_preview_after_an_update_is_empty(project: Project) -> None:
    assert project.planned() == {}


def test_a_preview_is_empty_although_the_hpa_has_moved(project: Project, api: Apiserver) -> None:
    (pod,) = api.list("v1", "Pod", NAMESPACE)
    name = text(metadata(pod).get("name"))
    busy = {"metadata": {"annotations": {f"{labels.PREFIX}/cpu-usage": "1250m"}}}
    api.merge(Ref(api_version="v1", kind="Pod", namespace=NAMESPACE, name=name), busy)
    moved = Space(api, NAMESPACE).until(
        DEPLOYMENT, lambda item: (mapping(mapping(item).get("status")).get("readyReplicas") or 0) == 2
    )
    assert mapping(mapping(moved).get("spec"))["replicas"] == 2
    assert project.planned() == {}


def test_an_edit_is_previewed_as_that_field_of_that_resource(project: Project) -> None:
    project.change("maxNumSeqs: 32", "maxNumSeqs: 64")
    planned = project.planned()
    project.change("maxNumSeqs: 64", "maxNumSeqs: 32")
    (name,) = planned
    assert name == "chat-deployment"
    assert all(path.startswith("spec.template.spec.containers[0].args[") for path in planned[name])


def test_an_api_key_is_in_its_secret_and_in_no_other_object_and_not_in_the_state(
    project: Project, api: Apiserver
) -> None:
    where = [name for name, item in everything(api) if holds(repr(item), CANARY)]
    assert where == [f"Secret {NAMESPACE}/chat-api-key"]
    files = [path for path in project.root.rglob("*") if path.is_file() and ".venv" not in path.parts]
    assert len([path for path in files if path.is_relative_to(project.root / "state")]) >= 2
    assert [path for path in files if holds(path.read_text(errors="replace"), CANARY)] == []
