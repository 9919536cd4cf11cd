"""Stack files with one kind of mistake each (``tests/cases``): what ``fleet plan`` says, and how it ends."""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from elastic_vllm.rules import KINDS
from fleet.cli.main import main
from fleet.plan.build import plan, today
from tests.plans import ROOT

CASES = Path(__file__).parents[1] / "cases"
REFUSED: Mapping[str, Mapping[str, str]] = {
    "c21-oldk8s": {"cluster.kubernetes": "kubernetes-unsupported"},
    "c28-aws-ca-underutilized": {"autoscaler.consolidation": "autoscaler-setting"},
    "c28-aws-flex": {"pools[0].capacity": "capacity-not-sold"},
    "c28-aws-reservation-id": {"pools[0].reservation.name": "reservation-unusable"},
    "c28-gcp-after": {"autoscaler.consolidateAfterSeconds": "autoscaler-setting"},
    "c28-gcp-longname": {"pools[1].name": "pool-name-too-long"},
    "m18-private-range-on-a-public-endpoint": {"cluster.authorizedNetworks[0]": "stack-file"},
    "m24-too-few-pod-addresses": {"cluster.network.pods": "too-few-addresses"},
    "n18-gcp-private-range": {"cluster.authorizedNetworks[0]": "stack-file"},
    "m01-region-without-the-gpu": {"pools[0].accelerator": "machine-not-offered"},
    "m02-gcp-default-zone": {"pools[0].machine": "machine-not-offered"},
    "m15-budget-that-sees-no-price": {
        "pools[0].machine": "machine-not-offered",
        "budget.maxHourlyUsd": "over-budget",
    },
    "n01-zone-without-control-plane": {"cluster.zones": "no-such-zone"},
    "n15-budget-without-a-price": {"budget.maxHourlyUsd": "unpriced-under-budget"},
    "n24-gcp-system-arm": {"cluster.systemMachine": "system-machine"},
    "n24-gcp-system-disk": {"cluster.systemMachine": "system-machine"},
    "n24-gcp-system-small": {"cluster.systemMachine": "system-machine"},
    "n24-gcp-too-few-node-addresses": {"cluster.network.nodes": "too-few-addresses"},
    "m22-old-kubernetes": {
        "cluster.authorizedNetworks[0]": "example-range",
        "cluster.kubernetes": "kubernetes-unsupported",
    },
    "m28-reservation-elsewhere": {
        "cluster.authorizedNetworks[0]": "example-range",
        "pools[0].reservation.zone": "reservation-unusable",
    },
    "m31-gke-has-no-such-setting": {
        "cluster.authorizedNetworks[0]": "example-range",
        "autoscaler.consolidateAfterSeconds": "autoscaler-setting",
    },
    "n28-aws-ca-version": {"cluster.kubernetes": "kubernetes-unsupported"},
    "n28-aws-driver": {"pools[0].accelerator": "driver-too-old"},
    "n28-aws-three": {
        "autoscaler.consolidation": "autoscaler-setting",
        "pools[0].reservation.name": "reservation-unusable",
        "pools[0].reservation.zone": "reservation-unusable",
    },
    "n28-gcp-block": {"pools[0].reservation.block": "capacity-not-sold"},
    "n28-gcp-flex-floor": {"pools[0].minNodes": "capacity-not-sold"},
    "n28-gcp-longname-spot": {"pools[1].name": "pool-name-too-long"},
    "n28-gcp-on-demand": {"pools[0].capacity": "not-on-demand"},
    "n28-gcp-reservation-elsewhere": {"pools[0].reservation.zone": "reservation-unusable"},
    "n28-gcp-underutilized": {"autoscaler.consolidation": "autoscaler-setting"},
}
"""By the file: the key of each error, and the id of its finding."""
WARNED = {"m12-floor-of-idle-nodes": ("pools[0].minNodes", "idle-floor")}
"""Files that are planned, with a warning."""
SAID: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "c04-base": (
        "pools[0].accelerator",
        "single-machine-type",
        ("g6.xlarge alone", "machines: [g6.xlarge, "),
    ),
    "c05-aws": ("models[0].drain", "spot-notice", ("345 s", "120 s")),
    "c09-base": ("models[0].engine.image", "docker-hub-limit", ("40 nodes", "by 1", "100 times")),
}
"""Files that are planned: the key and the id of what is said, and words of it."""
PLANNED = ("m33-zero-on-gke",)
"""Files without a mistake that once ended in a traceback."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with the program, and each case as a stack of its name."""
    for name in ("__main__.py", "Pulumi.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "stacks").mkdir()
    for case in CASES.glob("*.yaml"):
        shutil.copy(case, tmp_path / "stacks" / f"Pulumi.{case.name}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_case_says_what_is_expected_of_it() -> None:
    assert {path.stem for path in CASES.glob("*.yaml")} >= {*REFUSED, *WARNED, *SAID, *PLANNED}


def called(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    """The exit code of the command."""
    monkeypatch.setattr("sys.argv", ["fleet", *words])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


def kind(line: str) -> str:
    """The id at the end of an error's line; a file that cannot be read as a stack has none."""
    found = re.search(r"\[([a-z-]+)\]$", line)
    return found.group(1) if found else "stack-file"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_is_one_line_for_each_mistake(
    case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(monkeypatch, "plan", "--stack", case) == 1
    said = capsys.readouterr()
    errors = [line for line in (said.out + said.err).splitlines() if line.startswith("error: ")]
    assert {line.split()[1].rstrip(":"): kind(line) for line in errors} == REFUSED[case]
    assert len(errors) == len(REFUSED[case])
    assert "Traceback" not in said.out + said.err


@pytest.mark.parametrize("case", REFUSED)
def test_a_refused_stack_is_a_document_too(
    case: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(monkeypatch, "plan", "--stack", case, "--format", "json") == 1
    document = json.loads(capsys.readouterr().out)
    errors = [item for item in document["findings"] if item["severity"] == "error"]
    assert {item["key"]: item["id"] for item in errors} == REFUSED[case]
    assert {item["id"] for item in errors} <= set(KINDS)
    assert (document["cloud"], document["resources"]) == (plan(folder, case, today()).cloud, [])


@pytest.mark.parametrize("case", PLANNED)
def test_what_is_no_mistake_is_planned_whole(case: str, folder: Path) -> None:
    found = plan(folder, case, today())
    assert found.errors == ()
    assert found.resources
    assert [item.model for item in found.forecast] == [item.name for item in found.models]


@pytest.mark.parametrize("case", WARNED)
def test_a_costly_choice_is_planned_with_a_warning(case: str, folder: Path) -> None:
    found = plan(folder, case, today())
    assert found.errors == ()
    assert WARNED[case] in {(item.key, item.id) for item in found.findings if item.severity == "warning"}


@pytest.mark.parametrize("case", SAID)
def test_what_is_worth_knowing_is_said_and_planned(case: str, folder: Path) -> None:
    found = plan(folder, case, today())
    assert found.errors == ()
    key, id_, words = SAID[case]
    (said,) = (item.message for item in found.findings if (item.key, item.id) == (key, id_))
    assert all(word in said for word in words), said


def test_a_drain_within_the_notice_is_fine_and_no_advice_goes_beyond_it(folder: Path) -> None:
    file = folder / "stacks" / "Pulumi.c05-aws.yaml"
    long = plan(folder, "c05-aws", today()).findings
    advised = [item.message for item in long if item.id == "drain-shorter-than-answer"]
    assert not any("make it" in message for message in advised), advised
    short = "drain: {propagationSeconds: 15, finishSeconds: 60, marginSeconds: 25}"
    file.write_text(
        file.read_text().replace(
            "drain: {propagationSeconds: 15, finishSeconds: 300, marginSeconds: 30}", short
        )
    )
    found = plan(folder, "c05-aws", today()).findings
    assert "spot-notice" not in {item.id for item in found}
    (advice,) = [item.message for item in found if item.id == "drain-shorter-than-answer"]
    assert "80 s is the maximum, so lower sampling.maxTokens" in advice
