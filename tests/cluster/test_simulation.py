"""What is simulated behaves as declared: when a pod starts, answers and goes, and what a machine has."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import yaml

from elastic_vllm import catalog, labels
from elastic_vllm.testing.values import items, mapping, text
from elastic_vllm.vllm.container import pre_stop_command
from fleet.embedded.control_plane import MANIFESTS
from fleet.embedded.layout import Layout
from fleet.kube.apiserver import connect
from fleet.kube.objects import Object, Ref, metadata
from tests.cluster.objects import apply, delete
from tests.cluster.simulated import NODE, PATIENCE_SECONDS, Space, condition, prefixed, seconds

pytestmark = pytest.mark.cluster

MACHINE = "g5.xlarge"
NAMESPACE = "simulation"


def container(item: Object) -> Object:
    return mapping(items(mapping(item.get("status")).get("containerStatuses"))[0])


def resources() -> dict[str, str]:
    row = catalog.machines("aws")[MACHINE]
    return {
        "cpu": f"{row.allocatable_cpu_millis}m",
        "memory": f"{row.allocatable_memory_mib}Mi",
        "nvidia.com/gpu": str(row.gpus),
        "pods": str(row.max_pods),
    }


@pytest.fixture(scope="module")
def space(cluster: Layout) -> Iterator[Space]:
    """A namespace, and a node as Karpenter's provider makes it: allocatable set, the rest for kwok."""
    api = connect(cluster.kubeconfig)
    namespace = Ref(api_version="v1", kind="Namespace", namespace="", name=NAMESPACE)
    node = Ref(api_version="v1", kind="Node", namespace="", name=NODE)
    apply(api, namespace, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    api.send(
        "POST",
        "/api/v1/nodes",
        body={
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": NODE},
            "status": {"allocatable": resources()},
        },
    )
    made = Space(api, NAMESPACE)
    made.ready(node)
    account = Ref(api_version="v1", kind="ServiceAccount", namespace=NAMESPACE, name="default")
    made.until(account, lambda item: item is not None)
    made.pod("busy", annotations={"cpu-usage": "1500m"})  # now, for metrics take a while to arrive
    made.pod("idle")
    yield made
    for ref in (namespace, node):  # the node last: without it nobody lets its pods go
        delete(api, ref)
        made.until(ref, lambda item: item is None)


def test_a_node_has_what_its_machine_has_and_no_default_of_the_simulator(space: Space) -> None:
    ref = Ref(api_version="v1", kind="Node", namespace="", name=NODE)
    live = space.until(ref, lambda item: bool(mapping(mapping(item or {}).get("status")).get("capacity")))
    status = mapping(mapping(live).get("status"))
    assert status["capacity"] == status["allocatable"]
    assert {key: str(value) for key, value in mapping(status["capacity"]).items()} == resources()


def test_a_node_says_where_its_metrics_are(space: Space) -> None:
    node = space.api.get(Ref(api_version="v1", kind="Node", namespace="", name=NODE))
    path = mapping(metadata(node or {}).get("annotations")).get("metrics.k8s.io/resource-metrics-path")
    assert path == f"/metrics/nodes/{NODE}/metrics/resource"


def test_only_our_own_stages_are_there(space: Space) -> None:
    documents = yaml.safe_load_all((MANIFESTS / "simulation.yaml").read_text())
    ours = {each["metadata"]["name"] for each in documents if each["kind"] == "Stage"}
    live = space.api.list("kwok.x-k8s.io/v1alpha1", "Stage", "")
    assert {text(metadata(item).get("name")) for item in live} == ours
    assert len(ours) >= 5


def test_a_pod_runs_from_its_admission_and_answers_when_its_load_time_is_over(space: Space) -> None:
    ref = space.pod("loads", annotations={"load-seconds": "4"})
    started = space.until(
        ref, lambda item: mapping(mapping(item or {}).get("status")).get("phase") == "Running"
    )
    assert started is not None
    assert condition(started, "Ready").get("status") == "False"
    assert container(started)["ready"] is False
    live = space.ready(ref)
    admitted = seconds(metadata(live).get("creationTimestamp"))
    start = seconds(mapping(live.get("status")).get("startTime"))
    assert 0 <= start - admitted <= 1
    assert 4 <= seconds(condition(live, "Ready").get("lastTransitionTime")) - start <= 6
    assert container(live)["ready"] is True
    assert container(live)["restartCount"] == 0


def test_a_pod_without_a_load_time_answers_at_once(space: Space) -> None:
    live = space.ready(space.pod("plain"))
    start = seconds(mapping(live.get("status")).get("startTime"))
    assert 0 <= seconds(condition(live, "Ready").get("lastTransitionTime")) - start <= 1


@dataclass(frozen=True)
class Drain:
    """How a pod is told to go, and how long it stays."""

    prestop: int
    work: int
    grace: int
    stays: int
    command: bool = False


DRAINS = {
    "until its work is done": Drain(prestop=1, work=4, grace=30, stays=4),
    "through its preStop": Drain(prestop=3, work=1, grace=30, stays=3),
    "through a command that ends with its seconds": Drain(prestop=3, work=1, grace=30, stays=3, command=True),
    "no longer than its grace": Drain(prestop=2, work=60, grace=4, stays=4),
    "not at all without preStop and work": Drain(prestop=0, work=0, grace=30, stays=0),
}


def test_a_pod_told_to_go_stays_through_prestop_and_work_but_never_beyond_its_grace(space: Space) -> None:
    """All at once, for each takes seconds."""
    refs = {}
    for number, (how, drain) in enumerate(DRAINS.items()):
        slept = {"sleep": {"seconds": drain.prestop}}
        stop = {"exec": {"command": pre_stop_command(drain.prestop)}} if drain.command else slept
        prestop = {"lifecycle": {"preStop": stop}} if drain.prestop else {}
        refs[how] = space.pod(
            f"drains-{number}",
            terminationGracePeriodSeconds=drain.grace,
            container=prestop,
        )
    for how, ref in refs.items():
        space.ready(ref)
        until = math.ceil(time.time() + DRAINS[how].work) if DRAINS[how].work else 0
        space.api.merge(ref, {"metadata": {"annotations": {f"{labels.PREFIX}/busy-until": str(until)}}})
    stayed: dict[str, float] = {}
    threads = [
        threading.Thread(target=lambda how=how, ref=ref: stayed.update({how: space.delete(ref)}))
        for how, ref in refs.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Timestamps of the API are whole seconds: the end may be up to one early.
    wrong = {how: took for how, took in stayed.items() if not -1.1 <= took - DRAINS[how].stays <= 2}
    assert wrong == {}
    assert stayed.keys() == DRAINS.keys()


def test_a_pod_with_a_finalizer_stays_until_it_is_taken_away(space: Space) -> None:
    ref = space.pod("held")
    space.ready(ref)
    space.api.merge(ref, {"metadata": {"finalizers": ["elastic-vllm.dev/held"]}})
    other = space.pod("free")
    space.ready(other)
    for each in (ref, other):
        delete(space.api, each)
    space.until(other, lambda item: item is None)  # as long as it takes one without
    held = space.api.get(ref)
    assert held is not None
    assert "deletionTimestamp" in metadata(held)
    space.api.merge(ref, {"metadata": {"finalizers": None}})
    space.until(ref, lambda item: item is None)


def test_a_job_is_done_when_its_run_time_is_over(space: Space) -> None:
    ref = Ref(api_version="batch/v1", kind="Job", namespace=space.namespace, name="once")
    template = {
        "metadata": {"annotations": prefixed({"run-seconds": "2"})},
        "spec": {
            "nodeName": NODE,
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "example.com/none:1"}],
        },
    }
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "once"},
        "spec": {"template": template},
    }
    apply(space.api, ref, job)
    live = space.until(ref, lambda item: condition(item, "Complete").get("status") == "True")
    status = mapping(mapping(live).get("status"))
    assert status.get("succeeded") == 1
    assert 2 <= seconds(status.get("completionTime")) - seconds(status.get("startTime")) <= 6


