"""Who may talk to a model, and to whom it may talk. Pure.

Which routes there are is for the gate (``routes``), in the pod itself. Who reaches them is for the network:
pods that carry the client label, in any namespace. Probes come from the node's kubelet, which is let through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from components import labels
from components.vllm.arguments import PORT

if TYPE_CHECKING:
    from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict, NetworkPolicySpecArgsDict

INTERNAL = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
]
"""Addresses that an image URL in a prompt must not reach: the cluster, its network, the cloud's metadata."""


def policy_spec(model: str) -> NetworkPolicySpecArgsDict:
    """In: labelled clients, one port. Out: names, and media on the public internet over HTTP(S)."""
    return {
        "egress": [_names(), _public_media()],
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


def _names() -> NetworkPolicyEgressRuleArgsDict:
    return {
        "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
        "to": [
            {
                "namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "kube-system"}},
                "pod_selector": {"match_labels": {"k8s-app": "kube-dns"}},
            }
        ],
    }


def _public_media() -> NetworkPolicyEgressRuleArgsDict:
    return {
        "ports": [{"port": 80, "protocol": "TCP"}, {"port": 443, "protocol": "TCP"}],
        "to": [{"ip_block": {"cidr": "0.0.0.0/0", "except_": INTERNAL}}],
    }
