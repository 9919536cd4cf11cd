"""The pod around the container: where it may run, as whom, with which volumes, and how it goes. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pulumi

from elastic_vllm import labels
from elastic_vllm.labels import DO_NOT_DISRUPT
from elastic_vllm.placement import Placement
from elastic_vllm.spec import CompileCacheSpec, ModelSpec
from elastic_vllm.vllm import routes, startup
from elastic_vllm.vllm.container import container
from elastic_vllm.vllm.inputs import AS_DECLARED, PodInputs
from elastic_vllm.vllm.quantity import gibibytes
from elastic_vllm.vllm.weights import Mounted, Weights

if TYPE_CHECKING:
    from pulumi_kubernetes.core.v1 import (
        PersistentVolumeClaimSpecArgsDict,
        PodSecurityContextArgsDict,
        PodSpecArgsDict,
        PodTemplateSpecArgsDict,
        TolerationArgsDict,
        TopologySpreadConstraintArgsDict,
        VolumeArgsDict,
    )

USER = 2000
"""The image's user ``vllm``; its group is 0, which owns what the image lets it write."""
CACHE_LIMIT_GIB = 10
TMP_LIMIT_GIB = 2


def template(
    model: ModelSpec,
    placement: Placement,
    annotations: Mapping[str, pulumi.Input[str]],
    *,
    secret: str | None = None,
    weights: Weights | None = None,
    given: PodInputs = AS_DECLARED,
) -> PodTemplateSpecArgsDict:
    """The pod template. While it loads, Karpenter leaves the pod alone: the annotation takes a duration.

    ``annotations`` may say another: a simulation's replica loads in the simulation's own time.
    """
    budget = startup.budget_seconds(model, placement.accelerator, placement.network_mbps)
    loading = startup.loading_seconds(model, placement.accelerator, placement.network_mbps)
    return {
        "metadata": {
            "labels": labels.labels(model.name),
            "annotations": dict(sorted({DO_NOT_DISRUPT: f"{loading}s", **annotations}.items())),
        },
        "spec": pod(model, placement, budget, secret, weights, given=given),
    }


def pod(
    model: ModelSpec,
    placement: Placement,
    budget: int,
    secret: str | None,
    weights: Weights | None,
    *,
    given: PodInputs = AS_DECLARED,
) -> PodSpecArgsDict:
    """The pod. No service links: a Service named ``vllm`` would set a variable that vLLM refuses."""
    made: PodSpecArgsDict = {
        "automount_service_account_token": False,
        "containers": [container(model, placement.gpu_resource, budget, secret, weights, given=given)],
        "enable_service_links": False,
        "node_selector": dict(sorted(placement.node_selector.items())),
        "security_context": security(),
        "service_account_name": model.name,
        "termination_grace_period_seconds": model.drain.grace_seconds,
        "tolerations": tolerations(placement.tolerations),
        "topology_spread_constraints": [
            spread("kubernetes.io/hostname", model.name),
            spread("topology.kubernetes.io/zone", model.name),
        ],
        "volumes": volumes(
            model, weights, model.engine.compile_cache if placement.has_volumes else None, given
        ),
    }
    return with_pull_secrets(made, model.engine.image_pull_secrets)


def with_pull_secrets(pod: PodSpecArgsDict, names: Sequence[str]) -> PodSpecArgsDict:
    """The pod with what the kubelet shows to the image's registry, where there is something."""
    return {**pod, "image_pull_secrets": [{"name": name} for name in names]} if names else pod


def security() -> PodSecurityContextArgsDict:
    """The image's own user; its group 0 is no privilege, and Pod Security ``restricted`` allows it."""
    return {
        "fs_group": 0,
        "run_as_group": 0,
        "run_as_non_root": True,
        "run_as_user": USER,
        "seccomp_profile": {"type": "RuntimeDefault"},
    }


def spread(topology_key: str, model: str) -> TopologySpreadConstraintArgsDict:
    """Prefer to spread the replicas of one revision; never leave one pending for it."""
    return {
        "label_selector": {"match_labels": labels.selector(model)},
        "match_label_keys": ["pod-template-hash"],
        "max_skew": 1,
        "topology_key": topology_key,
        "when_unsatisfiable": "ScheduleAnyway",
    }


def tolerations(given: Sequence[Mapping[str, str]]) -> list[TolerationArgsDict]:
    """The placement's tolerations with the fields a node taint has."""
    return [_toleration(item) for item in given]


def _toleration(item: Mapping[str, str]) -> TolerationArgsDict:
    written: TolerationArgsDict = {"key": item["key"], "operator": item.get("operator", "Equal")}
    if "value" in item:
        written["value"] = item["value"]
    if "effect" in item:
        written["effect"] = item["effect"]
    return written


def volumes(
    model: ModelSpec,
    weights: Weights | None,
    kept: CompileCacheSpec | None = None,
    given: PodInputs = AS_DECLARED,
) -> list[VolumeArgsDict]:
    """Caches and scratch, shared memory, and the weights where a claim has them.

    Without a claim that volume is empty: a real vLLM to which nothing is streamed stops at once and says so.
    The cache goes with the pod, unless it is kept.
    """
    cache: VolumeArgsDict = {"name": "cache"}
    if kept is None:
        cache["empty_dir"] = {"size_limit": gibibytes(CACHE_LIMIT_GIB)}
    else:
        cache["persistent_volume_claim"] = {"claim_name": claim_name(model, kept)}
    models: VolumeArgsDict = (
        {"name": "models", "persistent_volume_claim": {"claim_name": weights.claim, "read_only": True}}
        if isinstance(weights, Mounted)
        else {"name": "models", "empty_dir": {}}
    )
    return [
        cache,
        {"name": "gate", "config_map": {"name": routes.config_name(model)}},
        models,
        {"name": "shm", "empty_dir": {"medium": "Memory", "size_limit": given.shared_of(model)}},
        {"name": "tmp", "empty_dir": {"size_limit": gibibytes(TMP_LIMIT_GIB)}},
    ]


def claim_name(model: ModelSpec, kept: CompileCacheSpec) -> str:
    """Of the claim; a model's own, since what is loaded from it runs in the replica.

    It holds what cannot be changed: another size or class is another claim, and the pods roll to it.
    """
    digest = hashlib.sha256(kept.model_dump_json().encode()).hexdigest()
    return f"{model.name}-compiled-{digest[:8]}"


def claim_spec(kept: CompileCacheSpec) -> PersistentVolumeClaimSpecArgsDict:
    """A volume that replicas on different nodes write at once."""
    return {
        "access_modes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": f"{kept.size_gib}Gi"}},
        "storage_class_name": kept.storage_class,
    }
