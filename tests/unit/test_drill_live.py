"""A drill while it runs: redrawn on a terminal, plain lines in a log, and the verdict at the end."""

import io

import pytest
from rich.console import Console

from elastic_vllm.simulate.timeline import Run
from fleet.drill.live import LiveView, line, print_verdict
from tests import drill_sample


@pytest.fixture(scope="module")
def run() -> Run:
    return drill_sample.run()


def screen(*, terminal: bool) -> Console:
    return Console(
        file=io.StringIO(),
        force_terminal=terminal,
        _environ={"TERM": "xterm-256color"},
        width=120,
        highlight=False,
        soft_wrap=True,
    )


def shown(console: Console) -> str:
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def played(run: Run, console: Console, *, seconds: int = 60) -> str:
    with LiveView(console, "Drill of a [b]", "delays divided by 10", ttft_slo_seconds=2.0) as view:
        last = 0.0
        for second in run.seconds[:seconds]:
            view.update(second, [one for one in run.happenings if last < one.t <= second.t])
            last = second.t
    return shown(console)


def test_a_log_has_a_line_every_five_seconds_and_one_for_each_happening(run: Run) -> None:
    text = played(run, screen(terminal=False))
    happened = [one for one in run.happenings if one.t <= 60]
    lines = text.splitlines()
    assert [float(each.split()[0]) for each in lines if "requests/s" in each] == [
        float(t) for t in range(1, 61, 5)
    ]
    assert all(sum(f"{one.subject}: {one.text}" in each for each in lines) == 1 for one in happened)
    assert len(lines) == 2 + 12 + len(happened)


def test_a_log_holds_no_control_character(run: Run) -> None:
    assert "\x1b" not in played(run, screen(terminal=False))


@pytest.mark.parametrize("terminal", [True, False])
def test_the_heading_and_what_is_simulated_are_said_before_all_else(run: Run, terminal: bool) -> None:
    text = played(run, screen(terminal=terminal))
    assert "Drill of a [b]" in text
    assert text.index("delays divided by 10") < text.index("ramp")


def test_a_terminal_is_redrawn_each_second_and_keeps_every_happening(run: Run) -> None:
    text = played(run, screen(terminal=True))
    assert all(f"{t} s" in text for t in range(1, 61))
    assert "wanted 3" in text
    assert "1 × g6e.xlarge" in text
    assert "█" in text
    assert all(f"{one.subject}: {one.text}" in text for one in run.happenings if one.t <= 60)


def test_a_terminal_keeps_the_compression_in_sight(run: Run) -> None:
    assert played(run, screen(terminal=True), seconds=10).count("delays divided by 10") > 10


def test_the_terminal_is_given_back_when_a_drill_fails(run: Run) -> None:
    console = screen(terminal=True)
    hides_cursor, shows_cursor = "\x1b[?25l", "\x1b[?25h"

    def break_off() -> None:
        with LiveView(console, "heading", "note", ttft_slo_seconds=2.0) as view:
            view.update(run.seconds[0], [])
            raise RuntimeError("broke")

    with pytest.raises(RuntimeError, match="broke"):
        break_off()
    assert shown(console).index(hides_cursor) < shown(console).index(shows_cursor)


def test_a_line_names_only_states_that_a_replica_is_in(run: Run) -> None:
    text = line(run.seconds[19])
    assert "replicas: 1 ready, 1 without node; nodes: 1 × g6e.xlarge" in text
    assert "loading" not in text


def test_seconds_without_a_first_token_say_so(run: Run) -> None:
    assert "first token none in 10 s" in line(run.seconds[0])
    assert "P50 0." in line(run.seconds[9])


def test_the_verdict_names_what_broke_and_ends_in_one_sentence(run: Run) -> None:
    checks = [one.model_copy(update={"passed": one.id != "aborted"}) for one in run.checks]
    console = screen(terminal=False)
    print_verdict(drill_sample.run(checks=checks), console)
    text = shown(console)
    assert [each.split("│")[1].strip() for each in text.splitlines() if "NO" in each] == [
        "Requests aborted over scale-down"
    ]
    assert text.count(" yes ") == 14
    assert "sent 4,953 = answered 4,944 + refused 7 + aborted 0 + in flight 2" in text
    assert text.splitlines()[-1] == "1 of 15 checks failed"


def test_a_run_without_checks_ends_without_praise(run: Run) -> None:
    console = screen(terminal=False)
    print_verdict(drill_sample.run(checks=()), console)
    assert shown(console).splitlines()[-1] == "Not judged: the run has no check"
