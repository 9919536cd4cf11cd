"""Will the HPA scale when it should? Targets, windows, metrics and zero replicas."""

import difflib
from collections.abc import Iterator

from elastic_vllm import catalog
from elastic_vllm.catalog.engine_options import VLLM_VERSION
from elastic_vllm.rules.view import View
from elastic_vllm.spec import LocalCluster
from elastic_vllm.spec.finding import Finding, kind
from elastic_vllm.spec.scaling import ExternalMetric, ObjectMetric, PodsMetric

CANNOT_FIRE = kind("cpu-target-cannot-fire")
ALWAYS_FIRES = kind("cpu-target-always-fires")
NOT_SELECTIVE = kind("cpu-target-not-selective")
SHORT_WINDOW = kind("window-shorter-than-start")
UNKNOWN_METRIC = kind("unknown-metric")
SCALE_TO_ZERO = kind("scale-to-zero")
SLEEP_AUTOSCALED = kind("sleep-beside-autoscaler")
FIRST_TO_ZERO = (1, 37)
"""Of the local stack; a test holds it against the module that is built."""
TOLERANCE = 0.1
"""By which the autoscaler lets a metric pass its target."""


def cpu_targets_can_tell_load(view: View) -> Iterator[Finding]:
    """Judged only where nothing but CPU scales the model: with several metrics the highest counts."""
    figures = catalog.cpu()
    for at in view.autoscaled():
        metrics, workers, request = at.model.scaling.metrics, at.model.workers, at.model.resources.cpu
        if len(metrics) != 1 or metrics[0].name != "cpu" or metrics[0].target.utilization is None:
            continue
        share = metrics[0].target.utilization / 100
        threshold = share * request * (1 + TOLERANCE)
        engines = at.model.engines_per_replica
        busy, trickle = figures.busy(workers, engines), figures.trickle(workers, engines)
        key, name = f"{at.key}.resources.cpu", at.model.name
        better = (busy + trickle) / 2 / (share * (1 + TOLERANCE))
        target = f"{share:.0%} of {request:g} cores, with the autoscaler's tolerance, is {threshold:.2f}"
        advice = f"request about {better:.2f} cores"
        if busy < threshold:
            message = f"{target}, but a busy replica uses about {busy:.2f}; {advice}"
            yield CANNOT_FIRE.at(key, f"{message}, or scale on requests", name)
        elif figures.idle_cores >= threshold:
            message = f"{target}, and an idle replica uses about {figures.idle_cores:.2f}; {advice}"
            yield ALWAYS_FIRES.at(key, f"{message}, or raise the target", name)
        elif trickle >= threshold:
            each = " in each engine" if engines > 1 else ""
            message = f"{target}, and one request{each} already uses about {trickle:.2f}; {advice}"
            yield NOT_SELECTIVE.at(key, f"{message}, or scale on requests", name)


def replicas_are_kept_until_new_ones_could_come(view: View) -> Iterator[Finding]:
    """The calm between two spikes must not cost a start. A simulated start and its window shrink alike."""
    for at in view.autoscaled():
        down, start, compression = at.model.scaling.scale_down, view.start_of(at), _compression(view)
        window = down.stabilization_window_seconds * compression
        if down.select_policy != "Disabled" and window < start.seconds:
            stands = f" (as {window:g} s at compression {compression:g})" if compression > 1 else ""
            yield SHORT_WINDOW.at(
                f"{at.key}.scaling.scaleDown.stabilizationWindowSeconds",
                f"{down.stabilization_window_seconds} s{stands}, but a new replica takes about "
                f"{start.seconds:.0f} s to be ready ({start.node:.0f} s node and image, {start.load:.0f} s "
                "load); make it longer than that",
                at.model.name,
            )


def _compression(view: View) -> float:
    cluster = view.config.cluster
    return cluster.compression if isinstance(cluster, LocalCluster) else 1


def metrics_are_known_to_vllm(view: View) -> Iterator[Finding]:
    """By vLLM's own names, and as an adapter writes them, with an underscore for the colon."""
    for at in view.autoscaled():
        for index, metric in enumerate(at.model.scaling.metrics):
            if isinstance(metric, PodsMetric | ObjectMetric | ExternalMetric) and _unknown(metric):
                names = sorted(name.replace(":", "_") for name in catalog.vllm_metrics())
                near = difflib.get_close_matches(metric.name.replace(":", "_"), names, n=2)
                hint = (
                    f"did you mean {' or '.join(near)}?"
                    if near
                    else "see elastic_vllm/catalog/vllm_metrics.txt"
                )
                yield UNKNOWN_METRIC.at(
                    f"{at.key}.scaling.metrics[{index}].name",
                    f"{metric.name} is no metric of vLLM {VLLM_VERSION}; {hint}",
                    at.model.name,
                )


def _unknown(metric: PodsMetric | ObjectMetric | ExternalMetric) -> bool:
    name = metric.name.replace(":", "_")
    if not name.startswith("vllm_"):
        return False
    bases = {known.replace(":", "_") for known in catalog.vllm_metrics()}
    return not {name, *(name.removesuffix(end) for end in ("_bucket", "_sum", "_count", "_total"))} & {
        *bases,
        *(base.removesuffix("_total") for base in bases),
        *OWN_METRICS,
    }


OWN_METRICS = ("vllm_requests_in_flight",)
"""Names that an adapter's rule of ours gives: running and waiting requests together."""


def zero_replicas_can_wake(view: View) -> Iterator[Finding]:
    """Both need to hold: a signal from outside the pods, and an autoscaler that acts on it."""
    version = view.config.cluster.kubernetes_version
    for at in view.autoscaled():
        if at.model.replicas.min > 0:
            continue
        key, name = f"{at.key}.replicas.min", at.model.name
        if not any(isinstance(item, ObjectMetric | ExternalMetric) for item in at.model.scaling.metrics):
            message = (
                "0, but every metric comes from the pods: at zero nothing wakes the first; set 1, or add an"
            )
            yield SCALE_TO_ZERO.at(key, f"{message} Object or External metric", name)
        elif version is None or version < FIRST_TO_ZERO:
            known = (
                "this cluster's version is not known here" if version is None else "this cluster has {}.{}"
            )
            message = f"0 is possible from Kubernetes 1.37 on, and {known.format(*version or ())}; set 1"
            yield SCALE_TO_ZERO.at(key, message, name, lower=version is None)


def nothing_counts_on_replicas_that_sleep(view: View) -> Iterator[Finding]:
    """Whatever puts replicas to sleep decides how many there are."""
    for at in view.autoscaled():
        if at.model.engine.sleep_mode:
            bounds = at.model.replicas
            yield SLEEP_AUTOSCALED.at(
                f"{at.key}.engine.sleepMode",
                f"an autoscaler moves the model between {bounds.min} and {bounds.max} replicas and cannot "
                "tell which sleep; set replicas.min and max alike, or leave sleepMode out",
                at.model.name,
            )
