"""What the clouds do by default (``meanings.yaml``), and that our objects live with it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from elastic_vllm.catalog import CloudName, clouds
from elastic_vllm.clouds.meanings import Meanings, meanings, resolvers
from elastic_vllm.testing.registration import Graph
from tests import aws, gcp
from tests.manifests import inputs

STACKS = ("aws-dev", "aws-prod", *gcp.STACKS, gcp.EXISTING)


def dns_peers(graph: Graph) -> Iterator[tuple[str, list[Any]]]:
    """Each network policy that lets something out, and the peers of its rule for port 53."""
    for item in graph.of_type("kubernetes:networking.k8s.io/v1:NetworkPolicy"):
        rules = inputs(graph, item.name)["spec"].get("egress", [])
        if rules and item.name.endswith("network"):
            asked = [rule for rule in rules if {"port": 53, "protocol": "UDP"} in rule.get("ports", [])]
            assert all({"port": 53, "protocol": "TCP"} in rule["ports"] for rule in asked)
            yield item.name, [peer for rule in asked for peer in rule["to"]]


@pytest.mark.parametrize("stack", STACKS)
def test_every_network_policy_reaches_each_resolver_of_its_cloud(stack: str) -> None:
    cloud: CloudName = "aws" if stack.startswith("aws") else "gcp"
    policies = dict(dns_peers(aws.recorded(stack) if cloud == "aws" else gcp.recorded(stack)))
    assert set(policies) >= {"chat-network", "weights-network"}
    for name, peers in policies.items():
        for resolver in resolvers(cloud):
            if resolver.cidr:
                assert {"ipBlock": {"cidr": resolver.cidr}} in peers, name
            else:
                selectors = [peer.get("podSelector") for peer in peers]
                assert {"matchLabels": resolver.pods} in selectors, name


def test_pods_of_gke_may_ask_the_cache_of_their_node() -> None:
    known = {resolver.cidr or str(resolver.pods) for resolver in resolvers("gcp")}
    assert known == {
        "{'k8s-app': 'kube-dns'}",
        "{'k8s-app': 'node-local-dns'}",
        "169.254.20.10/32",
        "169.254.169.254/32",
    }


@pytest.mark.parametrize("cloud", clouds())
def test_no_row_is_without_its_source(cloud: CloudName) -> None:
    table = meanings(cloud).model_dump(by_alias=True)
    used = {row["source"] for part in ("resolvers", "defaults") for row in table[part].values()}
    assert used <= set(table["sources"])
    row = next(iter(table["resolvers"].values()))
    with pytest.raises(ValidationError, match="cites 'nowhere'"):
        Meanings.model_validate({**table, "resolvers": {"x": {**row, "source": "nowhere"}}})


def test_nodes_of_gke_have_the_taint_that_gke_would_add() -> None:
    graph = gcp.recorded("gcp-prod")
    for item in graph.of_type("gcp:container/nodePool:NodePool"):
        if item.name != "cluster-system":
            (taint,) = inputs(graph, item.name)["nodeConfig"]["taints"]
            key_value, _, _ = str(meanings("gcp").value("gpu-taint")).partition(":")
            assert f"{taint['key']}={taint['value']}" == key_value


@pytest.mark.parametrize("channel", ["stable", "regular"])
def test_new_clusters_of_gke_have_the_cache_on_their_nodes(channel: str) -> None:
    def parts(version: str) -> list[int]:
        return [int(digits) for digits in re.findall(r"\d+", version)]

    since = meanings("gcp").resolvers["node-local-dns"].since
    assert parts(str(meanings("gcp").value(f"default-version-{channel}"))) >= parts(since)
