"""The whole program for the committed Google Cloud stacks: what there is, who owns it, what goes first."""

from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from elastic_vllm.testing.registration import Graph, Registration
from elastic_vllm.testing.values import Secret
from elastic_vllm.vllm_deployment import encode
from tests.gcp import CANARY, HUB_CANARY, STACKS, build, google, recorded
from tests.manifests import Golden, inputs, kubernetes, names, normalised, strings

NOWHERE = Path("no kubeconfig of a file")

pytestmark = pytest.mark.parametrize("stack", STACKS)


@pytest.fixture
def graph(stack: str) -> Graph:
    return recorded(stack)


def needs(graph: Graph) -> dict[str, set[str]]:
    """Of each resource, what outlives it: recorded dependencies, provider, parent."""
    known = {item.urn for item in graph}
    return {
        item.urn: {urn for urn in (*item.dependencies, item.provider_urn, item.parent) if urn in known}
        for item in graph
    }


def reached(graph: Graph, item: Registration) -> set[str]:
    """All that outlives ``item``, by however many steps."""
    edges, found, left = needs(graph), set[str](), [item.urn]
    while left:
        for urn in edges[left.pop()] - found:
            found.add(urn)
            left.append(urn)
    return found


def test_the_stack_is_the_graph_that_was_reviewed(stack: str, graph: Graph, golden: Golden) -> None:
    golden(f"{stack}.json", normalised(graph, NOWHERE))


def test_two_runs_are_alike(stack: str, graph: Graph) -> None:
    assert normalised(build(stack), NOWHERE) == normalised(graph, NOWHERE)


def test_a_preview_registers_the_same_resources_as_an_update(stack: str, graph: Graph) -> None:
    assert names(build(stack, preview=True)) == names(graph)


def test_every_resource_has_an_explicit_provider_and_a_component_above_it(graph: Graph) -> None:
    (cloud,) = graph.of_type("pulumi:providers:gcp")
    (cluster,) = graph.of_type("pulumi:providers:kubernetes")
    assert {item.provider_urn for item in google(graph)} == {cloud.urn}
    objects = [item for item in kubernetes(graph) if item.package == "kubernetes"]
    assert {item.provider_urn for item in objects} == {cluster.urn}
    components = {item.urn for item in graph if not item.custom}
    assert {item.parent for item in graph if item.custom} <= components


def test_what_cannot_be_made_again_is_protected_where_the_stack_asks_for_it(stack: str, graph: Graph) -> None:
    asked = stack == "gcp-prod"
    protected = {item.name for item in graph if item.protect}
    kept = {"network", "subnetwork", "router", "nat", "gke", "keys", "secrets-key", "secrets-key-grant"}
    kept |= {"agent"}
    assert protected == ({"weights-bucket", *(f"cluster-{name}" for name in kept)} if asked else set())
    assert inputs(graph, "cluster-gke")["deletionProtection"] is asked


def test_everything_goes_before_what_it_needs(graph: Graph) -> None:
    order = list(TopologicalSorter(needs(graph)).static_order())
    assert len(order) == len(graph)
    network, cluster = graph.named("cluster-network").urn, graph.named("cluster-gke").urn
    nat, system = graph.named("cluster-nat").urn, graph.named("cluster-system").urn
    assert network in reached(graph, graph.named("cluster-gke"))
    pools = graph.of_type("gcp:container/nodePool:NodePool")
    grants = {item.urn for item in graph.of_type("gcp:projects/iAMMember:IAMMember")}
    for pool in pools:
        assert {cluster, network, nat, *grants} <= reached(graph, pool)
    for item in kubernetes(graph):
        if item.package == "kubernetes":
            assert {cluster, network, nat, system} <= reached(graph, item)
    gpu = {pool.urn for pool in pools} - {system}
    assert gpu
    weights = {item.urn for item in google(graph) if item.name.startswith("weights-")}
    assert len(weights) == 4
    for deployment in graph.of_type("kubernetes:apps/v1:Deployment"):
        assert gpu | weights <= reached(graph, deployment)
    for fetch in graph.of_type("kubernetes:batch/v1:Job"):
        assert weights <= reached(graph, fetch)


def test_the_bucket_is_closed_to_all_but_the_stacks_own_accounts(stack: str, graph: Graph) -> None:
    bucket = inputs(graph, "weights-bucket")
    assert bucket["uniformBucketLevelAccess"] is True
    assert bucket["publicAccessPrevention"] == "enforced"
    assert bucket["forceDestroy"] is (stack == "gcp-dev")
    granted: dict[str, set[str]] = {}
    for item in graph.of_type("gcp:storage/bucketIAMMember:BucketIAMMember"):
        pool, _, account = str(item.inputs["member"]).partition("/subject/")
        assert pool.startswith("principal://iam.googleapis.com/projects/123456789012/locations/global/")
        assert pool.endswith(".svc.id.goog")
        granted.setdefault(account, set()).add(str(item.inputs["role"]))
        # The pool of identities is there when the project has its first cluster.
        assert graph.named("cluster-gke").urn in reached(graph, item)
    assert granted == {
        "ns/inference/sa/chat": {"roles/storage.legacyBucketReader", "roles/storage.objectViewer"},
        "ns/inference/sa/weights.prefetch": {"roles/storage.objectUser"},
    }


def test_the_kubeconfig_is_a_secret_and_no_key_is_in_the_plain(graph: Graph) -> None:
    assert isinstance(graph.outputs["cluster"], dict)
    assert isinstance(graph.outputs["cluster"]["kubeconfig"], Secret)
    assert isinstance(inputs(graph, "cluster-provider")["kubeconfig"], Secret)
    seen = [text for item in graph for text in strings(item.inputs)] + list(strings(graph.outputs))
    hidden = [form for secret in (CANARY, HUB_CANARY) for form in (secret, encode(secret))]
    assert not [text for text in seen if any(form in text for form in (*hidden, "Q0E="))]
    assert not [form for form in hidden if form in normalised(graph, NOWHERE)]


def test_the_outputs_name_what_others_grant_and_peer_with(graph: Graph) -> None:
    outputs = graph.outputs["cluster"]
    assert isinstance(outputs, dict)
    assert (outputs["nodeAccount"], outputs["network"]) == ("nodes@example.invalid", "id-of-cluster-network")


def test_everything_that_takes_labels_has_the_labels_of_the_bill(stack: str, graph: Graph) -> None:
    wanted = {"app": "elastic-vllm", "stack": stack}
    assert inputs(graph, "cluster-gke")["resourceLabels"] == wanted
    assert inputs(graph, "cluster-secrets-key")["labels"] == wanted
    assert inputs(graph, "weights-bucket")["labels"] == wanted
    for item in graph.of_type("gcp:container/nodePool:NodePool"):
        assert inputs(graph, item.name)["nodeConfig"]["resourceLabels"] == wanted
