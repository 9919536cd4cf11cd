"""What belongs to somebody else is refused with the owner's name and the way out."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from elastic_vllm.testing.errors import EngineError
from elastic_vllm.testing.registration import Registration
from fleet.embedded.engine import inventory as inventories
from fleet.embedded.engine.admission import Admission
from fleet.embedded.engine.inventory import Inventory
from fleet.embedded.engine.manifest import Manifest
from fleet.embedded.engine.program import StackRef
from fleet.embedded.engine.report import Redactor, SafeReporter
from fleet.embedded.engine.session import Session
from fleet.kube.apiserver import Apiserver
from fleet.kube.objects import PART_OF, Object, Ref
from tests.unit.test_redactor import Listener

DESTROY = "`fleet destroy --stack one --engine embedded` first"
NAMESPACE = Ref(api_version="v1", kind="Namespace", namespace="", name="inference")
DEPLOYMENT = Ref(api_version="apps/v1", kind="Deployment", namespace="inference", name="chat")
NODE_CLASS = Ref(
    api_version="karpenter.kwok.sh/v1alpha1", kind="KWOKNodeClass", namespace="", name="embedded"
)
NODE_POOL = Ref(api_version="karpenter.sh/v1", kind="NodePool", namespace="", name="l4")


class OneOwner(Apiserver):
    """Every object belongs to this ApplySet; the parents of these stacks are there."""

    def __init__(self, applyset: str, stacks: Mapping[str, str]) -> None:
        self.applyset = applyset
        self.stacks = stacks

    def get(self, ref: Ref) -> Object | None:
        return {"metadata": {"name": ref.name, "labels": {PART_OF: self.applyset}}}

    def list(self, api_version: str, kind: str, namespace: str, **query: str) -> list[Object]:
        assert (api_version, kind, namespace) == ("v1", "ConfigMap", "default")
        wanted = query["labelSelector"].removeprefix("applyset.kubernetes.io/id=")
        return [{"metadata": {"name": name}} for name, applyset in self.stacks.items() if applyset == wanted]


def id_of(stack: str) -> str:
    return inventories.applyset_id(inventories.parent(stack))


def refusal(api: Apiserver, ref: Ref, tmp_path: Path) -> str:
    kubeconfig = tmp_path / "kubeconfig"
    stack = StackRef(name="two", program=lambda: None, kubeconfig=kubeconfig, home=tmp_path)
    redactor = Redactor()
    reporter = SafeReporter(Listener(), redactor)
    session = Session(stack, api, reporter, redactor, Admission(kubeconfig), Inventory())
    item = Registration(urn="urn", type="kubernetes:x:X", name="x", custom=True)
    with pytest.raises(EngineError) as caught:
        session.find(Manifest(registration=item, ref=ref, body={}, secret_paths=()))
    return str(caught.value)


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        (
            NAMESPACE,
            f"Namespace inference belongs to stack 'one': {DESTROY}, or give this stack another `namespace`",
        ),
        (
            DEPLOYMENT,
            "Deployment inference/chat belongs to stack 'one': "
            f"{DESTROY}, or give this stack another `namespace`",
        ),
        (
            NODE_CLASS,
            "KWOKNodeClass embedded belongs to stack 'one', and all local stacks share it, "
            f"so one of them can be deployed at a time: {DESTROY}",
        ),
        (NODE_POOL, f"NodePool l4 belongs to stack 'one': {DESTROY}"),
    ],
)
def test_another_stacks_object_is_refused_with_its_stack_and_the_way_out(
    ref: Ref, message: str, tmp_path: Path
) -> None:
    parents = {"elastic-vllm-one": id_of("one"), "elastic-vllm-three": id_of("three")}
    assert refusal(OneOwner(id_of("one"), parents), ref, tmp_path) == message


def test_an_object_of_no_stack_in_the_cluster_is_another_tools(tmp_path: Path) -> None:
    assert "belongs to another tool (its ApplySet is applyset-x)" in refusal(
        OneOwner("applyset-x", {"elastic-vllm-one": id_of("one"), "other": "applyset-x"}),
        NAMESPACE,
        tmp_path,
    )