def test_declared_cpu_usage_reaches_the_metrics_api_and_changes_with_its_declaration(space: Space) -> None:
    assert usage(space, "busy", lambda cores: cores > 1) == pytest.approx(1.5, abs=0.1)
    assert usage(space, "idle", lambda cores: cores > 0) == pytest.approx(0.1, abs=0.05)
    ref = Ref(api_version="v1", kind="Pod", namespace=space.namespace, name="busy")
    space.api.merge(ref, {"metadata": {"annotations": prefixed({"cpu-usage": "400m"})}})
    # One scrape may lie across the change and see some of both.
    assert usage(space, "busy", lambda cores: cores < 0.5) == pytest.approx(0.4, abs=0.1)


def usage(space: Space, pod: str, reached: Callable[[float], bool]) -> float:
    """Cores that the metrics API shows; it serves no watch, and takes a new sample every ten seconds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for item in space.api.list("metrics.k8s.io/v1beta1", "PodMetrics", space.namespace):
            if metadata(item).get("name") == pod:
                cores = sum(quantity(mapping(each)) for each in items(item.get("containers")))
                if reached(cores):
                    return cores
        time.sleep(0.5)
    raise AssertionError(f"the metrics API does not show the usage of {pod}")


def quantity(container: Object) -> float:
    cpu = text(mapping(container.get("usage")).get("cpu"))
    for suffix, factor in (("n", 1e9), ("u", 1e6), ("m", 1e3)):
        if cpu.endswith(suffix):
            return float(cpu[:-1]) / factor
    return float(cpu)


def test_every_annotation_that_the_simulation_obeys_is_one_of_ours() -> None:
    """The prefix is written in YAML there and in Python here."""
    rules = (MANIFESTS / "simulation.yaml").read_text()
    for name in ("load-seconds", "run-seconds", "busy-until", "cpu-usage"):
        assert f'"{labels.PREFIX}/{name}"' in rules
