"""What a scenario does to the cluster: nodes that go, with notice and without, evictions, rollouts."""

import time

from elastic_vllm import labels
from elastic_vllm.clouds.karpenter import API_VERSION
from elastic_vllm.simulate.scenario import FaultKind
from elastic_vllm.testing.values import mapping, text
from elastic_vllm.vllm import group
from fleet.drill.view import View
from fleet.kube.apiserver import ApiError, Apiserver
from fleet.kube.objects import metadata

NOTICE_SECONDS = 120.0
"""Between a Spot machine's notice and its end, as on AWS. Not compressed: answers are not either."""


def strike(api: Apiserver, namespace: str, view: View, kind: FaultKind, model: str = "") -> tuple[str, str]:
    """Do it to the first ready replica, by name, or to its node; returns the victim and what was done.

    What follows a Spot machine's notice when it is over is ``reclaim``.
    """
    ready = (name for name, one in sorted(view.replicas.items()) if one.serving)
    victim = next(ready, None)
    if victim is None:
        return "no replica", f"{kind}: no replica is ready"
    node = view.replicas[victim].node
    if kind == "evict-pod":
        return victim, _evict(api, namespace, victim)
    if kind == "rollout":
        _restart(api, namespace, model, is_group=view.group_size > 1)
        return model, "rolled out"
    return node, _take(api, namespace, view, kind, node)


def _take(api: Apiserver, namespace: str, view: View, kind: FaultKind, node: str) -> str:
    """A node goes. Karpenter drains it before it lets its object go, unless the machine is gone at once."""
    if kind == "kill-node":
        _end(api, namespace, view, node)
        return "killed without notice"
    if kind == "drain-node":
        _delete(api, f"/api/v1/nodes/{node}")
        return "drained"
    _delete_claim(api, node)
    if kind == "consolidate":
        return "consolidated"
    return f"gets notice: it is taken away in {NOTICE_SECONDS:g} s"


def reclaim(api: Apiserver, namespace: str, view: View, node: str) -> str:
    """A Spot machine's notice is over: it goes, whatever still runs on it."""
    left = len(view.on(node))
    if node in view.nodes or left:
        _end(api, namespace, view, node)
    return f"taken away with {left} replicas on it" if left else "was empty before its notice was over"


def _end(api: Apiserver, namespace: str, view: View, node: str) -> None:
    """The machine is gone: its pods end at once, without notice, and no pod is scheduled there any more."""
    _cordon(api, node)
    for name in (name for name, pod in sorted(view.pods.items()) if pod.node == node):
        _delete(api, f"/api/v1/namespaces/{namespace}/pods/{name}", {"gracePeriodSeconds": 0})
    _delete(api, f"/api/v1/nodes/{node}")


def _cordon(api: Apiserver, node: str) -> None:
    try:
        api.send(
            "PATCH",
            f"/api/v1/nodes/{node}",
            body={"spec": {"unschedulable": True}},
            content_type="application/merge-patch+json",
        )
    except ApiError as error:
        if error.code != 404:
            raise


def _delete_claim(api: Apiserver, node: str) -> None:
    """What Karpenter itself does when it hears of an interruption, and when it consolidates."""
    for claim in api.list(API_VERSION, "NodeClaim", ""):
        if mapping(claim.get("status")).get("nodeName") == node:
            group = f"/apis/{API_VERSION}/nodeclaims"
            _delete(api, f"{group}/{text(metadata(claim).get('name'))}")


def _restart(api: Apiserver, namespace: str, model: str, *, is_group: bool) -> None:
    """As ``kubectl rollout restart``: the template changes in an annotation alone."""
    changed = {"metadata": {"annotations": {f"{labels.PREFIX}/restarted-at": str(time.time_ns())}}}
    apis, kinds = "apps/v1", "deployments"
    spec: dict[str, object] = {"template": changed}
    if is_group:
        apis, kinds = group.API_VERSION, "leaderworkersets"
        spec = {"leaderWorkerTemplate": {"leaderTemplate": changed, "workerTemplate": changed}}
    api.send(
        "PATCH",
        f"/apis/{apis}/namespaces/{namespace}/{kinds}/{model}",
        body={"spec": spec},
        content_type="application/merge-patch+json",
    )


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
