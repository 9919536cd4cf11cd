"""One embedded cluster for all tests of this tier, apart from the one that a person may have running."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.cli.console import Steps
from fleet.deploy import tools
from fleet.embedded import binaries, lifecycle
from fleet.embedded.layout import Layout
from tests.cluster import tiny_stack
from tests.cluster.exclusive import InUseError, exclusive
from tests.cluster.tiny_stack import TinyStack


@pytest.fixture(scope="session")
def cluster() -> Iterator[Layout]:
    """A fresh cluster with every add-on ready; ``kubeconfig`` is what most tests need of it."""
    # A fixed place: what a killed run left behind is found and removed by the next.
    home = binaries.cache_dir() / "test-cluster"
    try:
        with exclusive(home):
            yield from _fresh_cluster(home)
    except InUseError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


def _fresh_cluster(home: Path) -> Iterator[Layout]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ELASTIC_VLLM_HOME", str(home))
        patch.delenv("ELASTIC_VLLM_KUBECONFIG", raising=False)
        lifecycle.down()
        with Steps() as steps:
            place = lifecycle.up(steps)
            tools.ensure(steps, provider=True, said=print)
        try:
            yield place
        finally:
            lifecycle.down()


@pytest.fixture
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyStack]:
    """A small stack in a namespace of its own, removed afterwards."""
    made = tiny_stack.create(tiny_stack.kubeconfig(request), tmp_path_factory.mktemp("home"), "deploy")
    yield made
    tiny_stack.remove(made)
