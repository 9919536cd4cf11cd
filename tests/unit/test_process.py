"""Processes are found with ``ps``; without one that works nothing is started or ended."""

import os
import secrets
import socket
from pathlib import Path

import pytest

from fleet.embedded import addons, lifecycle, process
from fleet.errors import FleetError


def test_this_process_is_among_the_live_ones() -> None:
    assert "pytest" in process.command_of(os.getpid()) or "python" in process.command_of(os.getpid())


def test_without_ps_the_error_names_the_package_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FleetError, match=r"`ps .* failed.*No such file") as caught:
        process.commands()
    assert "install procps" in caught.value.next_step


def test_a_ps_that_knows_no_such_option_is_named_with_what_it_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "ps"
    script.write_text("#!/bin/sh\necho 'ps: unrecognized option: w' >&2\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(FleetError, match=r"ps: unrecognized option: w") as caught:
        process.commands()
    assert "install procps" in caught.value.next_step


def test_a_cluster_command_without_ps_does_not_blame_the_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ELASTIC_VLLM_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "kwok").mkdir(parents=True)
    monkeypatch.setattr(addons, "stop", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FleetError) as caught:
        lifecycle.down()
    assert "procps" in caught.value.next_step
    assert "written" not in caught.value.problem


def test_ports_are_free_and_different_and_another_command_is_given_others() -> None:
    """Two clusters that are made at the same time both look before either listens."""
    first, second = process.free_ports(50), process.free_ports(50)
    assert len(set(first)) == len(set(second)) == 50
    assert all(process.is_free(port) for port in first)
    assert len(set(first) & set(second)) < 10


def test_a_port_that_is_taken_is_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, free = process.free_ports(2)
    choices = iter([taken, taken, free])
    monkeypatch.setattr(secrets, "choice", lambda _: next(choices))
    with socket.socket() as other:
        other.bind(("127.0.0.1", taken))
        other.listen()
        assert process.free_ports(1) == [free]
