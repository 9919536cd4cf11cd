"""Warm headroom on the real scheduler and the real Karpenter: who yields to whom, and what comes after."""

from collections.abc import Iterator

import pytest

from fleet.embedded.layout import Layout
from tests.cluster.deployed import Deployed, deployed, node_of

pytestmark = pytest.mark.cluster

REPLICAS = "app.kubernetes.io/instance=chat"
PLACEHOLDERS = "app.kubernetes.io/instance=chat-headroom"


@pytest.fixture(scope="module")
def warm(cluster: Layout) -> Iterator[Deployed]:
    sections = {
        "pools": [{"name": "warm", "accelerator": "a10g", "maxNodes": 4}],
        "models": [
            {
                "name": "chat",
                "checkpoint": "Qwen/Qwen3-VL-8B-Instruct-FP8",
                "pool": "warm",
                "headroom": 1,
                "replicas": {"min": 1, "max": 1},
                "drain": {"propagationSeconds": 2, "finishSeconds": 1, "marginSeconds": 5},
            }
        ],
    }
    with deployed(cluster, "warm", sections) as stack:
        stack.until(lambda: len(stack.ready(PLACEHOLDERS)) == 1, "a placeholder holds a node")
        yield stack


def test_a_replica_takes_the_warm_node_at_once_and_the_placeholder_brings_another(warm: Deployed) -> None:
    (held,) = [node_of(pod) for pod in warm.pods(PLACEHOLDERS).values()]
    nodes = {node_of(pod) for pod in warm.pods(REPLICAS).values()} | {held}
    assert len(nodes) == 2
    before = set(warm.pods(REPLICAS))
    warm.scale("apps/deployments", "chat", 2)
    warm.until(lambda: len(warm.ready(REPLICAS)) == 2, "a second replica")
    (second,) = [node_of(pod) for name, pod in warm.pods(REPLICAS).items() if name not in before]
    assert second == held
    warm.until(lambda: len(warm.ready(PLACEHOLDERS)) == 1, "the placeholder is back")
    (new,) = [node_of(pod) for pod in warm.pods(PLACEHOLDERS).values()]
    assert new not in nodes
    warm.scale("apps/deployments", "chat", 1)
    warm.until(
        lambda: len(warm.api.list("v1", "Node", "", labelSelector="elastic-vllm.dev/pool=warm")) == 2,
        "2 nodes",
    )
