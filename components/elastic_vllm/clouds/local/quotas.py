"""The quotas of the embedded cluster: none. Pure."""

from collections.abc import Iterator

from elastic_vllm.clouds.facts import Demand


def other_demand() -> Iterator[Demand]:
    """No machine but simulated ones."""
    return iter(())
