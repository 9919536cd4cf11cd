"""A run that is killed at any of its writes leaves nothing that the next run does not set right."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from elastic_vllm.testing.values import mapping
from fleet.embedded import engine
from fleet.embedded.engine.inventory import Key, Member
from fleet.kube.objects import Object
from tests.cluster import tiny_stack
from tests.cluster.killed_run import first_version, second_version
from tests.cluster.tiny_stack import TinyStack

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parents[2]

WRITES_OF_FIRST_UP = 7
"""The inventory, then six objects; it was complete from the start, so it is not written again."""
WRITES_OF_UPDATE = 11
"""The inventory, five objects; the Deployment refused, deleted, created; one pruned; the inventory."""
WRITES_OF_DESTROY = 7
"""Six objects and the inventory."""


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyStack]:
    kubeconfig = tiny_stack.kubeconfig(request)
    made = tiny_stack.create(kubeconfig, tmp_path_factory.mktemp("home"), "engine-crash")
    yield made
    tiny_stack.remove(made)


def killed(stack: TinyStack, action: str, version: str, at: int, moment: str) -> None:
    """Run the engine in a process of its own that is killed at this write."""
    ref = stack.ref
    arguments = [str(ref.kubeconfig), str(ref.home), ref.name, action, version, str(at), moment]
    command = [sys.executable, "-m", "tests.cluster.killed_run", *arguments]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    said = f"it was to be killed at write {at}:\n{child.stdout}{child.stderr}"
    assert child.returncode == -signal.SIGKILL, said


def inventory(stack: TinyStack) -> dict[Key, Member]:
    return {member.ref.key: member for member in engine.members(stack.ref.kubeconfig, stack.ref.name)}


def declared(item: Object | None) -> dict[str, object]:
    """What two runs of one program must agree on."""
    assert item is not None
    metadata = mapping(item.get("metadata"))
    spec = {k: v for k, v in mapping(item.get("spec")).items() if k not in ("clusterIP", "clusterIPs")}
    data = {k: v for k, v in mapping(item.get("data")).items() if k != "base"}
    return {"labels": metadata.get("labels"), "spec": spec, "data": data}


def state(stack: TinyStack) -> dict[Key, dict[str, object]]:
    return {key: declared(stack.api.get(member.ref)) for key, member in inventory(stack).items()}


def points(writes: int) -> list[tuple[int, str]]:
    """Before each write; and after the last, which is before nothing."""
    return [*((at, "before") for at in range(1, writes + 1)), (writes, "after")]


@pytest.fixture(scope="module")
def undisturbed(stack: TinyStack) -> dict[str, tuple[dict[Key, Member], dict[Key, dict[str, object]]]]:
    """Inventory and objects after runs that nobody killed."""
    stack.up(first_version)
    first = inventory(stack), state(stack)
    stack.up(second_version)
    second = inventory(stack), state(stack)
    stack.destroy()
    return {"first": first, "second": second}


@pytest.mark.parametrize(("at", "moment"), points(WRITES_OF_FIRST_UP))
def test_a_first_run_killed_at_a_write_is_finished_by_the_next(
    stack: TinyStack, undisturbed: dict[str, object], at: int, moment: str
) -> None:
    stack.destroy()
    killed(stack, "up", "first", at, moment)
    stack.up(first_version)
    assert (inventory(stack), state(stack)) == undisturbed["first"]


@pytest.mark.parametrize(("at", "moment"), points(WRITES_OF_UPDATE))
def test_an_update_killed_at_a_write_is_finished_by_the_next(
    stack: TinyStack, undisturbed: dict[str, object], at: int, moment: str
) -> None:
    stack.up(first_version)
    killed(stack, "up", "second", at, moment)
    stack.up(second_version)
    assert (inventory(stack), state(stack)) == undisturbed["second"]
    assert stack.object("ConfigMap", "dropped") is None


@pytest.mark.parametrize(("at", "moment"), points(WRITES_OF_DESTROY))
def test_a_destroy_killed_at_a_write_is_finished_by_the_next(
    stack: TinyStack, undisturbed: dict[str, object], at: int, moment: str
) -> None:
    stack.up(first_version)
    names = [member.ref for member in inventory(stack).values()]
    killed(stack, "destroy", "first", at, moment)
    stack.destroy()
    assert [ref for ref in names if stack.api.get(ref) is not None] == []
    assert engine.owner(stack.ref.kubeconfig, stack.ref.name) is None


def test_after_a_killed_destroy_an_update_brings_everything_back(
    stack: TinyStack, undisturbed: dict[str, object]
) -> None:
    stack.up(first_version)
    killed(stack, "destroy", "first", 4, "after")
    stack.up(first_version)
    assert (inventory(stack), state(stack)) == undisturbed["first"]


def test_no_write_lies_beyond_the_last_point(stack: TinyStack) -> None:
    """The counts above are the whole of each run, so that no write goes without its kill."""
    stack.up(first_version)
    for action, version, writes in (
        ("up", "second", WRITES_OF_UPDATE),
        ("destroy", "second", WRITES_OF_DESTROY),
        ("up", "first", WRITES_OF_FIRST_UP),
    ):
        with pytest.raises(AssertionError, match="to be killed at write"):
            killed(stack, action, version, writes + 1, "before")
