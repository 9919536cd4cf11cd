"""Where images come from: Docker Hub, a cache of it, or a registry that asks for credentials."""

import pytest

from elastic_vllm.clouds import docker_hub
from tests.aws import execute
from tests.manifests import inputs

CACHE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/docker-hub"
POOL = {"name": "l4", "accelerator": "l4", "maxNodes": 2}
MODEL = {
    "name": "chat",
    "checkpoint": "Qwen/Qwen3-VL-8B-Instruct-FP8",
    "pool": "l4",
    "headroom": 1,
    "engine": {"image": "vllm/vllm-openai:v0.33.0", "imagePullSecrets": ["registry"]},
}


@pytest.mark.parametrize(
    ("image", "path"),
    [
        ("vllm/vllm-openai:v0.33.0", "vllm/vllm-openai:v0.33.0"),
        ("docker.io/vllm/vllm-openai:v0.33.0", "vllm/vllm-openai:v0.33.0"),
        ("busybox:1", "library/busybox:1"),
        ("public.ecr.aws/karpenter/karpenter:1", None),
        ("localhost/vllm:1", None),
    ],
)
def test_an_image_of_docker_hub_is_told_by_its_name(image: str, path: str | None) -> None:
    assert docker_hub.repository(image) == path


def test_a_cache_and_pull_secrets_reach_every_pod_that_runs_the_image() -> None:
    cluster = {"cloud": "aws", "region": "eu-central-1", "imageCache": CACHE}
    graph = execute("aws-dev", cluster=cluster, pools=[POOL], models=[MODEL])
    kinds = ("kubernetes:apps/v1:Deployment", "kubernetes:batch/v1:Job")
    pods = [
        inputs(graph, item.name)["spec"]["template"]["spec"] for kind in kinds for item in graph.of_type(kind)
    ]
    assert len(pods) == 3  # replicas, placeholders, the fetch
    for pod in pods:
        assert pod["imagePullSecrets"] == [{"name": "registry"}]
        images = [each["image"] for each in (*pod["containers"], *pod.get("initContainers", []))]
        assert f"{CACHE}/vllm/vllm-openai:v0.33.0" in images
    fillers = {item.name for item in graph if item.name.endswith("-image-cache")}
    assert fillers == {"cluster-system-role-image-cache", "autoscaler-node-role-image-cache"}
