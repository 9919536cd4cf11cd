"""The package as others install it: its files, its names, its requirements, and no need of this checkout."""

import ast
import importlib
import json
import os
import re
import shutil
import site
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import elastic_vllm
from elastic_vllm import testing

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DISTRIBUTIONS = {"google": "protobuf", "pydantic_core": "pydantic", "yaml": "pyyaml"}
"""Where what is imported has another name than what is installed."""
ELSEWHERE = ROOT / "components" / "elastic_vllm" / "weights" / "prefetch.py"
"""Runs inside vLLM's image, which has all that it imports."""


def tracked(*folders: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", *folders], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the tracked files alone, so that nothing that lies about gets in."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in tracked("components", "fleet", "pyproject.toml", "LICENSE"):
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / "source" / name)
    backend = "import setuptools.build_meta as backend; backend.build_wheel('..')"
    subprocess.run([sys.executable, "-c", backend], cwd=folder / "source", check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """A folder with what ``pip install --target`` puts there: a wheel of pure Python is just unpacked."""
    folder = wheel.parent / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def outside(installed: Path) -> Mapping[str, str]:
    """An environment with the installed package and others' packages, and without this checkout.

    ``-S`` keeps Python from reading ``.pth`` files, and so from the editable install of this checkout; the
    folder with others' packages is then named by hand. This takes a second, and a whole new environment,
    minutes.
    """
    others = [sysconfig.get_paths()["purelib"], *site.getsitepackages()]
    path = os.pathsep.join([str(installed), *dict.fromkeys(others)])
    return {"PATH": os.environ["PATH"], "PYTHONPATH": path, "HOME": str(installed)}


def python(installed: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-S", *arguments],
        cwd=installed.parent,
        env=outside(installed),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_every_file_of_the_two_packages_and_nothing_else(wheel: Path) -> None:
    names = tracked("components/elastic_vllm", "fleet")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == {name.removeprefix("components/") for name in names}
    assert {"elastic_vllm/py.typed", "elastic_vllm/catalog/models.yaml"} <= held


def test_the_program_of_the_documentation_runs_where_only_the_wheel_is_installed(installed: Path) -> None:
    shutil.copy(ROOT / "docs" / "example" / "__main__.py", installed.parent / "program.py")
    text = f"""
import runpy, elastic_vllm
from elastic_vllm.testing import record
assert elastic_vllm.__file__.startswith({str(installed)!r}), elastic_vllm.__file__
config = {{"qwen-on-my-cluster:kubeconfig": "kubeconfig"}}
graph = record(lambda: runpy.run_path("program.py"), project="qwen-on-my-cluster", config=config)
print(graph.outputs["endpoint"], len(graph))
"""
    assert python(installed, "-c", text).split() == ["http://chat.inference.svc:8000/v1", "13"]


def test_the_command_and_the_provider_start_where_only_the_wheel_is_installed(installed: Path) -> None:
    assert "--format" in python(installed, "-m", "fleet", "plan", "--help")
    shown = python(installed, "-c", "import sys; from elastic_vllm.provider import main; main()", "--help")
    assert "engine" in shown
    (metadata,) = installed.glob("*.dist-info")
    scripts = (metadata / "entry_points.txt").read_text()
    assert "pulumi-resource-elastic-vllm = elastic_vllm.provider:main" in scripts


def test_the_installed_command_plans_a_project_of_another_repository(installed: Path) -> None:
    """Written by ``fleet init`` outside of this checkout; planned from a folder that is not its own."""
    other = installed.parent / "other-repo"
    checkpoint = "Qwen/Qwen3-VL-8B-Instruct-FP8"
    options = ("--cloud", "aws", "--checkpoint", checkpoint)
    python(installed, "-m", "fleet", "init", "-C", str(other), "mine", *options)
    shown = json.loads(python(installed, "-m", "fleet", "plan", "-C", str(other), "--format", "json"))
    assert (shown["stack"], shown["cloud"]) == ("mine", "aws")
    assert [model["checkpoint"] for model in shown["models"]] == [checkpoint]
    assert {"aws:eks/cluster:Cluster", "kubernetes:apps/v1:Deployment"} <= {
        resource["type"] for resource in shown["resources"]
    }
    assert [item for item in shown["findings"] if item["severity"] == "error"] == []


def test_the_program_finds_the_package_beside_it_where_none_is_installed(tmp_path: Path) -> None:
    """``pulumi install && pulumi up`` on a fresh clone: Pulumi installs requirements.txt alone."""
    text = f"""
import runpy, sys
from pathlib import Path
try:
    import elastic_vllm
except ImportError:
    pass
else:
    raise SystemExit(f"installed: {{elastic_vllm.__file__}}")
try:
    runpy.run_path({str(ROOT / "__main__.py")!r})
except Exception as error:
    print(type(error).__module__, type(error).__name__)
print(sys.modules["elastic_vllm"].__file__)
"""
    error, place = python(tmp_path, "-c", text).splitlines()
    assert error == "elastic_vllm.spec.finding StackConfigError"  # no configuration was given
    assert Path(place) == ROOT / "components" / "elastic_vllm" / "__init__.py"


@pytest.mark.parametrize("package", [elastic_vllm, testing])
def test_every_public_name_can_be_imported(package: object) -> None:
    module = importlib.import_module(getattr(package, "__name__", ""))
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = module.Nothing


def test_names_that_are_imported_when_used_are_those_that_are_public() -> None:
    assert lazily_typed(Path(str(elastic_vllm.__file__))) == set(elastic_vllm.__all__) - {"__version__"}
    assert lazily_typed(Path(str(testing.__file__))) == {"record"}


def lazily_typed(path: Path) -> set[str]:
    """Names that only type checkers import."""
    (block,) = (node for node in ast.parse(path.read_text()).body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name for node in imports for alias in node.names}


@pytest.mark.parametrize("module", ["catalog", "spec", "rules", "testing"])
def test_data_and_rules_need_no_pulumi(module: str) -> None:
    text = f"import sys, elastic_vllm.{module}; print('pulumi' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def imported(folder: Path) -> Iterator[tuple[str, Path]]:
    """The distributions that a package's files import, and where."""
    own = {"elastic_vllm", "fleet"} | sys.stdlib_module_names
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in {name.partition(".")[0] for name in names} - own:
                if path != ELSEWHERE:
                    yield DISTRIBUTIONS.get(name, name.replace("_", "-")), path


def required(*extras: str) -> set[str]:
    lines = [
        *PROJECT["dependencies"],
        *(line for name in extras for line in PROJECT["optional-dependencies"][name]),
    ]
    return {re.split(r"[<>=]", line)[0] for line in lines}


def test_what_the_library_imports_it_requires_and_a_clouds_sdk_is_its_extra() -> None:
    library = ROOT / "components" / "elastic_vllm"
    everywhere = {name for name, path in imported(library) if not path.is_relative_to(library / "clouds")}
    assert everywhere == required()
    for cloud in ("aws", "gcp"):
        here = {name for name, _ in imported(library / "clouds" / cloud)}
        assert required(cloud) - required() <= here <= required(cloud)


def test_what_the_command_imports_is_required_by_its_extra() -> None:
    found = {name for name, _ in imported(ROOT / "fleet")}
    assert required("fleet") - required() <= found <= required("fleet")


def test_requirements_are_ranges_that_hold_what_this_checkout_runs_with() -> None:
    pinned = dict(
        line.split("==") for line in (ROOT / "requirements.txt").read_text().split() if "==" in line
    )
    lines = [
        *PROJECT["dependencies"],
        *(line for each in PROJECT["optional-dependencies"].values() for line in each),
    ]
    for line in lines:
        name, low, high = re.fullmatch(r"([\w-]+)>=([\d.]+),<(\d+)", line).groups()  # type: ignore[union-attr]
        version = [int(part) for part in pinned[name].split(".")[:3]]
        assert [int(part) for part in low.split(".")] <= version < [int(high)], line


def test_the_changelog_begins_with_the_version_of_the_package() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    first = re.search(r"^## \[([\d.]+)\] - (Unreleased|\d{4}-\d\d-\d\d)$", text, re.MULTILINE)
    assert first
    assert first[1] == elastic_vllm.__version__
