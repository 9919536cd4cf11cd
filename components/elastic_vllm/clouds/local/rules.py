"""What the embedded cluster refuses: nothing. It warns of what the simulated cloud would refuse."""

from collections.abc import Iterator

from elastic_vllm.clouds import refusals
from elastic_vllm.spec import LocalCluster
from elastic_vllm.spec.finding import Finding
from elastic_vllm.spec.stack import StackConfig


def check(cluster: LocalCluster, config: StackConfig) -> Iterator[Finding]:
    """Machines that the simulated cloud does not sell on demand."""
    for index, pool in enumerate(config.pools):
        yield from refusals.not_on_demand(f"pools[{index}]", cluster.machines, pool, lower=True)
