"""How a plan reads: as Markdown for a pull request, and on a terminal."""

import io
import re
import shutil
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console

from elastic_vllm.estimate.cost import Levels, Rates
from fleet.plan import render_markdown, render_text
from fleet.plan.build import plan
from fleet.plan.document import Difference, FieldChange, Plan, ResourceChange
from fleet.plan.markdown import code, escaped, fenced
from tests.manifests import Golden
from tests.plans import ROOT, a_plan, finding

TODAY = date(2026, 11, 25)
PLANTED = {
    "weights-do-not-fit": "models[0].checkpoint",
    "replica-cpu": "models[1].resources.cpu",
    "min-exceeds-pool": "models[2].replicas.min",
    "window-shorter-than-start": "models[2].scaling.scaleDown.stabilizationWindowSeconds",
    "not-on-demand": "pools[2].capacity",
}
"""Five mistakes, and the keys that they are planted at."""
STACK = """
config:
  elastic-vllm:cluster: {cloud: gcp, project: acme-inference, region: us-central1}
  elastic-vllm:pools:
    - {name: small, accelerator: l4, maxNodes: 2, capacity: spot-then-on-demand}
    - {name: large, accelerator: h100, gpusPerNode: 8, maxNodes: 2, capacity: spot-then-on-demand}
    - {name: rare, accelerator: h200, gpusPerNode: 8, maxNodes: 1}
  elastic-vllm:models:
    - name: chat
      checkpoint: Qwen/Qwen3-VL-32B-Instruct
      pool: small
      replicas: {min: 1, max: 1}
      resources: {cpu: 2}
    - name: tiny
      checkpoint: Qwen/Qwen3-VL-2B-Instruct
      pool: small
      replicas: {min: 1, max: 1}
      resources: {cpu: 64}
    - name: expert
      checkpoint: Qwen/Qwen3-VL-235B-A22B-Instruct-FP8
      pool: large
      gpusPerReplica: 8
      replicas: {min: 3, max: 9}
"""


def planted(folder: Path) -> Plan:
    (folder / "Pulumi.planted.yaml").write_text(STACK)
    return plan(folder, "planted", TODAY)


def terminal(shown: Plan) -> str:
    screen = io.StringIO()
    render_text.render(shown, Console(file=screen, width=140, highlight=False, soft_wrap=True), TODAY)
    return screen.getvalue()


def test_five_planted_mistakes_are_named_with_their_keys_and_what_to_do(
    tmp_path: Path, golden: Golden
) -> None:
    text = render_markdown.render(planted(tmp_path), TODAY)
    golden("planted.md", text)
    rows = [line for line in text.splitlines() if line.startswith(("| ❌", "| ⚠️"))]
    assert len(rows) == len(PLANTED)
    for name, key in PLANTED.items():
        (row,) = [row for row in rows if f"`{name}`" in row]
        assert f"`{key}`" in row
        assert len(row.partition("<br>")[2].split()) > 8  # what is wrong and what to do, not just a name


