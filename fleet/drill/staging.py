"""Any stack, set up for a drill: on the embedded cluster, with its own machines, models and policies.

Only the ``cluster`` section changes. Boot and load delays are the catalogue's, divided by the scenario's
compression, for every cloud alike.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from elastic_vllm.clouds.local import delays
from elastic_vllm.estimate.cost import node_price
from elastic_vllm.estimate.placement import place_of
from elastic_vllm.spec import ClusterSpec, LocalCluster, ModelSpec, NodePoolSpec
from elastic_vllm.stack_file.config import HUB_TOKEN, PROJECT, SECRETS, StackConfig
from fleet.deploy.program import StackRef
from fleet.drill.setting import Setting
from fleet.errors import FleetError

AUTOSCALER = "Karpenter"
"""What adds nodes in every drill. Where it is a stand-in, its timing says nothing about the original's."""

STAND_IN = "not-a-key"


@dataclass(frozen=True)
class Stage:
    """A stack as the drill deploys it."""

    ref: StackRef
    setting: Setting


def stage(ref: StackRef, config: StackConfig, model: str | None, compression: float) -> Stage:
    """Put the stack on the embedded cluster and choose the model to drill: the first when none is named."""
    cluster = LocalCluster(
        cloud="local",
        machines=config.cluster.catalogue,
        compression=compression,
        image_on_nodes=config.cluster.image_on_nodes,
    )
    chosen = model_of(config, model)
    pool = _own_pool(config, chosen)
    at = place_of(config, chosen.name)
    return Stage(
        ref=replace(ref, config=_on(cluster, ref.config)),
        setting=Setting(
            stack=ref.name,
            namespace=config.namespace,
            model=chosen,
            machine=at.machine,
            usd_per_node_hour=node_price(config, at.pool, at.machine),
            node_autoscaler=_node_autoscaler(config.cluster),
            boot_seconds=delays.boot_seconds(cluster),
            load_seconds=delays.load_seconds(cluster, chosen, pool),
            compression=compression,
            replicas_per_node=max(1, at.replicas_per_node),
            min_nodes=pool.min_nodes,
            consolidate_after_seconds=config.autoscaler.consolidate_after_seconds,
        ),
    )


def stand_in_secrets(config: StackConfig) -> dict[str, str]:
    """A key for each model that asks for one, and a hub token: a drill needs no real ones.

    Nothing is served there, and nothing fetched.
    """
    keys = {model.name: STAND_IN for model in config.models if model.require_api_key}
    return {
        f"{PROJECT}:{HUB_TOKEN}": STAND_IN,
        **({f"{PROJECT}:{SECRETS}": json.dumps(keys)} if keys else {}),
    }


def _node_autoscaler(declared: ClusterSpec) -> str:
    """Whose decisions the drill shows: the stack's own autoscaler, or what stands in for it."""
    own = declared.autoscaler_name
    return own if own == AUTOSCALER else f"{AUTOSCALER} stand-in for {own}"


def _on(cluster: LocalCluster, config: Mapping[str, str]) -> dict[str, str]:
    return {**config, f"{PROJECT}:cluster": json.dumps(cluster.model_dump(by_alias=True, mode="json"))}


def _own_pool(config: StackConfig, chosen: ModelSpec) -> NodePoolSpec:
    """Refuses a shared pool: its nodes cannot be attributed to one model."""
    sharing = [model.name for model in config.models if model.pool == chosen.pool]
    if len(sharing) > 1:
        raise FleetError(
            f"a drill needs a pool of the model's own; pool {chosen.pool} is shared by {', '.join(sharing)}",
            f"drill a copy of the stack file in which {chosen.name} has a pool to itself",
        )
    return next(pool for pool in config.pools if pool.name == chosen.pool)


def model_of(config: StackConfig, name: str | None) -> ModelSpec:
    """The model of this name; the first when none is named."""
    for model in config.models:
        if name in (None, model.name):
            return model
    there = ", ".join(model.name for model in config.models) or "none"
    raise FleetError(f"the stack has no model {name or 'at all'}", f"name one that it has: {there}")
