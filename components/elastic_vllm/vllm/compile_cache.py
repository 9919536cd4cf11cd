"""The volume that keeps what vLLM compiled, for every replica of a model and across their ends. Pure."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from elastic_vllm.spec import CompileCacheSpec, ModelSpec

if TYPE_CHECKING:
    from pulumi_kubernetes.core.v1 import PersistentVolumeClaimSpecArgsDict


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
