"""Who reaches a model and what it reaches: labelled clients in, names and public media out."""

import ipaddress

import pytest

from elastic_vllm.vllm import network
from tests.manifests import plain


def test_only_pods_with_the_client_label_reach_the_one_port() -> None:
    (rule,) = plain(network.policy_spec("chat"))["ingress"]
    assert rule["ports"] == [{"port": 8000, "protocol": "TCP"}]
    (peer,) = rule["from_"]
    # One peer with both selectors: two peers would let in every pod, or every namespace.
    assert peer == {
        "namespace_selector": {},
        "pod_selector": {"match_labels": {"elastic-vllm.dev/client": "true"}},
    }


@pytest.mark.parametrize(
    "target",
    ["169.254.169.254", "10.0.0.1", "172.20.0.1", "192.168.1.1", "100.64.0.1", "240.0.0.1", "255.1.2.3"],
)
def test_an_image_url_cannot_reach_the_cluster_or_the_clouds_metadata(target: str) -> None:
    _, media = plain(network.policy_spec("chat"))["egress"]
    (peer,) = media["to"]
    assert any(
        ipaddress.ip_address(target) in ipaddress.ip_network(block) for block in peer["ip_block"]["except_"]
    )


def test_an_image_url_on_the_public_internet_can_be_fetched() -> None:
    _, media = plain(network.policy_spec("chat"))["egress"]
    (peer,) = media["to"]
    blocks = [ipaddress.ip_network(block) for block in peer["ip_block"]["except_"]]
    assert not any(ipaddress.ip_address("93.184.215.14") in block for block in blocks)
    assert [port["port"] for port in media["ports"]] == [80, 443]


def test_both_directions_are_closed_unless_a_rule_opens_them() -> None:
    for spec in (network.policy_spec("chat"), network.default_deny_spec()):
        assert plain(spec)["policy_types"] == ["Ingress", "Egress"]
    closed = plain(network.default_deny_spec())
    assert closed["pod_selector"] == {}
    assert not {"ingress", "egress"} & closed.keys()
