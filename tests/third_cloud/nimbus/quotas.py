"""What a cluster on Nimbus takes of its quotas beside GPU nodes."""

from collections.abc import Iterator

from elastic_vllm.clouds.facts import Demand


def other_demand(system_nodes: int) -> Iterator[Demand]:
    """The system nodes."""
    yield Demand(
        who="system nodes", machine="n2", family="general", nodes=system_nodes, amounts={"machines": 1}
    )
