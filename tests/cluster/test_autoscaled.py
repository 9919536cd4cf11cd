"""A deployment beside an autoscaler: what the HPA sets is the HPA's."""

import pytest
from pulumi_kubernetes.apps.v1 import Deployment

from elastic_vllm.testing.values import mapping
from tests.cluster.tiny_stack import Builder, TinyStack

pytestmark = pytest.mark.cluster


def autoscaled(build: Builder) -> None:
    labels = {"app": "web"}
    Deployment(
        "web",
        # No node is there for its pods, and this test is not about them.
        metadata={
            "name": "web",
            "namespace": build.namespace,
            "annotations": {"pulumi.com/skipAwait": "true"},
        },
        spec={
            "selector": {"match_labels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": "example.com/none:1"}]},
            },
        },
        opts=build.options(),
    )


def test_replicas_that_an_autoscaler_set_are_no_change_and_stay(stack: TinyStack) -> None:
    stack.up(autoscaled)
    scale = f"/apis/apps/v1/namespaces/{stack.namespace}/deployments/web/scale"
    patch = {"spec": {"replicas": 3}}
    stack.api.send(
        "PATCH",
        scale,
        query={"fieldManager": "kube-controller-manager"},
        body=patch,
        content_type="application/merge-patch+json",
    )
    assert stack.preview(autoscaled).did() == {}
    assert stack.up(autoscaled).did() == {}
    live = stack.object("Deployment", "web", "apps/v1")
    assert live is not None
    assert mapping(live["spec"])["replicas"] == 3
