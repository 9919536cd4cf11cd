"""What a cluster on AWS takes of its account's quotas beside GPU nodes. Pure; imports no SDK."""

import re
from collections.abc import Iterator

from elastic_vllm.catalog import CatalogueError, machines
from elastic_vllm.clouds.aws import billing
from elastic_vllm.clouds.aws.spec import AwsSettings
from elastic_vllm.clouds.facts import Demand

EXAMPLE = "m7i.large"
STANDARD = tuple("acdhimrtz")
"""What the names of the machines begin with that AWS counts as one family."""


def other_demand(cluster: AwsSettings) -> Iterator[Demand]:
    """The system nodes, with the one that replaces another, and the addresses of the NAT gateways."""
    machine = cluster.system_machine
    if cluster.existing is None:
        yield Demand(
            who="system nodes",
            machine=machine,
            family=family_of(machine),
            nodes=cluster.system_nodes + 1,
            amounts={"machines": 1, "vCPUs": vcpus_of(machine)},
        )
    if gateways := billing.nat_gateways(cluster):
        yield Demand(
            who="one address each",
            machine="nat-gateway",
            family="address",
            nodes=gateways,
            amounts={"addresses": 1},
        )


def family_of(machine: str) -> str:
    """The family of quotas that count a machine; none where the catalogue has no such quota."""
    if row := machines("aws").get(machine):
        return row.quota_family
    return "standard" if machine.startswith(STANDARD) else ""


def vcpus_of(machine: str) -> int:
    """The vCPUs of a machine without GPUs, as its name has them: ``m7i.xlarge`` has 4."""
    match = re.fullmatch(r"[^.]+\.(\d*)(x?large|medium|small|micro|nano)", machine)
    if match is None:
        raise CatalogueError(f"the name of {machine} does not tell its vCPUs; take one as in {EXAMPLE}")
    times, size = match.groups()
    return 4 * int(times or 1) if size == "xlarge" else 2
