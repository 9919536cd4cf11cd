"""The local stack by the real Pulumi CLI: up, previews that are empty when they should be, destroy."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import Any

import pytest

from elastic_vllm import labels
from elastic_vllm.stack_file import config as stack_config
from elastic_vllm.testing.values import mapping, text
from fleet import deploy
from fleet.deploy import backend
from fleet.deploy.changes import Action, Change
from fleet.deploy.program import StackRef, stack_ref
from fleet.drill.rest import await_no_nodes
from fleet.embedded.layout import Layout
from fleet.kube.apiserver import Apiserver, connect
from fleet.kube.objects import Object, Ref, metadata
from tests.cluster.leaks import everything, holds, kept_files
from tests.cluster.simulated import Space
from tests.cluster.tiny_stack import Recorder
from tests.plans import ROOT

pytestmark = pytest.mark.cluster
NAME = "by-pulumi"
CANARY = f"canary-{token_hex(12)}"
KEYS = "elastic-vllm:apiKeys"
DEPLOYMENT = Ref(api_version="apps/v1", kind="Deployment", namespace=NAME, name="chat")


@dataclass(frozen=True)
class Local:
    """The stack, and all that its runs said."""

    ref: StackRef
    said: Recorder

    def planned(self, ref: StackRef | None = None) -> list[Change]:
        """What a preview would change."""
        outcome = deploy.preview(ref or self.ref, reporter=self.said)
        return [change for change in outcome.changes if change.action is not Action.UNCHANGED]

    def with_models(self, **engine: object) -> StackRef:
        models = json.loads(self.ref.config["elastic-vllm:models"])
        models[0]["engine"] |= engine
        return replace(self.ref, config={**self.ref.config, "elastic-vllm:models": json.dumps(models)})


@pytest.fixture(scope="module")
def api(cluster: Layout) -> Apiserver:
    return connect(cluster.kubeconfig)


@pytest.fixture(scope="module")
def local(cluster: Layout, api: Apiserver) -> Iterator[Local]:
    """The stack, deployed; afterwards nothing of it may be left."""
    raw: dict[str, Any] = stack_config.read_stack_file(ROOT / "stacks" / "Pulumi.local.yaml") | {
        "namespace": NAME
    }
    raw["models"] = [raw["models"][0] | {"requireApiKey": True}]
    config = {
        f"elastic-vllm:{key}": item if isinstance(item, str) else json.dumps(item)
        for key, item in raw.items()
    }
    config[KEYS] = json.dumps({"chat": CANARY})
    plain = stack_ref("local", root=ROOT, kubeconfig=cluster.kubeconfig, home=cluster.root)
    made = Local(replace(plain, name=NAME, config=config, secret_keys=(KEYS,)), Recorder())
    outcome = deploy.up(made.ref, reporter=made.said)
    assert outcome.outputs["namespace"] == NAME
    yield made
    deploy.destroy(made.ref, reporter=made.said)
    assert [name for name, item in everything(api) if _is_ours(item)] == []
    assert not backend.exists(made.ref)
    await_no_nodes(api, ["a10g"])


def _is_ours(item: object) -> bool:
    found = mapping(metadata(mapping(item)).get("labels"))
    return found.get("app.kubernetes.io/part-of") == "elastic-vllm"


def test_nothing_warns_of_a_version(local: Local) -> None:
    warnings = [line for line in local.said.lines if line.startswith("warning:")]
    assert [line for line in warnings if not line.startswith("warning: models[0].")] == []
    assert len(warnings) == 1, "the stack's own, which shows that warnings are heard"


def test_a_preview_after_an_update_is_empty(local: Local) -> None:
    assert local.planned() == []


def test_a_preview_is_empty_although_the_hpa_has_moved(local: Local, api: Apiserver) -> None:
    (pod,) = api.list("v1", "Pod", NAME)
    name = text(metadata(pod).get("name"))
    busy = {"metadata": {"annotations": {f"{labels.PREFIX}/cpu-usage": "1250m"}}}
    api.merge(Ref(api_version="v1", kind="Pod", namespace=NAME, name=name), busy)
    moved = Space(api, NAME).until(
        DEPLOYMENT, lambda item: (mapping(mapping(item).get("status")).get("readyReplicas") or 0) == 2
    )
    assert mapping(mapping(moved).get("spec"))["replicas"] == 2
    assert local.planned() == []
    Space(api, NAME).until(DEPLOYMENT, _settled)
    deploy.refresh(local.ref, reporter=local.said)
    assert local.planned() == [], "a refresh reads the HPA's replicas, which are not the program's"


def _settled(item: Object | None) -> bool:
    """No rollout is on its way: of such a one a refresh keeps in mind to wait for it."""
    spec, status = (mapping(mapping(item).get(part)) for part in ("spec", "status"))
    counts = [status.get(f"{kind}eplicas") for kind in ("r", "readyR", "availableR", "updatedR")]
    return set(counts) == {spec.get("replicas")}


def test_an_edit_is_previewed_as_that_field_of_that_object(local: Local) -> None:
    (change,) = local.planned(local.with_models(maxNumSeqs=64))
    assert (change.action, change.subject) == (Action.UPDATE, f"Deployment {NAME}/chat")
    (field,) = change.fields
    assert str(field).startswith("spec.template.spec.containers[vllm].args[")
    assert str(field).endswith('"32" → "64"')


def test_an_api_key_is_in_its_secret_and_in_no_other_object_file_or_line(
    local: Local, api: Apiserver, cluster: Layout
) -> None:
    where = [name for name, item in everything(api) if holds(repr(item), CANARY)]
    assert where == [f"Secret {NAME}/chat-api-key"]
    paths = list(kept_files(cluster))
    assert len([path for path in paths if path.is_relative_to(backend.states(local.ref))]) >= 2
    assert [path for path in paths if holds(path.read_text(errors="replace"), CANARY)] == []
    assert not holds("\n".join(local.said.lines) + repr(local.said.changes), CANARY)
