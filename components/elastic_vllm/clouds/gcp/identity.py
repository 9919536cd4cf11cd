"""The identity of the nodes, with what the kubelet and its agents need and nothing of the models' own.

Pods do not have it: they see GKE's metadata server, and a Google identity only where one is bound to theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_gcp.projects import IAMMember
from pulumi_gcp.serviceaccount import Account

from elastic_vllm.spec import GcpCluster

NODE_ROLES = (
    "roles/artifactregistry.reader",
    "roles/container.defaultNodeServiceAccount",
    "roles/serviceusage.serviceUsageConsumer",
)
"""Pull images; write logs, metrics and what the HPA profile reads; stream images.

Reading buckets is left to the identities of those that read them.
"""


@dataclass(frozen=True, kw_only=True)
class NodeIdentity:
    """The account, and what has to be there before it is good for anything."""

    email: pulumi.Output[str]
    grants: Sequence[IAMMember]
    """None where the account is not the stack's own."""


def node_identity(name: str, spec: GcpCluster, opts: pulumi.ResourceOptions) -> NodeIdentity:
    """Register the account and its roles in the project; other members of those roles stay as they are.

    An account that the stack file names is used as it is.
    """
    if spec.node_service_account:
        return NodeIdentity(email=pulumi.Output.from_input(spec.node_service_account), grants=[])
    account = Account(
        f"{name}-nodes",
        display_name="elastic-vllm nodes",
        description="Nodes of the cluster: logs, metrics, images",
        opts=opts,
    )
    grants = [
        IAMMember(
            f"{name}-nodes-{role.removeprefix('roles/').replace('.', '-').lower()}",
            project=spec.project,
            role=role,
            member=pulumi.Output.concat("serviceAccount:", account.email),
            opts=opts,
        )
        for role in NODE_ROLES
    ]
    return NodeIdentity(email=account.email, grants=grants)
