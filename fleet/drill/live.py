"""A drill while it runs: a panel that renews itself on a terminal, plain lines in a log.

Both tell every happening as a line; only the terminal redraws, so a log holds no control characters.
"""

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from elastic_vllm.simulate.timeline import Happening, Run, Second
from fleet.drill.report import words
from fleet.sparkline import sparkline

_LINE_EVERY_SECONDS = 5.0
_STYLES = {"fault": "bold red", "phase": "bold", "replicas": "cyan", "hpa": "cyan", "node": "green"}


class LiveView:
    """Shows second after second. Heading and compression are said first, and stay in sight on a terminal."""

    def __init__(self, console: Console, heading: str, note: str, *, ttft_slo_seconds: float) -> None:
        """``note`` says what is simulated and how far it is compressed."""
        self._console = console
        self._heading, self._note, self._slo = heading, note, ttft_slo_seconds
        self._offered: list[float] = []
        self._last_line = -_LINE_EVERY_SECONDS
        self._live: Live | None = None

    def __enter__(self) -> Self:
        self._console.print(f"[bold]{escape(self._heading)}[/]\n{escape(self._note)}")
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def update(self, second: Second, happenings: Iterable[Happening]) -> None:
        """One second is over, and these things happened since the last."""
        self._offered.append(second.offered_rps)
        for one in happenings:
            style = _STYLES.get(one.kind, "")
            self._console.print(
                Text(f"  {one.t:6.1f} s  {one.kind:<8} {one.subject}: {one.text}", style=style)
            )
        if self._live is not None:
            self._live.update(self._panel(second), refresh=True)
        elif second.t - self._last_line >= _LINE_EVERY_SECONDS:
            self._last_line = second.t
            self._console.print(Text(line(second)))

    def _panel(self, second: Second) -> Panel:
        width = max(20, min(self._console.width, 110) - 4)
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column()
        grid.add_row("requests/s", f"{second.offered_rps:g} sent, {_queue(second)}")
        grid.add_row("replicas", _replicas(second))
        grid.add_row("nodes", _nodes(second))
        grid.add_row("first token", self._first_token(second))
        grid.add_row("spent", f"{second.usd:.3f} USD so far, {second.usd_per_hour:.2f} USD/h")
        grid.add_row("note", Text(self._note, style="yellow"))
        return Panel(
            Group(Text(sparkline(self._offered, width), style="blue"), grid),
            title=Text(f"{second.phase}  {second.t:.0f} s", style="bold"),
            subtitle=Text(self._heading, style="dim"),
            title_align="left",
            subtitle_align="left",
            width=width + 4,
        )

    def _first_token(self, second: Second) -> Text:
        late = second.ttft_p99 is not None and second.ttft_p99 > self._slo
        text = Text(_ttft(second), style="red" if late else "")
        return text.append(f"  SLO {self._slo:g} s", style="dim")


def line(second: Second) -> str:
    """One second as a line of a log."""
    counts = ", ".join(f"{count} {state}" for state, count, _ in _states(second) if count) or "none"
    return (
        f"  {second.t:6.1f} s  {second.phase:<8} {second.offered_rps:g} requests/s, {_queue(second)}; "
        f"wanted {second.wanted}; replicas: {counts}; nodes: {_nodes(second)}; "
        f"first token {_ttft(second)}; {second.usd:.3f} USD"
    )


def print_verdict(run: Run, console: Console) -> None:
    """The end of a drill: every check with bound and measured value, the ledger, and one last sentence."""
    table = Table("check", "passed", "bound", "measured")
    for one in sorted(run.checks, key=lambda each: each.passed):
        passed = "[green]yes[/]" if one.passed else "[red]NO[/]"
        table.add_row(escape(one.text), passed, escape(one.bound), escape(one.measured))
    console.print()
    console.print(table)
    console.print(f"ledger: {words.ledger(run.ledger)}")
    console.print(escape(words.compression(run)))
    console.print(words.outcome(run))
    style = "green" if run.checks and run.passed else "red"
    console.print(Text(words.verdict(run), style=f"bold {style}"))


def _states(second: Second) -> list[tuple[str, int, str]]:
    return [
        ("ready", second.ready, "blue"),
        ("loading", second.loading, "yellow"),
        ("without node", second.without_node, "magenta"),
        ("leaving", second.leaving, "bright_black"),
    ]


def _replicas(second: Second) -> Text:
    """A block for each replica, in the colour of its state, and the counts."""
    text = Text()
    for _, count, style in _states(second):
        text.append("■" * count, style=style)
    text.append(f"  wanted {second.wanted}")
    for state, count, style in _states(second):
        if count:
            text.append(f"  {count} {state}", style=style)
    return text


def _nodes(second: Second) -> str:
    return ", ".join(f"{count} × {kind}" for kind, count in second.nodes.items()) or "none"


def _queue(second: Second) -> str:
    return f"{second.running} running, {second.waiting} waiting"


def _ttft(second: Second) -> str:
    if second.ttft_p50 is None or second.ttft_p99 is None:
        return "none in 10 s"
    return f"P50 {second.ttft_p50:.2f} s, P99 {second.ttft_p99:.2f} s"
