"""Which CLI runs: the one on PATH if it is new enough, else one that is downloaded or built."""

import shutil
from pathlib import Path

import pytest

from fleet.cli.console import Steps
from fleet.deploy import tools
from fleet.deploy.tools import Tools
from fleet.embedded import binaries
from fleet.embedded.pins import PULUMI
from fleet.errors import FleetError
from tests.unit.release_hosts import packed, serving


def cli(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "pulumi"
    script.write_text(f"#!/bin/sh\necho v{version}\n")
    script.chmod(0o755)
    return script


def ensure_cli(said: list[str] | None = None) -> Tools:
    heard = [] if said is None else said
    return tools.ensure(Steps(), provider=False, said=heard.append)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """An empty cache, no CLI on PATH, no network; what is built is made up."""
    names: list[str] = []

    def ensure(_reporter: object, **named: tuple[str, ...]) -> dict[str, float]:
        names.extend(named["names"])
        cli(tmp_path / "built" / named["names"][0], str(tools.VERSION))
        return {}

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(binaries, "ensure", ensure)
    monkeypatch.setattr(binaries, "path", lambda name: tmp_path / "built" / name / "pulumi")
    return names


def on_path(monkeypatch: pytest.MonkeyPatch, folder: Path, version: str) -> None:
    cli(folder, version)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_a_cli_on_path_that_is_new_enough_is_used(
    built: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    on_path(monkeypatch, tmp_path / "bin", str(tools.MINIMUM))
    found = ensure_cli()
    assert (found.source, str(found.command.version)) == ("on PATH", str(tools.MINIMUM))
    assert built == []


@pytest.mark.parametrize("version", ["3.205.0", "2.9.9", "4.0.0", "none"])
def test_a_cli_on_path_that_will_not_do_is_named_and_another_is_found(
    built: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str
) -> None:
    on_path(monkeypatch, tmp_path / "bin", version)
    said: list[str] = []
    assert ensure_cli(said).source == "in the cache"
    (words,) = said
    assert words.startswith("the Pulumi CLI on PATH is not used: ")


def test_without_one_on_path_the_cli_is_put_into_the_cache_once(built: list[str]) -> None:
    assert ensure_cli().source == "in the cache"
    assert ensure_cli().source == "in the cache"
    assert built == ["pulumi"]


def test_a_published_cli_is_downloaded_and_nothing_is_built(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    (pulumi,) = (binary for binary in PULUMI if binary.name == "pulumi")
    release = pulumi.release
    assert release is not None
    script = cli(tmp_path / "published", str(tools.VERSION)).read_bytes()
    with serving(monkeypatch) as hosts:
        hosts.files[release.url] = packed(release.url, release.member, script)
        hosts.vouch(release)
        found = ensure_cli()
    assert (found.source, found.command.version) == ("in the cache", tools.VERSION)


def test_the_provider_is_put_where_the_cli_looks_for_plugins_and_only_where_it_is_missing(
    built: list[str],
) -> None:
    for _ in range(2):
        tools.ensure(Steps(), provider=True, said=print)
    assert built == ["pulumi", "pulumi-resource-kubernetes"]
    assert tools.plugin().is_file()
    assert tools.plugin().is_relative_to(tools.home() / "plugins")


def test_a_cli_that_was_removed_is_found_again(built: list[str]) -> None:
    shutil.rmtree(Path(ensure_cli().command.command).parent)
    assert ensure_cli().source == "in the cache"


def test_what_was_never_set_up_is_named_with_the_next_step(built: list[str]) -> None:
    with pytest.raises(FleetError, match="Pulumi is not set up here"):
        tools.ready(provider=False)
    ensure_cli()
    assert tools.ready(provider=False).source == "in the cache"
    with pytest.raises(FleetError, match="Pulumi is not set up here"):
        tools.ready(provider=True)
