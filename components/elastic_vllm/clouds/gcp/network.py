"""A VPC of the cluster's own: one subnetwork with ranges for pods and Services, a way out and no way in.

Where the stack file names a network that exists, none of it is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_gcp.compute import Firewall, Router, RouterNat, Subnetwork
from pulumi_gcp.compute import Network as Vpc

from elastic_vllm.clouds.groups import WEBHOOK_PORT
from elastic_vllm.spec import GcpCluster

PODS = "pods"
SERVICES = "services"


@dataclass(frozen=True, kw_only=True)
class Network:
    """What a cluster is put into."""

    network: pulumi.Output[str]
    subnetwork: pulumi.Output[str]
    pods: str = PODS
    """The name of the secondary range for pods."""
    services: str = SERVICES
    """The name of the secondary range for Services."""
    nat: Sequence[RouterNat] = ()
    """Nodes wait for it: without a way out they pull no image. None where the network is not the stack's."""


def network(name: str, spec: GcpCluster, opts: pulumi.ResourceOptions) -> Network:
    """Register the network, or take the one that exists. Google's own APIs are reached without the NAT."""
    ranges = spec.network
    if lent := ranges.existing:
        return Network(
            network=pulumi.Output.from_input(lent.network),
            subnetwork=pulumi.Output.from_input(lent.subnetwork),
            pods=lent.pods,
            services=lent.services,
        )
    vpc = Vpc(f"{name}-network", auto_create_subnetworks=False, routing_mode="REGIONAL", opts=opts)
    subnetwork = Subnetwork(
        f"{name}-subnetwork",
        network=vpc.id,
        region=spec.region,
        ip_cidr_range=ranges.nodes,
        private_ip_google_access=True,
        secondary_ip_ranges=[
            {"range_name": PODS, "ip_cidr_range": ranges.pods},
            {"range_name": SERVICES, "ip_cidr_range": ranges.services},
        ],
        opts=opts,
    )
    router = Router(f"{name}-router", network=vpc.id, region=spec.region, opts=opts)
    nat = RouterNat(
        f"{name}-nat",
        router=router.name,
        region=spec.region,
        nat_ip_allocate_option="AUTO_ONLY",
        source_subnetwork_ip_ranges_to_nat="ALL_SUBNETWORKS_ALL_IP_RANGES",
        enable_dynamic_port_allocation=True,
        enable_endpoint_independent_mapping=False,
        log_config={"enable": True, "filter": "ERRORS_ONLY"},
        opts=opts,
    )
    return Network(network=vpc.id, subnetwork=subnetwork.id, nat=[nat])


def webhook(name: str, spec: GcpCluster, vpc: pulumi.Input[str], opts: pulumi.ResourceOptions) -> Firewall:
    """Let the control plane reach a webhook's port; GKE's own rule has the ports 443 and 10250 alone."""
    return Firewall(
        name,
        network=vpc,
        description="The control plane calls webhooks of LeaderWorkerSet",
        direction="INGRESS",
        source_ranges=[spec.network.control_plane],
        allows=[{"protocol": "tcp", "ports": [str(WEBHOOK_PORT)]}],
        opts=opts,
    )
