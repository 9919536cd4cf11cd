"""What the metrics API says of a model's pods, together with what the HPA looks up beside it.

The metrics API has no watch: it is read every second, and each answer that says something new is kept.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from elastic_vllm.simulate.timeline import MetricSample, PodSample
from elastic_vllm.testing.values import items, mapping, text
from fleet.drill.view import Pod, View
from fleet.kube.apiserver import Apiserver
from fleet.kube.objects import Object, metadata

_SCALES = {"n": 1e-6, "u": 1e-3, "m": 1.0, "": 1e3, "k": 1e6}
"""Millicores in one unit of a quantity's suffix."""


def millicores(quantity: str) -> float:
    """A CPU quantity as the apiserver writes it: ``250m``, ``2``, ``31415926n``."""
    number = quantity.rstrip("numk")
    return float(number) * _SCALES[quantity[len(number) :]]


def read(api: Apiserver, namespace: str, model: str) -> list[Object]:
    """The metrics of a model's pods, as the API serves them now."""
    selector = f"app.kubernetes.io/instance={model}"
    return api.list("metrics.k8s.io/v1beta1", "PodMetrics", namespace, labelSelector=selector)


def sample(
    t: float, epoch: float, view: View, metrics: Iterable[Object], request_millicores: float
) -> MetricSample:
    """Join pods and metrics by name. ``epoch`` is the moment of ``t == 0``, in seconds since 1970."""
    by_name = {text(metadata(one).get("name")): one for one in metrics}
    pods = tuple(
        _pod(name, pod, by_name.get(name, {}), epoch, request_millicores)
        for name, pod in sorted(view.answering.items())
    )
    return MetricSample(t=t, replicas=view.wanted, pods=pods)


def _pod(name: str, pod: Pod, metric: Mapping[str, object], epoch: float, request: float) -> PodSample:
    usage = [text(mapping(mapping(one).get("usage")).get("cpu")) for one in items(metric.get("containers"))]
    stamp = metric.get("timestamp")
    return PodSample(
        name=name,
        cpu_millicores=sum(map(millicores, usage)) if usage else None,
        request_millicores=request,
        phase=pod.phase,
        ready=pod.ready,
        started_t=None if pod.started is None else pod.started - epoch,
        ready_changed_t=None if pod.ready_changed is None else pod.ready_changed - epoch,
        sampled_t=datetime.fromisoformat(stamp).timestamp() - epoch if isinstance(stamp, str) else None,
        window_seconds=_seconds(text(metric.get("window"))),
        leaving=pod.leaving,
    )


def _seconds(duration: str) -> float | None:
    """A Go duration of the one form that metrics-server writes: ``10.013s``."""
    return float(duration.removesuffix("s")) if duration.endswith("s") and "m" not in duration else None
