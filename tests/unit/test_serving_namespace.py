"""The namespace is locked before anything runs in it."""

import pulumi

from elastic_vllm.serving_namespace import ServingNamespace, ServingNamespaceArgs
from elastic_vllm.testing.monitor import run
from elastic_vllm.testing.registration import Graph
from tests.manifests import inputs, kubernetes


def declare() -> Graph:
    def program() -> None:
        space = ServingNamespace("serving", ServingNamespaceArgs(namespace="inference"))
        pulumi.export("namespace", space.namespace)

    return run(program)


def test_pod_security_restricted_is_enforced_at_a_pinned_version_and_seen_on_every_path() -> None:
    labels = inputs(declare(), "serving-namespace")["metadata"]["labels"]
    for mode in ("enforce", "audit", "warn"):
        assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"
        assert labels[f"pod-security.kubernetes.io/{mode}-version"] == "v1.36"


def test_nothing_talks_in_the_namespace_by_default() -> None:
    policy = inputs(declare(), "serving-default-deny")
    assert policy["metadata"]["namespace"] == "inference"
    assert policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_what_takes_the_name_waits_for_the_namespace() -> None:
    graph = declare()
    assert graph.outputs["namespace"] == "inference"
    namespace = graph.named("serving-namespace").urn
    assert namespace in graph.named("serving-default-deny").dependencies


def test_both_objects_are_children_of_the_component() -> None:
    graph = declare()
    assert {item.parent for item in kubernetes(graph)} == {graph.named("serving").urn}
    assert len(kubernetes(graph)) == 2
