"""Where a replica finds its weights: streamed from a bucket, or on a volume that somebody filled. Pure.

The loader and its settings are those of the pinned vLLM (docs/adr/0007-weights-are-streamed.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pulumi

    from elastic_vllm.clouds.base import Endpoint
    from elastic_vllm.spec import ModelSpec


@dataclass(frozen=True, kw_only=True)
class Streamed:
    """From a bucket straight to the GPU; ``ModelWeights`` answers with one of these for each model."""

    address: pulumi.Input[str]
    """Where the checkpoint's files are, as in ``s3://bucket/path``."""
    environment: Mapping[str, str]
    """Variables that the loader needs to find the bucket."""
    credentials: Sequence[Endpoint]
    """Where the pod is given the credentials of its identity."""
    ready: Sequence[pulumi.Resource]
    """Without these there is nothing to stream, or no leave to."""


@dataclass(frozen=True, kw_only=True)
class Mounted:
    """A hub cache on a volume."""

    claim: pulumi.Input[str]
    """The PersistentVolumeClaim, mounted for reading at ``/models``."""


Weights = Streamed | Mounted


def command_line(
    line: Sequence[str],
    model: ModelSpec,
    weights: Weights | None,
    revision: pulumi.Input[str] | None = None,
) -> Sequence[pulumi.Input[str]]:
    """The command line with the bucket in the checkpoint's place where weights are streamed.

    A mounted hub cache may hold several commits: ``revision`` picks one.
    """
    if isinstance(weights, Mounted) and revision is not None:
        return [*line, "--revision", revision]
    if not isinstance(weights, Streamed):
        return line
    return [weights.address, "--load-format", "runai_streamer", *_loading(model), *line[1:]]


def _loading(model: ModelSpec) -> tuple[str, str]:
    """A buffer of one tensor for each GPU, and not the loader's 40 GB, which few pods of ours may take.

    The GPUs of one engine read the bucket once together, instead of each the whole. Engines do not know of
    each other, unless they share experts.
    """
    settings = {"distributed": True} if model.gpus_per_replica > model.copies else {}
    text = json.dumps({**settings, "memory_limit": 0}, sort_keys=True, separators=(",", ":"))
    return "--model-loader-extra-config", text


def variables(weights: Weights | None) -> Mapping[str, str]:
    """What the container needs besides."""
    return weights.environment if isinstance(weights, Streamed) else {}


def credentials(weights: Weights | None) -> Sequence[Endpoint]:
    """Where the pod may connect to besides."""
    return weights.credentials if isinstance(weights, Streamed) else ()


def ready(weights: Weights | None) -> Sequence[pulumi.Resource]:
    """What the pods wait for, and outlive none of."""
    return weights.ready if isinstance(weights, Streamed) else ()
