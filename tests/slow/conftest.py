"""The embedded cluster of the cluster tests, for comparisons that take long."""

from collections.abc import Iterator

import pytest

from fleet.embedded import binaries
from fleet.embedded.layout import Layout
from tests.cluster.conftest import _fresh_cluster, cluster
from tests.cluster.exclusive import exclusive

__all__ = ["cluster"]


@pytest.fixture
def alone() -> Iterator[Layout]:
    """A cluster for a test that spoils it."""
    home = binaries.cache_dir() / "test-cluster-alone"
    with exclusive(home):
        yield from _fresh_cluster(home)
