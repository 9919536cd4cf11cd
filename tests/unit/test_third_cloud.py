"""A third cloud is its folder, its data and a few lines elsewhere, and the type checker names those lines.

Each test works on a copy of the product with a cloud that does not exist: ``tests/third_cloud/nimbus``.
"""

import difflib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from elastic_vllm.testing.values import items
from tests.plans import PROGRAM, ROOT

CLOUD = ROOT / "tests/third_cloud"
FOLDER = Path("components/elastic_vllm/clouds/nimbus")
STACK = Path("stacks/Pulumi.nimbus.yaml")
UNION, NAMES = "components/elastic_vllm/spec/cluster.py", "components/elastic_vllm/catalog/rows.py"
IMPORT = "from elastic_vllm.clouds.nimbus.facts import NimbusCluster\n"
PLACES = (
    (UNION, "\nClusterSpec = ", f"{IMPORT}\nClusterSpec = "),
    (UNION, "| GcpCluster,", "| GcpCluster | NimbusCluster,"),
    (NAMES, 'CloudName = Literal["aws", "gcp"]', 'CloudName = Literal["aws", "gcp", "nimbus"]'),
)
"""File, text, and the text in its place: all that Nimbus takes outside its folder."""
MOST_LINES = 5

FACTS = """
import json
from datetime import date
from pathlib import Path

from typer.testing import CliRunner

from elastic_vllm.estimate.cost import envelope
from elastic_vllm.estimate.quotas import quotas
from elastic_vllm.stack_file.config import StackConfigError, parse, read_stack_file
from fleet.cli.main import app
from fleet.drill.staging import stage
from fleet.embedded import machines
from fleet.deploy.program import StackRef
from fleet.plan.build import plan

raw = read_stack_file(Path("stacks/Pulumi.nimbus.yaml"))
config, today = parse(raw), date(2026, 11, 26)
found, bill = plan(Path.cwd(), "nimbus", today), envelope(config)
try:
    parse({**raw, "cluster": {"region": "north"}})
except StackConfigError as refused:
    error = str(refused)
ref = StackRef(name="nimbus", program=lambda: None, kubeconfig=Path(), home=Path(), config={}, secret_keys=())
print(json.dumps({
    "autoscaler": stage(ref, config, None, 1).setting.node_autoscaler,
    "deployer": CliRunner().invoke(app, ["deployer", "--stack", "nimbus", "--account", "acme"]).output,
    "error": error,
    "findings": [item.id for item in found.findings],
    "fixed": bill.fixed_usd_per_hour,
    "forecasts": len(found.forecast),
    "node": bill.pools[0].node.on_demand,
    "quotas": {each.name: each.needed for each in quotas(config)},
    "simulated": "n9-l4" in machines.render(),
    "types": [item.type for item in found.resources],
}))
"""


def replace(root: Path, place: tuple[str, str, str]) -> None:
    file, before, after = place
    text = (root / file).read_text()
    assert text.count(before) == 1, place
    (root / file).write_text(text.replace(before, after))


def copied(folder: Path) -> Path:
    """The product as it is."""
    folder.mkdir()
    for name in (*PROGRAM, "pyproject.toml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product with Nimbus."""
    folder = copied(tmp_path_factory.mktemp("third") / "product")
    shutil.copytree(CLOUD / "nimbus", folder / FOLDER)
    shutil.copy2(CLOUD / STACK.name, folder / STACK)
    for place in PLACES:
        replace(folder, place)
    return folder


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Python in the copy, which finds the copy's code and no other."""
    paths = os.pathsep.join((str(folder / "components"), str(folder)))
    environment = {**os.environ, "PYTHONPATH": paths, "ELASTIC_VLLM_KUBECONFIG": str(folder / "none")}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, check=False, capture_output=True, text=True
    )


def texts(folder: Path) -> Mapping[Path, Sequence[str]]:
    """Every file of the product, in lines."""
    files = (path for name in PROGRAM for path in (folder / name, *(folder / name).rglob("*")))
    return {
        path.relative_to(folder): path.read_text(errors="replace").splitlines()
        for path in files
        if path.is_file() and "__pycache__" not in path.parts
    }