def test_an_slo_that_cannot_be_met_is_a_warning_and_never_a_clean_verdict(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    for name in ("__main__.py", "Pulumi.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    stack = (
        (ROOT / "stacks" / "Pulumi.local.yaml")
        .read_text()
        .replace("ttftP99Seconds: 1,", "ttftP99Seconds: 0.5,")
    )
    (tmp_path / "stacks" / "Pulumi.mine.yaml").write_text(stack)
    shown = plan(tmp_path, "mine", TODAY)
    for told in (terminal(shown), render_markdown.render(shown, TODAY)):
        assert "no errors, no warnings" not in told
        assert "Unloaded TTFT P99 is 0.89 s: the 0.5 s SLO cannot be met on g5.xlarge" in told
        assert "would hold" not in told


def test_the_same_mistakes_are_named_on_a_terminal(tmp_path: Path) -> None:
    text = terminal(planted(tmp_path))
    for name, key in PLANTED.items():
        assert re.search(rf"{re.escape(key)} \(\w+\): .+\[{name}\]", text)


def test_a_stack_as_a_pull_request_shows_it(golden: Golden) -> None:
    golden("local.md", render_markdown.render(plan(ROOT, "local", TODAY), TODAY))


def test_every_part_of_the_markdown_is_on_the_terminal_too() -> None:
    shown = plan(ROOT, "aws-prod", TODAY)
    text = terminal(shown)
    assert f"aws us-east-1 · 2 models · {len(shown.resources)} resources" in text
    for model in shown.models:
        assert model.name in text
        assert model.machine in text
    assert "On demand, per month" in text
    for level in ("0 replicas", "min replicas", "max replicas", "fixed: "):
        assert level in text
        assert level in render_markdown.render(shown, TODAY)
    assert "Forecast of chat" in text
    assert "VllmDeployment expert" in text


@pytest.mark.parametrize(
    ("severity", "verdict"),
    [
        (None, "### ✅ `test`: no errors, no warnings\n"),
        ("warning", "### ⚠️ `test`: 1 warning\n"),
        ("error", "### ❌ `test`: 1 error: `pulumi up` would stop\n"),
    ],
)
def test_the_first_line_is_the_verdict(severity: str | None, verdict: str) -> None:
    shown = a_plan(findings=(finding(severity=severity),) if severity else ())
    assert render_markdown.render(shown, TODAY).startswith(verdict)


def change(action: str = "change", **fields: object) -> ResourceChange:
    given = {"urn": "urn", "type": "aws:ec2/vpc:Vpc", "name": "net", "component": "Cluster cluster", **fields}
    return ResourceChange.model_validate({"action": action, **given})


def against(*changes: ResourceChange, **fields: object) -> Plan:
    found = Difference.model_validate(
        {"ref": "origin/main", "commit": "0123456789", "resources": changes, **fields}
    )
    return a_plan(difference=found)


def test_a_difference_is_counted_and_shown_to_the_field() -> None:
    field = FieldChange(path="cidrBlock", before="10.0.0.0/16", after="10.1.0.0/16", replacement="yes")
    text = render_markdown.render(
        against(change("replace", fields=(field,)), change("add"), change(replacement="maybe")), TODAY
    )
    assert "**Against `origin/main`** (0123456)\n- 1 added, 1 changed (1 may be replaced), 1 replaced" in text
    assert (
        '! ±Vpc net\n-     cidrBlock: "10.0.0.0/16"\n+     cidrBlock: "10.1.0.0/16"  # forces replacement'
        in text
    )
    assert "! Vpc net  # may be replaced: only the provider knows" in text


@pytest.mark.parametrize("form", ["markdown", "text"])
def test_what_is_protected_and_would_go_is_a_danger_of_its_own(form: str) -> None:
    for action, verb in (("remove", "delete"), ("replace", "replace")):
        shown = against(change(action, protected=True, readers=3))
        text = render_markdown.render(shown, TODAY) if form == "markdown" else terminal(shown)
        assert f"Vpc net is protected: `pulumi up` refuses to {verb} it" in text
        assert form == "text" or "> [!CAUTION]\n> Vpc net is protected" in text


@pytest.mark.parametrize("form", ["markdown", "text"])
def test_why_there_is_no_difference_is_told(form: str) -> None:
    shown = against(comparable=False, note="origin/main has no `fleet plan` yet")
    text = render_markdown.render(shown, TODAY) if form == "markdown" else terminal(shown)
    assert "origin/main has no `fleet plan` yet" in text
    assert "no resource changes" not in text


def test_a_change_of_cost_is_shown_at_min_and_max_replicas() -> None:
    cost = plan(ROOT, "local", TODAY).cost
    assert cost is not None
    dearer = Levels(
        zero=cost.total.zero,
        min=cost.total.min,
        max=Rates(on_demand=cost.total.max.on_demand - 2, spot=0),
    )
    shown = against(cost_before=dearer).model_copy(update={"cost": cost})
    most = cost.total.max.on_demand
    expected = f"max replicas {most - 2:.2f} → {most:.2f} (+2.00) USD per hour on demand"
    assert expected in render_markdown.render(shown, TODAY)
    assert expected in terminal(shown)


def test_a_longer_change_is_folded_and_a_short_one_open() -> None:
    assert "<details open><summary>Changes:" in render_markdown.render(against(change("add")), TODAY)
    many = [change("add", name=f"net-{index}") for index in range(60)]
    assert "<details><summary>Changes:" in render_markdown.render(against(*many), TODAY)


def test_text_from_a_stack_file_is_neither_markup_nor_a_mention() -> None:
    assert escaped("a|b <img src=x> @admin #12 *b*") == (
        "a\\|b &lt;img src=x> @<!-- -->admin #<!-- -->12 \\*b\\*"
    )
    assert code("a`b|c") == "`` a`b\\|c ``"
    assert fenced(["``` out"], "").startswith("````\n``` out\n````")
