"""Who may talk to a model, and to whom it may talk. Pure.

Which routes there are is for the gate (``routes``), in the pod itself. Who reaches them is for the network:
pods that carry the client label, in any namespace. Probes come from the node's kubelet, which is let through.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from elastic_vllm import labels
from elastic_vllm.placement import CLUSTER_DNS, Resolver
from elastic_vllm.vllm.arguments import PORT

if TYPE_CHECKING:
    from pulumi_kubernetes.networking.v1 import (
        NetworkPolicyEgressRuleArgsDict,
        NetworkPolicyPeerArgsDict,
        NetworkPolicySpecArgsDict,
    )

    from elastic_vllm.clouds.base import Endpoint

INTERNAL = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "240.0.0.0/4",
]
"""Addresses that an image URL in a prompt must not reach: the cluster, its network, the cloud's metadata.

Class E (240.0.0.0/4) is among them, since clouds take it for pods and Services.
"""


def policy_spec(
    model: str, resolvers: Sequence[Resolver] = (CLUSTER_DNS,), credentials: Sequence[Endpoint] = ()
) -> NetworkPolicySpecArgsDict:
    """In: labelled clients, one port. Out: names, media on the public internet over HTTP(S), credentials.

    Weights are streamed over HTTPS too. The endpoints of credentials ask for a header that no URL of a
    picture can carry.
    """
    return {
        "egress": [names(resolvers), public(80, 443), *endpoints(credentials)],
        "ingress": [
            {
                "from_": [
                    {"namespace_selector": {}, "pod_selector": {"match_labels": {labels.CLIENT: "true"}}}
                ],
                "ports": [{"port": PORT, "protocol": "TCP"}],
            }
        ],
        "pod_selector": {"match_labels": labels.selector(model)},
        "policy_types": ["Ingress", "Egress"],
    }


def default_deny_spec() -> NetworkPolicySpecArgsDict:
    """Nothing in or out for any pod of the namespace, unless another policy allows it."""
    return {"pod_selector": {}, "policy_types": ["Ingress", "Egress"]}


def names(resolvers: Sequence[Resolver]) -> NetworkPolicyEgressRuleArgsDict:
    """DNS, at each server that pods of this cloud may ask."""
    return {
        "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
        "to": [_peer(resolver) for resolver in resolvers],
    }


def _peer(resolver: Resolver) -> NetworkPolicyPeerArgsDict:
    if resolver.cidr:
        return {"ip_block": {"cidr": resolver.cidr}}
    return {
        "namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "kube-system"}},
        "pod_selector": {"match_labels": dict(resolver.pods or {})},
    }


def endpoints(given: Sequence[Endpoint]) -> list[NetworkPolicyEgressRuleArgsDict]:
    """One rule for each."""
    return [
        {
            "ports": [{"port": endpoint.port, "protocol": "TCP"}],
            "to": [{"ip_block": {"cidr": endpoint.cidr}}],
        }
        for endpoint in given
    ]


def public(*ports: int) -> NetworkPolicyEgressRuleArgsDict:
    """The public internet, and nothing that is only reached from inside."""
    return {
        "ports": [{"port": port, "protocol": "TCP"} for port in ports],
        "to": [{"ip_block": {"cidr": "0.0.0.0/0", "except_": INTERNAL}}],
    }
