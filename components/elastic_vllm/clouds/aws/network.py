"""A VPC of the cluster's own: private subnets for nodes, public ones for the way out, NAT between.

Nodes reach S3 and ECR inside AWS, by endpoints; anything else goes out by NAT. Nothing comes in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2

from elastic_vllm.clouds.aws import naming
from elastic_vllm.clouds.aws.landing_zone import AwsExistingNetwork
from elastic_vllm.spec import AwsCluster

ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, kw_only=True)
class Network:
    """What the cluster and its nodes need to know of the network."""

    vpc: pulumi.Input[str]
    private_subnets: Mapping[str, pulumi.Input[str]]
    """The id of each zone's private subnet."""
    ready: Sequence[pulumi.Resource]
    """Routes and endpoints: nodes need them to be drained and ended, so they are deleted after the nodes."""

    @property
    def private_subnet_ids(self) -> list[pulumi.Input[str]]:
        """Those of all zones."""
        return list(self.private_subnets.values())


def network(name: str, spec: AwsCluster, opts: pulumi.ResourceOptions) -> Network:
    """Register the network: one private and one public subnet in each zone."""
    vpc = ec2.Vpc(
        f"{name}-vpc",
        cidr_block=spec.network.vpc,
        enable_dns_hostnames=True,
        enable_dns_support=True,
        tags=_called(f"{name}-vpc"),
        opts=opts,
    )
    private_ranges, public_ranges = naming.subnets(spec.network.vpc, len(spec.node_zones))
    private = _subnets(f"{name}-private", vpc, spec.node_zones, private_ranges, opts)
    public = _subnets(f"{name}-public", vpc, spec.node_zones, public_ranges, opts)
    ways_out = _public_routes(name, vpc, public, opts)
    tables, routes = _private_routes(name, spec, vpc, (private, public), opts, ways_out=ways_out)
    endpoints = _endpoints(name, spec, vpc, private, tables=tables, opts=opts)
    return Network(
        vpc=vpc.id,
        private_subnets={zone: subnet.id for zone, subnet in private.items()},
        ready=[*ways_out, *routes, *endpoints],
    )


def existing_network(network: AwsExistingNetwork, zones: Sequence[str]) -> Network:
    """A network that exists: its ways out are its owner's."""
    subnets = {zone: network.subnets[zone] for zone in zones}
    return Network(vpc=network.vpc, private_subnets=subnets, ready=[])


def _subnets(
    name: str, vpc: ec2.Vpc, zones: Sequence[str], ranges: Sequence[str], opts: pulumi.ResourceOptions
) -> Mapping[str, ec2.Subnet]:
    role = "kubernetes.io/role/internal-elb" if name.endswith("private") else "kubernetes.io/role/elb"
    return {
        zone: ec2.Subnet(
            f"{name}-{zone}",
            vpc_id=vpc.id,
            availability_zone=zone,
            cidr_block=cidr,
            map_public_ip_on_launch=False,
            tags={**_called(f"{name}-{zone}"), role: "1"},
            opts=opts,
        )
        for zone, cidr in zip(zones, ranges, strict=True)
    }


def _public_routes(
    name: str, vpc: ec2.Vpc, public: Mapping[str, ec2.Subnet], opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    gateway = ec2.InternetGateway(
        f"{name}-internet", vpc_id=vpc.id, tags=_called(f"{name}-internet"), opts=opts
    )
    table = ec2.RouteTable(f"{name}-public", vpc_id=vpc.id, tags=_called(f"{name}-public"), opts=opts)
    route = ec2.Route(
        f"{name}-public",
        route_table_id=table.id,
        destination_cidr_block=ANYWHERE,
        gateway_id=gateway.id,
        opts=opts,
    )
    joined = [
        ec2.RouteTableAssociation(
            f"{name}-public-{zone}", route_table_id=table.id, subnet_id=subnet.id, opts=opts
        )
        for zone, subnet in public.items()
    ]
    return [route, *joined]


def _private_routes(
    name: str,
    spec: AwsCluster,
    vpc: ec2.Vpc,
    subnets: tuple[Mapping[str, ec2.Subnet], Mapping[str, ec2.Subnet]],
    opts: pulumi.ResourceOptions,
    *,
    ways_out: Sequence[pulumi.Resource],
) -> tuple[list[ec2.RouteTable], list[pulumi.Resource]]:
    private, public = subnets
    after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=ways_out))
    zones = list(private)
    gateways = {
        zone: _nat(f"{name}-nat-{zone}", public[zone], opts, after)
        for zone in (zones if spec.network.nat == "per-zone" else zones[:1])
    }
    tables: list[ec2.RouteTable] = []
    routes: list[pulumi.Resource] = []
    for zone, subnet in private.items():
        label = f"{name}-private-{zone}"
        table = ec2.RouteTable(label, vpc_id=vpc.id, tags=_called(label), opts=opts)
        tables.append(table)
        routes += [
            ec2.Route(
                label,
                route_table_id=table.id,
                destination_cidr_block=ANYWHERE,
                nat_gateway_id=gateways.get(zone, gateways[zones[0]]).id,
                opts=opts,
            ),
            ec2.RouteTableAssociation(label, route_table_id=table.id, subnet_id=subnet.id, opts=opts),
        ]
    return tables, routes


def _nat(
    name: str, subnet: ec2.Subnet, opts: pulumi.ResourceOptions, after: pulumi.ResourceOptions
) -> ec2.NatGateway:
    address = ec2.Eip(name, domain="vpc", tags=_called(name), opts=opts)
    return ec2.NatGateway(name, allocation_id=address.id, subnet_id=subnet.id, tags=_called(name), opts=after)


def _endpoints(
    name: str,
    spec: AwsCluster,
    vpc: ec2.Vpc,
    private: Mapping[str, ec2.Subnet],
    *,
    tables: Sequence[ec2.RouteTable],
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    inside = ec2.SecurityGroup(
        f"{name}-endpoints",
        vpc_id=vpc.id,
        description="HTTPS from the VPC to the endpoints of AWS services",
        ingress=[
            {"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": [spec.network.vpc]},
        ],
        tags=_called(f"{name}-endpoints"),
        opts=opts,
    )
    storage = ec2.VpcEndpoint(
        f"{name}-s3",
        vpc_id=vpc.id,
        service_name=f"com.amazonaws.{spec.region}.s3",
        vpc_endpoint_type="Gateway",
        route_table_ids=[table.id for table in tables],
        tags=_called(f"{name}-s3"),
        opts=opts,
    )
    images = [
        ec2.VpcEndpoint(
            f"{name}-{service.replace('.', '-')}",
            vpc_id=vpc.id,
            service_name=f"com.amazonaws.{spec.region}.{service}",
            vpc_endpoint_type="Interface",
            private_dns_enabled=True,
            subnet_ids=[subnet.id for subnet in private.values()],
            security_group_ids=[inside.id],
            tags=_called(f"{name}-{service.replace('.', '-')}"),
            opts=opts,
        )
        for service in ("ecr.api", "ecr.dkr")
    ]
    return [storage, *images]


def _called(name: str) -> dict[str, str]:
    return {"Name": name}
