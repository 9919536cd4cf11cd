"""A plan is made of any stack file, committed or broken, without a cluster, a network or a secret."""

import json
import socket
import subprocess
from datetime import date
from pathlib import Path
from typing import NoReturn

import pytest

from fleet.errors import DEBUG, FleetError
from fleet.plan import format as formatted
from fleet.plan.build import plan
from fleet.plan.document import Model, Plan
from fleet.workspace import Workspace
from tests.aws import CANARY
from tests.manifests import FP8_8B
from tests.plans import ROOT

TODAY = date(2026, 11, 25)


def write(folder: Path, text: str, stack: str = "mine") -> Path:
    """A folder with one stack file, and no program: what needs one would fail."""
    (folder / "stacks").mkdir()
    (folder / "Pulumi.yaml").write_text("name: mine\nstackConfigDir: stacks\n")
    (folder / "stacks" / f"Pulumi.{stack}.yaml").write_text(text)
    return folder


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with nothing: no network, no other program, no kubeconfig, no credentials."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a plan needs nobody")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("ELASTIC_VLLM_KUBECONFIG", str(tmp_path / "none"))
    for variable in ("AWS_PROFILE", "GOOGLE_APPLICATION_CREDENTIALS", "ELASTIC_VLLM_SECRET_API_KEYS"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("stack", Workspace.at(ROOT).names())
def test_every_committed_stack_is_planned_from_nothing_and_whole(stack: str) -> None:
    found = plan(ROOT, stack, TODAY)
    served = [item.name for item in found.resources if item.type == "kubernetes:apps/v1:Deployment"]
    assert served == [f"{model.name}-deployment" for model in found.models]
    assert found.cloud == "local" or {item.type.partition(":")[0] for item in found.resources} >= {
        found.cloud
    }
    assert "Cluster cluster" in {item.component for item in found.resources}
    assert found.errors == ()
    assert found.models
    assert found.cost is not None
    assert [item.model for item in found.forecast] == [item.name for item in found.models]


def test_what_would_differ_on_another_machine_is_not_in_a_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELASTIC_VLLM_KUBECONFIG", str(tmp_path / "here"))
    assert str(tmp_path) not in plan(ROOT, "local", TODAY).model_dump_json()


def test_a_plan_survives_its_way_through_json() -> None:
    found = plan(ROOT, "local", TODAY)
    assert Plan.model_validate_json(found.model_dump_json()) == found
    assert json.loads(found.model_dump_json())["version"] == 2


def test_ids_that_only_a_cloud_can_give_stand_as_what_they_are() -> None:
    named = {item.name: item for item in plan(ROOT, "aws-prod", TODAY).resources}
    assert named["cluster-private-us-east-1a"].properties["vpcId"] == "<cluster-vpc.id>"
    policy = str(named["cluster-secrets-use"].properties["policy"])
    assert "<cluster-secrets.arn>" in policy
    assert named["cluster-vpc"].urn in named["cluster-private-us-east-1a"].reads


def keyed(folder: Path, keys: str = "") -> Path:
    """The local stack, whose model asks for a key; with the program that makes it."""
    text = (ROOT / "stacks" / "Pulumi.local.yaml").read_text()
    root = write(folder, text.replace("pool: a10g", "pool: a10g\n      requireApiKey: true") + keys)
    (root / "__main__.py").write_text((ROOT / "__main__.py").read_text())
    return root


@pytest.mark.usefixtures("alone")
def test_a_stack_with_keys_is_planned_without_any(tmp_path: Path) -> None:
    found = plan(keyed(tmp_path), "mine", TODAY)
    (secret,) = [item for item in found.resources if item.type == "kubernetes:core/v1:Secret"]
    assert secret.properties["data"] == "[secret]"


@pytest.mark.parametrize(
    "keys", [f"{{chat: {CANARY}}}", f"{{secure: {CANARY}}}", f"{{chat: {{secure: {CANARY}}}}}"]
)
def test_no_key_is_in_a_plan_however_it_stands_in_the_file(keys: str, tmp_path: Path) -> None:
    found = plan(keyed(tmp_path, f"  elastic-vllm:apiKeys: {keys}\n"), "mine", TODAY)
    assert CANARY not in found.model_dump_json()


def test_the_start_and_the_end_of_a_model_are_those_that_are_declared() -> None:
    (model,) = plan(ROOT, "local", TODAY).models
    assert isinstance(model, Model)
    assert model.probes is not None
    assert model.drain is not None
    assert model.probes.startup_seconds == 320
    assert (model.drain.propagation_seconds, model.drain.finish_seconds, model.drain.grace_seconds) == (
        5,
        60,
        70,
    )


def test_a_replica_of_several_nodes_and_places_kept_warm_are_told(tmp_path: Path) -> None:
    text = (
        "config:\n  elastic-vllm:cluster: {cloud: local}\n"
        "  elastic-vllm:pools:\n"
        "    - {name: h100, accelerator: h100, gpusPerNode: 8, maxNodes: 4}\n"
        "    - {name: l4, accelerator: l4, maxNodes: 4}\n"
        "  elastic-vllm:models:\n"
        "    - {name: expert, checkpoint: Qwen/Qwen3-VL-235B-A22B-Instruct, pool: h100, gpusPerReplica: 16,\n"
        "       nodesPerReplica: 2, replicas: {min: 1, max: 2}, resources: {cpu: 12, memoryGib: 400}}\n"
        f"    - {{name: chat, checkpoint: {FP8_8B}, pool: l4, headroom: 1, replicas: {{min: 1, max: 3}}}}\n"
    )
    (write(tmp_path, text) / "__main__.py").write_text((ROOT / "__main__.py").read_text())
    found = plan(tmp_path, "mine", TODAY)
    expert, chat = found.models
    assert found.errors == ()
    assert formatted.place(expert) == "h100: max 4 × p5.48xlarge, 2 nodes per replica"
    assert formatted.replicas(chat) == "1 to 3, 1 warm"
    assert expert.fit.fits
    assert expert.probes is not None
    assert expert.drain is not None
    assert found.cost is not None
    assert [(cost.nodes.zero, cost.nodes.min, cost.nodes.max) for cost in found.cost.models] == [
        (0, 2, 4),
        (1, 2, 4),
    ]


def test_a_stack_that_stops_has_findings_and_figures_but_nothing_made(tmp_path: Path) -> None:
    text = (
        "config:\n  elastic-vllm:cluster: {cloud: local}\n"
        "  elastic-vllm:pools: [{name: l4, accelerator: l4, maxNodes: 1}]\n"
        "  elastic-vllm:models:\n"
        f"    - {{name: chat, checkpoint: {FP8_8B}, pool: l4, replicas: {{min: 3, max: 3}}}}\n"
    )
    found = plan(write(tmp_path, text), "mine", TODAY)
    assert "min-exceeds-pool" in {item.id for item in found.errors}
    assert found.resources == ()
    assert found.forecast == ()
    assert [model.name for model in found.models] == ["chat"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("config: [", "config"),
        ("config:\n  elastic-vllm:cluster: {cloud: gpc}\n", "cluster.cloud"),
        ("config:\n  elastic-vllm:clusters: {cloud: local}\n", "clusters"),
    ],
)
def test_a_file_that_is_no_stack_makes_a_plan_of_nothing_but_what_is_wrong(
    text: str, key: str, tmp_path: Path
) -> None:
    found = plan(write(tmp_path, text), "mine", TODAY)
    assert key in {item.key for item in found.errors}
    assert (found.cloud, found.models, found.resources, found.cost) == ("", (), (), None)


