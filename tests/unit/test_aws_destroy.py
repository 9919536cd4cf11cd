"""What a destroy takes down, and in which order: read off the dependencies that the engine records."""

from graphlib import TopologicalSorter
from itertools import pairwise

import pytest

from elastic_vllm.testing.registration import Graph, Registration
from tests.aws import EVERY, EXISTING, MANAGED, STACKS, recorded

each_stack = pytest.mark.parametrize("stack", STACKS)

LAYERS = (
    ("kubernetes:karpenter.sh/v1:NodePool", "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"),
    ("kubernetes:helm.sh/v3:Release",),
    ("aws:eks/nodeGroup:NodeGroup",),
    ("aws:eks/cluster:Cluster",),
    ("aws:ec2/subnet:Subnet", "aws:ec2/vpc:Vpc", "aws:ec2/natGateway:NatGateway", "aws:ec2/route:Route"),
)
"""From the first to go to the last."""


def needs(graph: Graph) -> dict[str, set[str]]:
    """What must be there before each resource, hence must outlive it: dependencies, provider, parent."""
    found = {}
    for item in graph:
        named = {item.provider_urn, item.parent, *item.dependencies}
        named |= {urn for urns in item.property_dependencies.values() for urn in urns}
        found[item.urn] = {urn for urn in named if graph.find(urn)}
    return found


def reaches(graph: Graph) -> dict[str, set[str]]:
    """The same through any number of steps."""
    direct = needs(graph)
    closed: dict[str, set[str]] = {}
    for urn in TopologicalSorter(direct).static_order():
        closed[urn] = set(direct[urn]).union(*(closed[other] for other in direct[urn]))
    return closed


def of(graph: Graph, types: tuple[str, ...]) -> list[Registration]:
    found = [item for item in graph if item.type.startswith(types)]
    assert found, types
    return found


@each_stack
def test_each_layer_goes_before_the_one_it_stands_on(stack: str) -> None:
    graph = recorded(stack)
    below = reaches(graph)
    for upper, lower in pairwise(LAYERS):
        for item in of(graph, upper):
            missed = [base.name for base in of(graph, lower) if base.urn not in below[item.urn]]
            assert missed == [], f"{item.name} may outlive {missed}"


@each_stack
def test_nothing_on_the_cluster_outlives_its_nodes_and_add_ons(stack: str) -> None:
    graph = recorded(stack)
    below = reaches(graph)
    kept = {item.urn for item in of(graph, ("aws:eks/addon:Addon", "aws:eks/nodeGroup:NodeGroup"))}
    for item in of(graph, ("kubernetes:",)):
        assert kept <= below[item.urn], item.name


@pytest.mark.parametrize("stack", EVERY)
def test_a_model_goes_before_its_pool_and_a_pool_before_its_class(stack: str) -> None:
    graph = recorded(stack)
    below = reaches(graph)
    for model in graph.of_type("kubernetes:apps/v1:Deployment"):
        pool = model.inputs["spec"]["template"]["spec"]["nodeSelector"]["elastic-vllm.dev/pool"]  # type: ignore[index]  # decoded JSON
        assert graph.named(f"{pool}-nodes").urn in below[model.urn]
    for pool in graph.of_type("kubernetes:karpenter.sh/v1:NodePool"):
        node_class = pool.name.removesuffix("-floor") + "-class"
        assert graph.named(node_class).urn in below[pool.urn]


@pytest.mark.parametrize("stack", EVERY)
def test_karpenter_keeps_its_rights_and_its_news_until_its_pools_are_gone(stack: str) -> None:
    graph = recorded(stack)
    below = reaches(graph)
    kept = [
        "autoscaler-crds",
        "cluster-node-autoscaler-identity",
        "autoscaler-controller-policy",
        "autoscaler-interruption",
        "autoscaler-node-access",
        "autoscaler-node-profile",
        *(["cluster-eks-pod-identity-agent"] if stack != EXISTING else []),
    ]
    release = graph.named("autoscaler-karpenter")
    for item in (release, *graph.of_type("kubernetes:karpenter.sh/v1:NodePool")):
        needed = {graph.find(urn).name for urn in below[item.urn]}  # type: ignore[union-attr]  # urns of the graph
        assert set(kept) <= needed


@each_stack
def test_pods_keep_their_weights_and_the_right_to_them_until_they_are_gone(stack: str) -> None:
    graph = recorded(stack)
    below = reaches(graph)
    kept = {item.urn for item in graph if item.type.startswith("aws:") and item.name.startswith("weights-")}
    assert len(kept) > 10
    for item in (*of(graph, ("kubernetes:apps/v1:Deployment",)), *of(graph, ("kubernetes:batch/v1:Job",))):
        assert kept <= below[item.urn], item.name


@each_stack
def test_nodes_keep_their_way_out_until_they_are_gone(stack: str) -> None:
    graph = recorded(stack)
    below = reaches(graph)
    (nodes,) = graph.of_type("aws:eks/nodeGroup:NodeGroup")
    for kind in ("route:Route", "routeTableAssociation:RouteTableAssociation", "natGateway:NatGateway"):
        for item in graph.of_type(f"aws:ec2/{kind}"):
            assert item.urn in below[nodes.urn], item.name
    for addon in ("vpc-cni", "kube-proxy", "eks-pod-identity-agent"):
        assert graph.named(f"cluster-{addon}").urn in below[nodes.urn]


def test_managed_groups_go_after_their_models_and_before_what_they_need() -> None:
    graph = recorded("aws-dev", cluster=MANAGED)
    below = reaches(graph)
    groups = [item for item in graph.of_type("aws:eks/nodeGroup:NodeGroup") if item.name != "cluster-system"]
    assert [item.name for item in groups] == ["l4-nodes-spot", "l4-nodes"]
    kept = {
        graph.named(name).urn
        for name in ("autoscaler-cluster-autoscaler", "autoscaler-controller-policy", "autoscaler-node-role")
    }
    kept |= {item.urn for item in of(graph, ("aws:eks/cluster:Cluster", "aws:ec2/route:Route"))}
    for item in groups:
        assert kept <= below[item.urn], item.name
    for model in graph.of_type("kubernetes:apps/v1:Deployment"):
        assert {item.urn for item in groups} <= below[model.urn]


@pytest.mark.parametrize("autoscaler", ["karpenter", "cluster-autoscaler"])
def test_the_node_autoscaler_has_its_identity_long_before_it_has_pods(autoscaler: str) -> None:
    """Credentials are put in as a pod is admitted, and an association takes seconds to be known."""
    graph = recorded("aws-dev", cluster={**MANAGED, "nodeAutoscaler": autoscaler})
    below = reaches(graph)
    (bound,) = (
        item
        for item in graph.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation")
        if item.inputs["serviceAccount"] == autoscaler
    )
    # A component's children wait for it, and it for its providers: the parent counts.
    waits = {found.type for urn in below[bound.urn] if (found := graph.find(urn))}
    assert "aws:eks/cluster:Cluster" in waits
    assert not waits & {
        "aws:eks/addon:Addon",
        "aws:eks/nodeGroup:NodeGroup",
        "pulumi:providers:kubernetes",
    }
    for release in graph.of_type("kubernetes:helm.sh/v3:Release"):
        if release.inputs["chart"] not in ("oci://public.ecr.aws/karpenter/karpenter-crd",):
            assert bound.urn in below[release.urn]
