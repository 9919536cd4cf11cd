"""What is pinned in one place is pinned alike in all."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from elastic_vllm.catalog import engine_options
from elastic_vllm.clouds import groups
from fleet.embedded import binaries, go
from fleet.embedded.pins import BINARIES, PULUMI, TOOLS

ROOT = Path(__file__).parents[2]
MODULES = sorted(path.parent.name for path in TOOLS.glob("*/go.mod"))


def locked(name: str) -> dict[str, list[str]]:
    """Each requirement of a lock file, and its hashes."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / name).read_text().splitlines():
        if match := re.match(r"([\w.-]+==[\w.+-]+)", line):
            found[match[1]] = []
        elif match := re.match(r"\s+--hash=(sha256:[0-9a-f]{64})\b", line):
            found[list(found)[-1]].append(match[1])
    return found


def pins(name: str) -> set[str]:
    lines = (ROOT / name).read_text().splitlines()
    return {line.strip() for line in lines if re.match(r"[\w.-]+==", line)}


def requires(module: str) -> dict[str, str]:
    """What a go.mod requires; a replacement counts, for it is what is built."""
    text = (TOOLS / module / "go.mod").read_text()
    found = dict(re.findall(r"^\s*(?:require )?([\w./~-]+) (v\S+)", text, re.MULTILINE))
    return found | dict(re.findall(r"^\s*(?:replace )?[\w./-]+ => ([\w./-]+) (v\S+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-engine-cpu.txt"])
def test_every_locked_requirement_carries_hashes(name: str) -> None:
    found = locked(name)
    assert len(found) > 10
    assert [requirement for requirement, hashes in found.items() if not hashes] == []


def test_every_pin_is_in_its_lock() -> None:
    assert len(pins("requirements.in")) >= 7
    assert pins("requirements.in") <= locked("requirements.txt").keys()
    assert pins("requirements-dev.in") <= locked("requirements-dev.txt").keys()
    engine = pins("requirements-engine-cpu.in") | pins("requirements-engine-cpu.overrides")
    assert engine <= locked("requirements-engine-cpu.txt").keys()


def test_what_runs_is_pinned_exactly() -> None:
    lines = [line for line in (ROOT / "requirements.in").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if line and not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []


def test_tests_run_with_the_very_versions_that_the_program_runs_with() -> None:
    development = locked("requirements-dev.txt")
    assert {
        name: hashes for name, hashes in locked("requirements.txt").items() if development.get(name) != hashes
    } == {}


def test_the_build_backend_is_the_locked_one() -> None:
    backend = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert set(backend) <= locked("requirements-dev.txt").keys()
    assert len(backend) == 1


def test_the_engine_pin_is_the_release_whose_options_are_data_here() -> None:
    (pin,) = pins("requirements-engine.txt")
    assert pin == f"vllm=={engine_options.VLLM_VERSION}"


def test_the_control_plane_is_one_release_of_kubernetes_throughout() -> None:
    found = requires("kubernetes")
    staging = f"v0.{found['k8s.io/kubernetes'].partition('.')[2]}"
    text = (TOOLS / "kubernetes" / "go.mod").read_text()
    replaced = dict(re.findall(r"^\s*(k8s\.io/[\w-]+) => \S+ (v\S+)", text, re.MULTILINE))
    assert set(replaced.values()) == {staging}
    unreleased = re.findall(r"^\s*(k8s\.io/[\w-]+) v0\.0\.0(?: |$)", text, re.MULTILINE)
    assert unreleased
    assert set(unreleased) <= replaced.keys()


def test_the_simulator_is_the_version_that_it_says_it_is() -> None:
    stamps = {stamp for binary in BINARIES if binary.name.startswith("kwok") for stamp in binary.stamp}
    assert {version for _, version in stamps} == {requires("addons")["sigs.k8s.io/kwok"]}


def test_pulumi_is_the_version_that_it_says_it_is() -> None:
    assert requires("pulumi")["github.com/pulumi/pulumi/pkg/v3"] == f"v{binaries.version('pulumi')}"
    for binary in PULUMI:
        assert [version for _, version in binary.stamp] == [binary.version]


def test_the_definitions_come_from_a_module_that_is_pinned() -> None:
    for manifests in binaries.MANIFESTS:
        assert manifests.source in requires(manifests.module)


def test_the_chart_of_groups_is_the_controller_that_the_embedded_cluster_proves() -> None:
    assert requires("lws")["sigs.k8s.io/lws"] == f"v{groups.VERSION}"


@pytest.mark.parametrize("module", MODULES)
def test_every_pinned_module_has_its_sum(module: str) -> None:
    sums = (TOOLS / module / "go.sum").read_text()
    text = (TOOLS / module / "go.mod").read_text()
    replaced = set(re.findall(r"^\s*([\w./-]+) => ", text, re.MULTILINE))
    missing = [
        f"{name} {version}"
        for name, version in requires(module).items()
        if name not in replaced and f"{name} {version}/go.mod h1:" not in sums
    ]
    assert missing == []


@pytest.mark.parametrize("module", MODULES)
def test_every_binary_is_a_tool_of_its_module_and_every_tool_a_binary(module: str) -> None:
    text = (TOOLS / module / "go.mod").read_text()
    block = re.search(r"^tool \(\n(.*?)^\)", text, re.MULTILINE | re.DOTALL)
    tools = block[1].split() if block else re.findall(r"^tool (\S+)", text, re.MULTILINE)
    assert sorted(tools) == sorted(
        b.package for b in (*BINARIES, *PULUMI) if b.module == module and not b.embeds
    )


@pytest.mark.parametrize("module", MODULES)
def test_the_minimum_go_is_the_newest_that_a_module_asks_for(module: str) -> None:
    text = (TOOLS / module / "go.mod").read_text()
    (major, minor) = re.findall(r"^go (\d+)\.(\d+)", text, re.MULTILINE)[0]
    assert (int(major), int(minor)) <= go.MINIMUM


def test_pulumi_makes_the_same_virtual_environment_as_the_makefile() -> None:
    options = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["runtime"]["options"]
    assert options["toolchain"] == "pip"
    assert f"VENV := {options['virtualenv']}" in (ROOT / "Makefile").read_text()