def fail(*_: object, **__: object) -> NoReturn:
    raise ZeroDivisionError("float division\nby zero")


@pytest.mark.parametrize(
    ("broken", "key", "severity"),
    [
        ("fleet.plan.build.reviewed", "rules", "error"),
        ("fleet.plan.graph.record", "program", "error"),
        ("fleet.plan.serving.models", "models", "error"),
        ("fleet.plan.build.envelope", "cost", "error"),
        ("fleet.plan.build.forecast", "forecast", "warning"),
    ],
)
def test_a_bug_in_one_part_is_a_finding_in_one_line_and_costs_no_other_part(
    broken: str, key: str, severity: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(broken, fail)
    found = plan(ROOT, "local", TODAY)
    (bug,) = [item for item in found.findings if item.id == "plan-incomplete"]
    assert (bug.key, bug.severity) == (key, severity)
    assert bug.message.startswith("ZeroDivisionError: float division by zero; this is a bug")
    assert bool(found.resources) is (key not in ("rules", "program"))
    assert bool(found.forecast) is (key not in ("rules", "forecast"))
    assert (bool(found.models), found.cost is not None) == (key != "models", key != "cost")
    assert Plan.model_validate_json(found.model_dump_json()) == found
    assert "Traceback" not in capfd.readouterr().err


def test_with_debug_the_traceback_of_a_bug_is_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(DEBUG, "1")
    monkeypatch.setattr("fleet.plan.build.forecast", fail)
    plan(ROOT, "local", TODAY)
    said = capfd.readouterr().err
    assert "Traceback" in said
    assert "in fail" in said


def test_an_interrupt_is_no_part_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("fleet.plan.graph.record", interrupted)
    with pytest.raises(KeyboardInterrupt):
        plan(ROOT, "local", TODAY)


def test_a_stack_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match=r"no stack file stacks/Pulumi\.lokal\.yaml\nnext: there are: mine"):
        plan(write(tmp_path, ""), "lokal", TODAY)
