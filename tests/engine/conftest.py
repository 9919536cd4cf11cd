"""One engine for as many tests as can share it: a start takes minutes. Its drain is the last it does."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from elastic_vllm.testing.registration import Graph
from tests.engine import environment
from tests.engine.process import Engine, start
from tests.engine.rendered import graph, rendered

FIGURES: list[str] = []
"""Printed at the end, whether or not tests passed."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What ends the shared engine comes after all that uses it."""
    items.sort(key=lambda item: "drained" in getattr(item, "fixturenames", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures of the run."""
    if FIGURES:
        terminalreporter.section("the tiny model on this machine")
        for line in FIGURES:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def python() -> Path:
    """The Python that has the CPU engine; skips, with the reason, where there can be none."""
    try:
        return environment.ensure()
    except environment.CannotRunError as problem:
        pytest.skip(f"no engine here: {problem}")


@pytest.fixture(scope="session")
def tiny_model(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tiny model."""
    folder = tmp_path_factory.mktemp("model") / "tiny"
    script = Path(__file__).with_name("make_tiny_model.py")
    subprocess.run([python, script, folder], check=True)
    return folder


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """What the tests' stack registers."""
    return graph(tmp_path_factory.mktemp("stack"))


@pytest.fixture(scope="session")
def engine(
    python: Path, tiny_model: Path, stack: Graph, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """The stack's container, started and ready."""
    running = start(rendered(stack), python, tiny_model, tmp_path_factory.mktemp("engine"))
    try:
        running.wait_until_started()
        FIGURES.append(f"start until Ready: {running.start_seconds:.0f} s")
        yield running
    finally:
        running.end()
