"""What the real Karpenter makes of a stack's pools: how it packs replicas, and how a floor is renewed."""

from collections.abc import Iterator

import pytest

from elastic_vllm.testing.values import items, mapping, text
from fleet.embedded.layout import Layout
from fleet.kube.objects import metadata
from tests.cluster.deployed import Deployed, deployed

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def stack(cluster: Layout) -> Iterator[Deployed]:
    sections = {
        "pools": [
            {"name": "packed", "accelerator": "h100", "gpusPerNode": 8, "maxNodes": 4},
            {
                "name": "kept",
                "accelerator": "a10g",
                "machines": ["g5.2xlarge", "g5.xlarge"],
                "minNodes": 2,
                "maxNodes": 3,
            },
        ],
        "models": [
            {
                "name": "small",
                "checkpoint": "Qwen/Qwen3-VL-4B-Instruct-FP8",
                "pool": "packed",
                "replicas": {"min": 4, "max": 4},
                "drain": {"propagationSeconds": 2, "finishSeconds": 1, "marginSeconds": 5},
            }
        ],
    }
    with deployed(cluster, "karpenter", sections) as made:
        yield made


def nodes(stack: Deployed, pool: str) -> set[str]:
    """Ready nodes of a pool that are not told to go."""
    found = stack.api.list("v1", "Node", "", labelSelector=f"elastic-vllm.dev/pool={pool}")
    there = [node for node in found if "deletionTimestamp" not in metadata(node)]
    return {text(metadata(node).get("name")) for node in there if is_ready(mapping(node.get("status")))}


def is_ready(status: object) -> bool:
    conditions = map(mapping, items(mapping(status).get("conditions")))
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


def test_small_replicas_from_zero_share_one_large_node(stack: Deployed) -> None:
    assert len(stack.ready("app.kubernetes.io/instance=small")) == 4
    assert len(nodes(stack, "packed")) == 1


def test_of_several_machines_the_cheapest_that_there_is_comes(stack: Deployed) -> None:
    stack.until(lambda: len(nodes(stack, "kept")) == 2, "two nodes are kept")
    kept = stack.api.list("v1", "Node", "", labelSelector="elastic-vllm.dev/pool=kept")
    types = {mapping(metadata(node).get("labels"))["node.kubernetes.io/instance-type"] for node in kept}
    assert types == {"g5.xlarge"}


def test_a_changed_template_replaces_every_node_of_a_floor(stack: Deployed) -> None:
    stack.until(lambda: len(nodes(stack, "kept")) == 2, "two nodes are kept")
    old = nodes(stack, "kept")
    stack.api.send(
        "PATCH",
        "/apis/karpenter.sh/v1/nodepools/kept.floor",
        body={"spec": {"template": {"metadata": {"labels": {"example.com/image": "newer"}}}}},
        content_type="application/merge-patch+json",
    )
    stack.until(
        lambda: len(nodes(stack, "kept") - old) == 2 and not nodes(stack, "kept") & old, "both are new"
    )
