"""The report of a drill: three files that agree, and a page that needs nobody."""

import base64
import gzip
import hashlib
import io
import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from elastic_vllm.simulate.timeline import Happening, Run
from fleet.drill import report
from fleet.drill.report import files, page, picture, words
from fleet.errors import FleetError
from tests import drill_sample


class Page(HTMLParser):
    """What a browser would find: text by id, rows of tables, attributes that load something."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.by_id: dict[str, str] = {}
        self.rows: list[tuple[str, list[str]]] = []
        self.tags: list[str] = [""]
        self.loads: list[str] = []
        self.text = ""
        self._id = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attrs}
        self.tags.append(tag)
        self._id = found.get("id", "")
        self.loads += [found[key] for key in ("src", "href", "srcset", "data", "action") if key in found]
        if tag == "tr":
            self.rows.append((found.get("class", ""), []))
        if tag == "td":
            self.rows[-1][1].append("")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002  (the parser's signature)
        self._id = ""

    def handle_data(self, data: str) -> None:
        self.by_id[self._id] = self.by_id.get(self._id, "") + data
        if self.tags[-1] not in ("script", "style"):
            self.text += data
        if self.tags[-1] == "td":
            self.rows[-1][1][-1] += data.strip()

    def embedded(self) -> bytes:
        """The run inside."""
        return gzip.decompress(base64.b64decode(self.by_id["run"]))


def rendered(run: Run) -> Page:
    return Page(page.render(run, run.to_json().encode()))


def image_of(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def red_at(image: Image.Image, t: float, run: Run) -> int:
    """How many pixels are red, up and down the picture at a moment of the run."""
    x = round((0.62 + t / run.duration_seconds * (10.0 - 0.62 - 0.3)) * image.width / 10)
    strip = image.convert("RGB").crop((x - 1, 0, x + 2, image.height)).tobytes()
    return sum(
        strip[at] > 180 and strip[at + 1] < 120 and strip[at + 2] < 90 for at in range(0, len(strip), 3)
    )


def failed(*, ids: Sequence[str]) -> Run:
    run = drill_sample.run()
    checks = [one.model_copy(update={"passed": one.id not in ids}) for one in run.checks]
    return drill_sample.run(checks=checks)


def with_faults(*moments: float) -> Run:
    faults = [Happening(t=t, kind="fault", subject=f"node-{t:g}", text="killed") for t in moments]
    return drill_sample.run(happenings=faults)


@pytest.fixture(scope="module")
def run() -> Run:
    return drill_sample.run()


@pytest.fixture(scope="module")
def written(run: Run, tmp_path_factory: pytest.TempPathFactory) -> report.Report:
    return report.write(run, tmp_path_factory.mktemp("work") / "not-there-yet" / "drill-report")


def test_the_three_files_carry_the_hash_of_the_record(run: Run, written: report.Report) -> None:
    data = written.run.read_bytes()
    found = Page(written.page.read_text(encoding="utf-8"))
    assert Run.model_validate_json(data) == run
    assert written.sha256 == hashlib.sha256(data).hexdigest()
    assert data == run.to_json().encode()
    assert found.embedded() == data
    assert base64.b64decode(found.by_id["run"])[4:8] == bytes(4), "the time of packing makes no difference"
    assert found.by_id["sha256"] == written.sha256
    assert written.sha256 in image_of(written.picture.read_bytes()).info["Comment"]


def test_a_run_that_never_began_has_a_report_too_and_replaces_an_older_one(tmp_path: Path) -> None:
    run = drill_sample.run(seconds=(), happenings=(), checks=(), duration_seconds=0.0)
    for name in ("run.json", "index.html", "drill.png"):
        (tmp_path / name).write_bytes(b"old" * 10**6)
    done = report.write(run, tmp_path)
    assert done.run.read_bytes() == run.to_json().encode()
    assert b"oldold" not in done.page.read_bytes() + done.picture.read_bytes()
    assert "Nothing was recorded." in Page(done.page.read_text(encoding="utf-8")).text
    assert sorted(each.name for each in tmp_path.iterdir()) == ["drill.png", "index.html", "run.json"]


def test_the_page_asks_nothing_of_the_network(written: report.Report) -> None:
    html = written.page.read_text(encoding="utf-8")
    found = Page(html)
    own = html.replace(found.by_id["run"], "")
    assert found.loads == []
    assert re.findall(r"https?:|//[a-z]|@import|url\(|\bfetch\b|XMLHttpRequest|import\(", own) == []


def test_the_page_says_what_is_simulated_and_how_far_it_is_compressed(run: Run) -> None:
    text = rendered(run).text
    assert "divided by 10: machines boot in 12 s, models load in 20 s" in text
    assert words.SIMULATED in text
    assert "Real time" in rendered(drill_sample.run(compression=1.0)).text
    assert "divided" not in rendered(drill_sample.run(compression=1.0)).text


def test_the_page_names_a_stand_in_for_the_node_autoscaler(run: Run) -> None:
    stand_in = rendered(drill_sample.run(node_autoscaler="Karpenter stand-in")).text
    assert "Karpenter stand-in: on a real cluster" in stand_in
    assert "stand-in" not in rendered(run).text
    assert "on a real cluster" not in rendered(run).text


def test_each_check_is_a_line_with_bound_and_measured_value_broken_ones_first() -> None:
    run = failed(ids=["aborted", "ready-4"])
    rows = [(kind, cells) for kind, cells in rendered(run).rows if kind]
    assert [kind for kind, _ in rows] == ["failed"] * 2 + ["passed"] * 13
    assert {tuple(cells[1:]) for _, cells in rows} == {(p.text, p.bound, p.measured) for p in run.checks}
    assert {cells[1] for kind, cells in rows if kind == "failed"} == {
        "Requests aborted over scale-down",
        "Replica 4 is Ready in time",
    }


def test_a_broken_check_stands_in_the_head_of_the_page() -> None:
    head = rendered(failed(ids=["aborted"])).text.split(words.SIMULATED)[0]
    assert "1 of 15 checks failed" in head
    assert "Requests aborted over scale-down: bound 0, measured 0" in head
    assert "Replica 4" not in head


def test_a_run_without_checks_is_not_shown_as_kept() -> None:
    run = drill_sample.run(checks=())
    html = page.render(run, b"")
    assert "Not judged" in Page(html).text
    assert 'class="verdict failed"' in html


def test_the_page_shows_ledger_assumptions_and_happenings(run: Run) -> None:
    found = rendered(run)
    cells = [tuple(row) for _, row in found.rows]
    assert words.ledger(run.ledger) in found.text
    assert all((one.name, one.value, one.basis) in cells for one in run.assumptions)
    assert all((f"{one.t:.1f}", one.kind, one.subject, one.text) in cells for one in run.happenings)


def test_names_from_a_stack_cannot_break_out_of_the_page(run: Run) -> None:
    evil = '</script><img src="x">&lt;'
    machine = {"nodes": {evil: 1}, "phase": evil}
    seconds = [second.model_copy(update=machine) for second in run.seconds[:3]]
    hostile = drill_sample.run(stack=evil, machine=evil, seconds=seconds, checks=failed(ids=[]).checks)
    found = rendered(hostile)
    assert "img" not in found.tags
    assert found.tags.count("script") == rendered(run).tags.count("script")
    assert f"on stack {evil}" in found.text
    assert json.loads(found.by_id["chart-data"])["phases"][0]["name"] == evil


def test_the_charts_show_all_that_a_second_holds() -> None:
    run = drill_sample.run(machines=("g6e.xlarge", "g6e.2xlarge"))
    charts = json.loads(rendered(run).by_id["chart-data"])
    shown = {tuple(series["path"]) for panel in charts["panels"] for series in panel["series"]}
    recorded = set(json.loads(run.to_json())["seconds"][0]) - {"t", "phase", "nodes"}
    assert shown == {(key,) for key in recorded} | {("nodes", "g6e.xlarge"), ("nodes", "g6e.2xlarge")}
    assert all(panel["unit"] for panel in charts["panels"])


def test_faults_are_told_in_order_under_the_charts(run: Run) -> None:
    text = rendered(with_faults(30.0, 31.5)).text
    assert text.index("30.0 s node-30: killed") < text.index("31.5 s node-31.5: killed")
    assert "faults" not in rendered(run).text


def test_the_same_run_gives_the_same_picture_and_another_run_another(
    run: Run, written: report.Report
) -> None:
    first = written.picture.read_bytes()
    assert picture.draw(run, written.sha256) == first
    assert picture.draw(drill_sample.run(seed=8), written.sha256) != first


def test_a_fault_is_a_line_through_all_charts_of_the_picture(run: Run, written: report.Report) -> None:
    before = image_of(written.picture.read_bytes())
    after = image_of(picture.draw(with_faults(100.0), written.sha256))
    assert red_at(after, 100.0, run) > red_at(before, 100.0, run) + 500
    assert red_at(after, 300.0, run) < red_at(before, 300.0, run) + 100


def test_the_picture_is_wide_enough_opaque_and_without_a_date(written: report.Report) -> None:
    image = image_of(written.picture.read_bytes())
    assert image.width == 1600
    assert image.convert("RGBA").getchannel("A").getextrema() == (255, 255)
    assert set(image.info) == {"Comment", "dpi"}


def test_the_picture_grows_with_its_checks(run: Run, written: report.Report) -> None:
    without = image_of(picture.draw(drill_sample.run(checks=()), written.sha256))
    assert image_of(written.picture.read_bytes()).height - without.height > len(run.checks) * 25


def test_a_run_on_a_machine_without_a_price_tells_no_cost() -> None:
    assert words.outcome(drill_sample.run()).endswith(" USD.")
    free = words.outcome(drill_sample.run(usd_per_node_hour=None))
    assert free.endswith("Cost unknown: the machine has no price.")
    assert "USD" not in free


def test_the_record_outlives_a_picture_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise RuntimeError("no font")

    monkeypatch.setattr(picture, "draw", fail)
    run = drill_sample.run()
    with pytest.raises(RuntimeError, match="no font"):
        files.write(run, tmp_path / "report")
    assert (tmp_path / "report" / "run.json").read_text() == run.to_json()


def test_a_folder_is_made_and_left_empty_before_the_drill(tmp_path: Path) -> None:
    files.prepare(tmp_path / "new" / "report")
    assert list((tmp_path / "new" / "report").iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FleetError, match=r"the report cannot be written to .*file: File exists") as caught:
        files.prepare(tmp_path / "file")
    assert "--report" in caught.value.next_step
