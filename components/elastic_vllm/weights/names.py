"""What a stack's weights are called: in the bucket, on Kubernetes, and in Pulumi's state. Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from elastic_vllm.spec import ModelSpec

ACCOUNT = "weights.prefetch"
"""The service account, and the network policy, of every Job that fetches. No model can be called that: its
name has no dot, so none comes by the right to write."""
FIRST_FETCHED = "main"
"""The branch that is fetched where the stack file names no commit."""
DIGITS = 8


@dataclass(frozen=True, kw_only=True)
class Fetch:
    """One revision of one checkpoint: there is one Job for each, whichever models serve it."""

    checkpoint: str
    revision: str
    image: str
    """vLLM's image, in which the script runs."""
    pull_secrets: Sequence[str] = ()

    @property
    def path(self) -> str:
        """Where it is in the bucket."""
        return f"{self.checkpoint}/{self.revision}"

    @property
    def name(self) -> str:
        """What Pulumi knows it by, and the beginning of the Job's own name."""
        slug = self.checkpoint.rpartition("/")[2].lower().replace(".", "-").replace("_", "-")
        return f"prefetch-{slug}-{self.revision[:DIGITS]}"


def fetch_of(model: ModelSpec) -> Fetch:
    """What has to be in the bucket before the model can start."""
    return Fetch(
        checkpoint=model.checkpoint,
        revision=model.revision or FIRST_FETCHED,
        image=model.engine.image,
        pull_secrets=model.engine.image_pull_secrets,
    )


def fetches(models: Sequence[ModelSpec]) -> list[Fetch]:
    """Each revision once. Of several models that serve it, the first one's image is taken."""
    found: dict[str, Fetch] = {}
    for model in models:
        fetch = fetch_of(model)
        found.setdefault(fetch.path, fetch)
    return list(found.values())


def hashed(content: Mapping[str, object]) -> str:
    """The beginning of a digest: another content, another name."""
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
