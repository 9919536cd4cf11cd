"""Waiting for rest before a drill: no node at all, or the min replicas on the nodes that they need."""

import time
from collections.abc import Sequence

from elastic_vllm import labels
from elastic_vllm.simulate.scenario import Scenario
from elastic_vllm.testing.values import text
from fleet.drill.kubelets import Kubelets
from fleet.drill.setting import Setting
from fleet.drill.view import View, Watch
from fleet.errors import FleetError
from fleet.kube.apiserver import Apiserver
from fleet.kube.objects import metadata

SETTLE_SECONDS = 240
"""Longer than what a demo's policy asks for: its scale-down, its drain and the nodes' return."""
_TICK_SECONDS = 0.2


def await_no_nodes(api: Apiserver, pools: Sequence[str]) -> None:
    """Return once Karpenter has given back every node of these pools; others' nodes may stay."""
    deadline = time.monotonic() + SETTLE_SECONDS
    selector = f"{labels.POOL} in ({', '.join(pools)})"
    while nodes := api.list("v1", "Node", "", labelSelector=selector):
        if time.monotonic() > deadline:
            names = sorted(text(metadata(node).get("name")) for node in nodes)
            raise FleetError(f"nodes are left: {', '.join(names)}", "`fleet cluster down`, then again")
        time.sleep(_TICK_SECONDS)


def at_rest(view: View, setting: Setting) -> bool:
    """Nothing is left of a load: the min replicas are Ready, on the nodes that they need, and no others."""
    low = setting.model.replicas.min
    replicas_rest = view.wanted == len(view.replicas) == view.count("ready") == low
    return replicas_rest and len(view.nodes) == setting.nodes_for(low)


def patience_seconds(scenario: Scenario, setting: Setting) -> float:
    """How long after its last phase a drill waits for everything to be given back, at most."""
    asked = scenario.settle_seconds
    return setting.give_back_seconds if asked is None else asked + setting.lingering_seconds


def settle(watch: Watch, setting: Setting, kubelets: Kubelets, idle_cores: float) -> None:
    """Wait, idle, until nothing is left of an earlier load: the min replicas, on the nodes they need."""
    low = setting.model.replicas.min
    patience = max(SETTLE_SECONDS, setting.give_back_seconds)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        watch.next(_TICK_SECONDS)
        for name in (name for name, pod in watch.view.answering.items() if pod.ready):
            kubelets.tell(name, idle_cores, 0)
        if watch.complete and at_rest(watch.view, setting):
            return
    raise FleetError(
        f"the stack does not come to rest at {low} replicas within {patience:.0f} s: {watch.view}",
        "`fleet cluster down`, which removes only what is simulated, then drill again",
    )