def added(before: Path, after: Path) -> Iterator[tuple[Path, str]]:
    """The patch from one tree to the other: each line that it adds, with its file."""
    old, new = texts(before), texts(after)
    for path in sorted(new):
        for line in difflib.unified_diff(old.get(path, ()), new[path], lineterm="", n=0):
            if re.match(r"\+(?!\+\+)", line):
                yield path, line


def test_a_third_cloud_is_its_folder_and_at_most_five_lines_elsewhere(product: Path) -> None:
    lines = list(added(ROOT, product))
    elsewhere = [(path, line) for path, line in lines if FOLDER not in path.parents and path != STACK]
    assert {str(path) for path, _ in elsewhere} == {UNION, NAMES}
    assert 0 < len(elsewhere) <= MOST_LINES, elsewhere
    assert len(lines) > 100  # the folder is in the patch, too


@pytest.fixture(scope="module")
def found(product: Path) -> Mapping[str, object]:
    """What the copy says of a stack on Nimbus."""
    done = run(product, "-c", FACTS)
    assert done.returncode == 0, done.stderr
    said: Mapping[str, object] = json.loads(done.stdout)
    return said


def test_a_stack_on_a_third_cloud_is_checked_and_billed(found: Mapping[str, object]) -> None:
    assert found["fixed"] == pytest.approx(0.2 + 3 * 0.1)
    assert found["node"] == pytest.approx(0.5 + 150 * 0.073 / 730)
    assert found["quotas"] == {"n9 cores": 4 * 8, "machines": 4 + 3, "disks": 4 * 150}
    assert {"machine-offer-unknown", "unprotected", "quota-at-max"} <= {*items(found["findings"])}


def test_a_stack_on_a_third_cloud_is_planned_and_can_be_drilled(found: Mapping[str, object]) -> None:
    assert {
        "kubernetes:apps/v1:Deployment",
        "kubernetes:autoscaling/v2:HorizontalPodAutoscaler",
        "kubernetes:karpenter.nimbus.example/v1:NimbusNodeClass",
        "kubernetes:karpenter.sh/v1:NodePool",
        "pulumi:providers:kubernetes",
    } <= {*items(found["types"])}
    assert (found["forecasts"], found["autoscaler"], found["simulated"]) == (1, "Karpenter", True)


def test_errors_and_commands_know_a_third_cloud(found: Mapping[str, object]) -> None:
    assert "One of: local, aws, gcp, nimbus" in str(found["error"])
    assert found["deployer"] == "grant operator of nimbus to acme\n"


@pytest.mark.slow  # the type checker reads everything, once: minutes on two busy cores
def test_the_type_checker_names_each_line_that_is_missing(product: Path, tmp_path: Path) -> None:
    folder = copied(tmp_path / "product")
    shutil.copytree(product / FOLDER, folder / FOLDER)
    if (ROOT / ".mypy_cache").is_dir():  # it has read the SDKs
        shutil.copytree(ROOT / ".mypy_cache", folder / ".mypy_cache")
    mypy = ("-m", "mypy", "components/elastic_vllm", "fleet", "__main__.py")
    named = {}
    for missing in (None, *PLACES):
        for file in {UNION, NAMES}:
            shutil.copy2(ROOT / file, folder / file)
        for place in PLACES:
            if place != missing:
                replace(folder, place)
        named[missing] = run(folder, *mypy)
    assert named[None].returncode == 0, named[None].stdout
    imported, member, name = (named[place].stdout for place in PLACES)
    assert re.search(rf"{UNION}:\d+: error: Name \"NimbusCluster\" is not defined", imported)
    assert 'incompatible type "NimbusCluster"; expected "LocalCluster | AwsCluster | GcpCluster"' in member
    assert re.search(r"clouds/nimbus/facts\.py:.*\"Literal\['aws', 'gcp'\]\"", name)
