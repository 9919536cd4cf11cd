"""Options and fixtures that tests of every tier share."""

import gc
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.manifests import Golden

GOLDEN = Path(__file__).with_name("golden")


settings.register_profile(
    "elastic-vllm",
    deadline=None,  # two cores, often shared
    derandomize=True,
    database=None,
    suppress_health_check=[
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,  # such fixtures here name a file that every example may read
        HealthCheck.too_slow,
    ],
)
settings.load_profile("elastic-vllm")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/golden instead of comparing")


def pytest_configure() -> None:
    """A run that is told to go takes down the cluster and the engine that it started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    gc.set_threshold(100_000, 50, 100)  # by default, a third of the time of a graph


def pytest_collection_finish() -> None:
    """What the test modules have imported stays to the end: no garbage is searched for there."""
    gc.freeze()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """See ``Golden``."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.write_text(text)
        assert path.is_file(), f"tests/golden/{name} does not exist; make it with `make golden`"
        assert text == path.read_text(), f"tests/golden/{name} differs; `make golden`, then read the diff"

    return compare


@pytest.fixture(autouse=True)
def _collection() -> Iterator[None]:
    """``fleet plan`` turns the collection of garbage off, since its process ends; this one goes on."""
    yield
    gc.enable()


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubeconfig that exists, so that a program may run as an update without a cluster."""
    path = tmp_path / "kubeconfig"
    path.write_text("apiVersion: v1\nkind: Config\n")
    monkeypatch.setenv("ELASTIC_VLLM_KUBECONFIG", str(path))
    return path
