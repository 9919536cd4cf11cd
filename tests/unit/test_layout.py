"""Where the embedded cluster's files are, and which ports its add-ons keep."""

import socket
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from fleet.embedded import process
from fleet.embedded.layout import Layout, layout


def test_the_state_directory_is_the_one_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ELASTIC_VLLM_HOME", str(tmp_path / "here"))
    assert layout().root == tmp_path / "here"
    monkeypatch.delenv("ELASTIC_VLLM_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert layout().root == tmp_path / "data" / "elastic-vllm"


def test_everything_lies_below_the_state_directory(tmp_path: Path) -> None:
    place = Layout(tmp_path)
    parts = [place.kwok, place.control_plane, place.addons, place.kubeconfig, place.machines]
    assert all(part.is_relative_to(tmp_path) for part in parts)
    assert place.admin_kubeconfig.is_relative_to(place.control_plane)


def test_a_cluster_counts_as_created_once_its_kubeconfig_is_there(tmp_path: Path) -> None:
    place = Layout(tmp_path)
    place.control_plane.mkdir(parents=True)
    place.admin_kubeconfig.write_text("")
    assert not place.created
    place.kubeconfig.write_text("")
    assert place.created


def test_ports_are_chosen_once_and_are_all_different(tmp_path: Path) -> None:
    ports = Layout(tmp_path).ports()
    assert Layout(tmp_path).ports() == ports
    assert len(set(asdict(ports).values())) == len(asdict(ports)) == 5


def test_an_add_on_that_is_new_gets_ports_beside_those_that_are_known(tmp_path: Path) -> None:
    place = Layout(tmp_path)
    place.addons.mkdir()
    (place.addons / "ports.json").write_text('{"metrics_server": 7, "karpenter_metrics": 8, "gone": 9}')
    ports = place.ports()
    assert (ports.metrics_server, ports.karpenter_metrics) == (7, 8)
    assert place.ports() == ports


def test_kept_ports_replace_the_chosen_ones(tmp_path: Path) -> None:
    place = Layout(tmp_path)
    kept = replace(place.ports(), karpenter_health=12345)
    place.keep(kept)
    assert Layout(tmp_path).ports() == kept


def test_a_port_with_a_listener_is_not_free() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not process.is_free(port)
    assert process.is_free(port)
