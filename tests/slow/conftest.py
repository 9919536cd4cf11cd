"""The embedded cluster of the cluster tests, for comparisons that take long."""

from collections.abc import Iterator

import pytest

from fleet.cli.console import Steps
from fleet.embedded.cluster import lifecycle
from fleet.embedded.cluster.layout import Layout
from tests.cluster.conftest import cluster

__all__ = ["cluster"]


@pytest.fixture
def alone(cluster: Layout) -> Iterator[Layout]:
    """The cluster for a test that spoils it: the next one gets a new one."""
    try:
        yield cluster
    finally:
        lifecycle.down()
        with Steps() as steps:
            lifecycle.up(steps)
