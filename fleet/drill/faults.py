"""What a scenario does to the cluster: take a node away without notice, evict a replica, drain a node."""

from fleet.drill.scenario import FaultKind
from fleet.drill.view import View
from fleet.embedded.apiserver import ApiError, Apiserver


def strike(api: Apiserver, namespace: str, view: View, kind: FaultKind) -> tuple[str, str]:
    """Do it to the first ready replica, by name, or to its node; returns the victim and what was done."""
    ready = (name for name, pod in sorted(view.pods.items()) if pod.serving)
    victim = next(ready, None)
    if victim is None:
        return "nobody", f"{kind}: no replica is ready"
    node = view.pods[victim].node
    match kind:
        case "evict-pod":
            return victim, _evict(api, namespace, victim)
        case "drain-node":
            # Karpenter drains its node before it lets the object go, as after a notice of interruption.
            _delete(api, f"/api/v1/nodes/{node}")
            return node, "drained"
        case "kill-node":
            # The machine is gone: its pods end at once, and nobody was told.
            for name in (name for name, pod in sorted(view.pods.items()) if pod.node == node):
                _delete(api, f"/api/v1/namespaces/{namespace}/pods/{name}", {"gracePeriodSeconds": 0})
            _delete(api, f"/api/v1/nodes/{node}")
            return node, "killed without notice"


def _evict(api: Apiserver, namespace: str, pod: str) -> str:
    """Through the eviction API, which asks the disruption budget; its refusal is an outcome, no failure."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
    try:
        api.send("POST", f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction", body=body)
    except ApiError as error:
        if error.code not in (404, 429):
            raise
        return f"not evicted: {error}"
    return "evicted"


def _delete(api: Apiserver, path: str, options: dict[str, object] | None = None) -> None:
    try:
        api.send("DELETE", path, body=options or {})
    except ApiError as error:
        if error.code != 404:
            raise
