"""What the metrics API says, joined with what the HPA looks up beside it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic_vllm.simulate.timeline import PodSample
from fleet.drill.metrics import millicores, read, sample
from fleet.drill.view import Pod, View
from fleet.kube.apiserver import Apiserver
from fleet.kube.kubeconfig import Connection
from fleet.kube.objects import Object

NOON = 1_767_268_800.0
"""2026-01-01T12:00:00Z."""
EPOCH = NOON - 100


def metric(name: str, *cpu: str, window: str = "10.013s", timestamp: str = "2026-01-01T12:00:00Z") -> Object:
    containers = [{"name": f"c{index}", "usage": {"cpu": each}} for index, each in enumerate(cpu)]
    return {
        "metadata": {"name": name},
        "timestamp": timestamp,
        "window": window,
        "containers": containers,
    }


def running(*, ready: bool = True, leaving: bool = False) -> Pod:
    return Pod(
        phase="Running", ready=ready, node="n", leaving=leaving, started=NOON - 60, ready_changed=NOON - 40
    )


def joined(view: View, *metrics: Object) -> dict[str, PodSample]:
    return {one.name: one for one in sample(100.0, EPOCH, view, metrics, 1250).pods}


@pytest.mark.parametrize(
    ("quantity", "millis"),
    [
        ("31415926n", 31.415926),
        ("1500u", 1.5),
        ("250m", 250),
        ("2", 2000),
        ("0", 0),
        ("1.5", 1500),
        ("3k", 3_000_000),
    ],
)
def test_a_quantity_in_millicores(quantity: str, millis: float) -> None:
    assert millicores(quantity) == pytest.approx(millis)


@given(st.integers(min_value=0, max_value=10**6))
def test_the_same_amount_in_another_unit_is_the_same(millis: int) -> None:
    assert millicores(f"{millis}m") == pytest.approx(millicores(f"{millis * 1000}u"))
    assert millicores(f"{millis}m") == pytest.approx(millicores(f"{millis * 10**6}n"))
    assert millicores(str(millis)) == pytest.approx(millicores(f"{millis * 1000}m"))


@pytest.mark.parametrize("quantity", ["", "m", "5q", "5mm"])
def test_what_is_no_quantity_is_not_taken_for_one(quantity: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        millicores(quantity)


def test_pods_and_metrics_meet_by_name_whatever_their_order() -> None:
    view = View(wanted=3, pods={"b": running(), "a": running()})
    taken = sample(100.0, EPOCH, view, [metric("b", "2"), metric("a", "250m")], 1250)
    assert (taken.t, taken.replicas) == (100.0, 3)
    assert [(one.name, one.cpu_millicores) for one in taken.pods] == [("a", 250), ("b", 2000)]


def test_times_are_counted_from_the_begin_of_the_traffic() -> None:
    one = joined(View(pods={"a": running()}), metric("a", "250m"))["a"]
    assert (one.started_t, one.ready_changed_t, one.sampled_t) == (40, 60, 100)


def test_a_pods_containers_add_up() -> None:
    assert joined(View(pods={"a": running()}), metric("a", "250m", "1"))["a"].cpu_millicores == 1250


def test_a_pod_without_metrics_is_there_without_usage() -> None:
    view = View(pods={"a": Pod(phase="Pending", ready=False, node="", leaving=False)})
    assert joined(view) == {
        "a": PodSample(
            name="a",
            cpu_millicores=None,
            request_millicores=1250,
            phase="Pending",
            ready=False,
            started_t=None,
            ready_changed_t=None,
            sampled_t=None,
            window_seconds=None,
            leaving=False,
        )
    }


def test_no_usage_is_told_from_a_usage_of_nothing() -> None:
    view = View(pods={"a": running(), "b": running()})
    found = joined(view, metric("a", "0"), metric("b"))
    assert (found["a"].cpu_millicores, found["b"].cpu_millicores) == (0, None)


def test_metrics_of_a_pod_that_is_gone_are_left_out() -> None:
    assert set(joined(View(pods={"a": running()}), metric("a", "1"), metric("gone", "1"))) == {"a"}


def test_what_the_hpa_also_knows_of_a_pod_is_the_views() -> None:
    found = joined(View(pods={"a": running(ready=False), "b": running(leaving=True)}))
    assert (found["a"].ready, found["a"].leaving, found["a"].phase) == (False, False, "Running")
    assert (found["b"].ready, found["b"].leaving, found["b"].request_millicores) == (True, True, 1250)


@pytest.mark.parametrize(
    ("window", "seconds"), [("10.013s", 10.013), ("15s", 15.0), ("0s", 0.0), ("1m0.5s", None), ("", None)]
)
def test_a_window_is_read_in_the_one_form_that_is_written_and_else_not_guessed(
    window: str, seconds: float | None
) -> None:
    one = joined(View(pods={"a": running()}), metric("a", "1", window=window))["a"]
    assert one.window_seconds == seconds


def test_only_this_models_metrics_are_asked_for() -> None:
    asked: list[object] = []

    class Metrics(Apiserver):
        def list(self, api_version: str, kind: str, namespace: str, **query: str) -> list[Object]:
            asked.append((api_version, kind, namespace, query))
            return [metric("a", "1")]

    assert read(Metrics(Connection("http://nowhere.invalid", {}, None)), "inference", "chat") == [
        metric("a", "1")
    ]
    assert asked == [
        (
            "metrics.k8s.io/v1beta1",
            "PodMetrics",
            "inference",
            {"labelSelector": "app.kubernetes.io/instance=chat"},
        )
    ]
