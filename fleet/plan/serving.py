"""Models of a plan: placement and drain from the stack file, probes from the declared pods."""

from collections.abc import Iterable, Iterator, Mapping

from elastic_vllm.estimate.memory import fit_of
from elastic_vllm.estimate.placement import Placed, placed
from elastic_vllm.spec.stack import StackConfig
from elastic_vllm.testing.values import items, mapping, text
from fleet.plan.document import Drain, Model, Probes, Resource

_CONTAINER = "vllm"


def models(config: StackConfig, resources: Iterable[Resource]) -> tuple[Model, ...]:
    """Every model that has a pool and a machine, in the order of the stack file."""
    pods: dict[str, Mapping[str, object]] = {}
    for name, pod in (found for item in resources for found in _pods(item)):
        if name not in pods or "startupProbe" in _container(pod):  # of a group, the pod that answers
            pods[name] = pod
    return tuple(_model(at, pods.get(at.model.name, {})) for at in placed(config))


def _model(at: Placed, pod: Mapping[str, object]) -> Model:
    return Model(
        name=at.model.name,
        checkpoint=at.model.checkpoint,
        pool=at.pool.name,
        accelerator=at.accelerator.name,
        machine=at.machine.name,
        gpus_per_replica=at.model.gpus_per_replica,
        nodes_per_replica=at.model.nodes_per_replica,
        engines_per_replica=at.model.engines_per_replica,
        headroom=at.model.headroom,
        replicas_min=at.model.replicas.min,
        replicas_max=at.model.replicas.max,
        replicas_per_node=at.replicas_per_node,
        nodes_max=at.pool.max_nodes,
        fit=fit_of(at),
        probes=_probes(pod),
        drain=Drain(
            propagation_seconds=at.model.drain.propagation_seconds,
            finish_seconds=at.model.drain.finish_seconds,
            grace_seconds=at.model.drain.grace_seconds,
        ),
    )


def _pods(item: Resource) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Pod specs in a resource, by model, wherever a pod template is nested."""
    pending: list[object] = [item.properties.get("spec")]
    while pending:
        value = mapping(pending.pop())
        labels = mapping(mapping(value.get("metadata")).get("labels"))
        spec = mapping(value.get("spec"))
        model = text(labels.get("app.kubernetes.io/instance"))
        if model and _container(spec):
            yield model, spec
        pending += [inner for inner in value.values() if isinstance(inner, Mapping)]


def _container(pod: Mapping[str, object]) -> Mapping[str, object]:
    named = [mapping(item) for item in items(pod.get("containers"))]
    return next((item for item in named if item.get("name") == _CONTAINER), {})


def _probes(pod: Mapping[str, object]) -> Probes | None:
    container = _container(pod)
    seconds = [
        _seconds(mapping(container.get(f"{kind}Probe"))) for kind in ("startup", "readiness", "liveness")
    ]
    if not all(seconds):
        return None
    return Probes(startup_seconds=seconds[0], readiness_seconds=seconds[1], liveness_seconds=seconds[2])


def _seconds(probe: Mapping[str, object]) -> int:
    return _int(probe.get("periodSeconds")) * _int(probe.get("failureThreshold"))


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0
