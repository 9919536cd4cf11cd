"""Weights on the embedded cluster: there are none, because no container runs there. Loading is simulated."""

from elastic_vllm.clouds.base import Bucket


def bucket() -> Bucket | None:
    """No bucket, nothing to fetch."""
    return None
