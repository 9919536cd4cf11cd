"""A deployment that is killed at any point leaves nothing that the next one does not set right."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from elastic_vllm.testing.values import mapping
from fleet.deploy import backend
from fleet.kube.objects import Object
from tests.cluster import tiny_stack
from tests.cluster.killed_run import first_version, second_version
from tests.cluster.tiny_stack import Recorder, TinyStack

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parents[2]

Objects = dict[str, dict[str, object]]


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyStack]:
    kubeconfig = tiny_stack.kubeconfig(request)
    made = tiny_stack.create(kubeconfig, tmp_path_factory.mktemp("home"), "killed")
    yield made
    tiny_stack.remove(made)


def run_to(stack: TinyStack, action: str, version: str, at: int, victim: str = "all") -> int:
    """Run a deployment in a process group of its own that is killed at this event; returns how it ended."""
    ref = stack.ref
    arguments = [str(ref.kubeconfig), str(ref.home), ref.name, action, version, str(at), victim]
    child = subprocess.run(
        [sys.executable, "-m", "tests.cluster.killed_run", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        start_new_session=True,
    )
    assert child.returncode != 0, f"it was to be stopped at event {at}:\n{child.stdout}{child.stderr}"
    return child.returncode


def killed(stack: TinyStack, action: str, version: str, at: int) -> None:
    assert run_to(stack, action, version, at) == -signal.SIGKILL


def declared(item: Object | None) -> dict[str, object]:
    """What two runs of one program must agree on."""
    assert item is not None
    metadata = mapping(item.get("metadata"))
    spec = {k: v for k, v in mapping(item.get("spec")).items() if k not in ("clusterIP", "clusterIPs")}
    data = {k: v for k, v in mapping(item.get("data")).items() if k != "base"}
    return {"labels": metadata.get("labels"), "spec": spec, "data": data}


def state(stack: TinyStack) -> Objects:
    return {member: declared(live(stack, member)) for member in sorted(stack.members())}


def at_rest(stack: TinyStack) -> bool:
    """No lock and no pending operation."""
    text = backend.state_file(stack.ref).read_text()
    return (
        not list(backend.states(stack.ref).glob(".pulumi/locks/**/*.json"))
        and "pending_operations" not in text
    )


@pytest.fixture(scope="module")
def undisturbed(stack: TinyStack) -> dict[str, Objects]:
    """The objects after runs that nothing killed."""
    stack.up(first_version)
    first = state(stack)
    stack.up(second_version)
    second = state(stack)
    stack.destroy()
    assert len(first) == len(second) == 6
    return {"first": first, "second": second}


@pytest.mark.parametrize("at", range(1, 10))
def test_a_first_run_killed_at_a_point_is_finished_by_the_next(
    stack: TinyStack, undisturbed: dict[str, Objects], at: int
) -> None:
    stack.destroy()
    killed(stack, "up", "first", at)
    again = stack.up(first_version)
    assert state(stack) == undisturbed["first"]
    assert at_rest(stack)
    assert said_so(again)


@pytest.mark.parametrize("at", range(1, 9))
def test_an_update_killed_at_a_point_is_finished_by_the_next(
    stack: TinyStack, undisturbed: dict[str, Objects], at: int
) -> None:
    stack.up(first_version)
    killed(stack, "up", "second", at)
    stack.up(second_version)
    assert state(stack) == undisturbed["second"]
    assert stack.object("ConfigMap", "dropped") is None
    assert at_rest(stack)


@pytest.mark.parametrize("at", range(1, 5))
def test_a_destroy_killed_at_a_point_is_finished_by_the_next(
    stack: TinyStack, undisturbed: dict[str, Objects], at: int
) -> None:
    stack.up(first_version)
    killed(stack, "destroy", "first", at)
    stack.destroy()
    assert not backend.exists(stack.ref)
    assert [member for member in undisturbed["first"] if live(stack, member) is not None] == []


def live(stack: TinyStack, member: str) -> Object | None:
    kind, name = member.split()
    return stack.object(kind, name, "apps/v1" if kind == "Deployment" else "v1")


def test_a_preview_after_a_killed_run_works_as_well(
    stack: TinyStack, undisturbed: dict[str, Objects]
) -> None:
    stack.destroy()
    killed(stack, "up", "first", 4)
    assert said_so(stack.preview(first_version))
    stack.up(first_version)
    assert state(stack) == undisturbed["first"]


def test_when_fleet_alone_is_killed_its_cli_is_waited_for(
    stack: TinyStack, undisturbed: dict[str, Objects]
) -> None:
    stack.destroy()
    assert run_to(stack, "up", "first", 3, "fleet") == -signal.SIGKILL
    stack.up(first_version)
    assert state(stack) == undisturbed["first"]
    assert at_rest(stack)


def test_ctrl_c_leaves_the_state_at_rest(stack: TinyStack, undisturbed: dict[str, Objects]) -> None:
    stack.destroy()
    run_to(stack, "up", "first", 3, "interrupt")
    assert at_rest(stack)
    stack.up(first_version)
    assert state(stack) == undisturbed["first"]


def said_so(recorder: Recorder) -> bool:
    return any("was killed: its lock is removed" in line for line in recorder.lines)
