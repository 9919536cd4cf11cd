"""Why a Deployment is not ready: what its pods, their conditions and their events say."""

from collections.abc import Iterator, Mapping

from elastic_vllm.testing.values import items, mapping, text
from fleet.kube.apiserver import ApiError, Apiserver
from fleet.kube.objects import Object, Ref, metadata

_MOST_PODS = 3
_MOST_EVENTS = 2


def why_not_ready(api: Apiserver, ref: Ref, live: Object) -> list[str]:
    """A few lines on the pods that are not ready; on the Deployment itself if it has none."""
    labels = mapping(mapping(mapping(live.get("spec")).get("selector")).get("matchLabels"))
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    if not selector:
        return []
    pods = api.list("v1", "Pod", ref.namespace, labelSelector=selector)
    waiting = [pod for pod in pods if _condition(pod, "Ready").get("status") != "True"]
    lines = [line for pod in waiting[:_MOST_PODS] for line in _pod(api, ref.namespace, pod)]
    if len(waiting) > _MOST_PODS:
        lines.append(f"and {len(waiting) - _MOST_PODS} more pods that are not ready")
    return lines or [
        f"{_message(_condition(live, kind))}"
        for kind in ("ReplicaFailure", "Progressing")
        if _condition(live, kind)
    ]


def _pod(api: Apiserver, namespace: str, pod: Object) -> Iterator[str]:
    name = text(metadata(pod).get("name"))
    yield f"pod {name} is {text(mapping(pod.get('status')).get('phase'))}"
    scheduled = _condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        yield f"  has no node: {_message(scheduled)}"
    for container in map(mapping, items(mapping(pod.get("status")).get("containerStatuses"))):
        for state in ("waiting", "terminated"):
            found = mapping(mapping(container.get("state")).get(state))
            if found:
                yield f"  container {text(container.get('name'))} is {state}: {_message(found)}"
    events = _events(api, namespace, name)
    yield from dict.fromkeys(
        f"  {text(event.get('reason'))}: {text(event.get('message'))}" for event in events
    )


def _events(api: Apiserver, namespace: str, pod: str) -> list[Object]:
    try:
        events = api.list("v1", "Event", namespace, fieldSelector=f"involvedObject.name={pod},type=Warning")
    except ApiError:
        return []  # an explanation is worth less than the error that it explains
    return sorted(events, key=lambda event: text(event.get("lastTimestamp")))[-_MOST_EVENTS:]


def _condition(item: Object, kind: str) -> Mapping[str, object]:
    conditions = map(mapping, items(mapping(item.get("status")).get("conditions")))
    return next((condition for condition in conditions if condition.get("type") == kind), {})


def _message(state: Mapping[str, object]) -> str:
    parts = (text(state.get("reason")), text(state.get("message")))
    return ": ".join(part for part in parts if part) or "no reason given"
