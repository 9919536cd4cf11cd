"""Our judgement of command lines against the pinned vLLM's own parser and ``create_engine_config``."""

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from elastic_vllm import catalog
from elastic_vllm.catalog import engine_options, engine_rules
from elastic_vllm.catalog.engine_options import OptionError
from elastic_vllm.catalog.option_values import Option
from tests.engine import conftest, hub, option_table, pinned
from tests.engine.argument_lines import BASE, Line, by_hand
from tests.engine.rendered_options import rendered_options

pytestmark = pytest.mark.engine
ENDS_LATER = {"--load-format", "--model-impl", "--tokenizer-mode", "--tool-call-parser"}
"""Options whose value vLLM looks up only once it loads or serves."""
FEATURE_OFF = {"--max-loras", "--max-lora-cls-labels"}
"""Options whose bounds vLLM does not look at while their feature is off."""
ALIKE_FOR_US = {
    "--enable-expert-parallel": "a new spelling turns it off; we render the one that turns it on",
    "--enable-sleep-mode": "likewise",
    "--kv-cache-dtype": "three new values, of which we render none",
}
"""Options that we render and that differ, each with the reason why what we render does not."""
NOT_MUTATED = {"--config", "--help", "--model", "--model-tag"}


def by_mutation() -> Iterator[Line]:
    """Every option of the table, given something that it does not take."""
    for name, option in engine_options.options().items():
        if name not in NOT_MUTATED:
            for wrong in mutations(option):
                yield (BASE, "--max-model-len", "4096", name, *wrong)


def mutations(option: Option) -> Iterator[tuple[str, ...]]:
    """Values of the wrong kind, out of bounds, of no meaning, or missing."""
    kind = option.type.removeprefix("optional ")
    if not option.takes_value:
        yield ("yes",)
        return
    if option.nargs != "?":
        yield ()
    if kind in ("int", "float", "human_readable_int", "human_readable_int_or_auto"):
        yield ("many",)
    if kind in ("dataclass", "dict"):
        yield ("not-json",)
    if kind == "dataclass":
        yield ('{"no_such_key":1}',)
    if option.words:
        yield ("no-such-value",)
    for rule, limit in option.bounds.items():
        step = {"ge": -1, "gt": 0, "le": 1, "lt": 0}[rule]
        yield (f"{limit + step:g}",)


def ours(line: Line) -> str:
    """What we say against it; empty where we take it."""
    try:
        engine_rules.check(line[1:], catalog.models()[line[0]])
    except OptionError as problem:
        return str(problem)
    return ""


@pytest.fixture(scope="module")
def judged(python: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[Line, str]:
    """What vLLM says against each line, in one process; empty where it takes it."""
    lines = list(dict.fromkeys([*(line for _, line in by_hand()), *by_mutation()]))
    cache = hub.lay_out(tiny_model, tmp_path_factory.mktemp("hub"))
    found = pinned.verdicts(python, engine_options.VLLM_VERSION, cache, lines)
    stages = Counter(verdict["stage"] for verdict in found)
    conftest.FIGURES.append(f"{len(lines)} argument lists judged by vLLM {pinned.version()}: {dict(stages)}")
    assert len(lines) >= 150
    return {
        line: "" if verdict["stage"] == "ok" else f"{verdict['stage']}: {verdict['says']}"
        for line, verdict in zip(lines, found, strict=True)
    }


def test_lines_judged_by_hand_are_judged_alike_by_vllm_and_by_us(judged: Mapping[Line, str]) -> None:
    expected = {
        "good": (False, False),
        "gpu": (True, False),
        "at start": (True, False),
        "bad": (True, True),
        "stricter": (False, True),
    }
    wrong = [
        f"{heading}: {shlex.join(line)}\n  vLLM: {judged[line]}\n  ours: {ours(line)}"
        for heading, line in by_hand()
        if (bool(judged[line]), bool(ours(line))) != expected[heading]
    ]
    assert wrong == [], "\n".join(wrong)


def test_what_only_a_gpu_has_is_refused_for_nothing_else(judged: Mapping[Line, str]) -> None:
    said = [judged[line] for heading, line in by_hand() if heading == "gpu"]
    assert said
    assert [words for words in said if "Sleep mode is not supported on current platform" not in words] == []


def test_no_mutation_that_vllm_refuses_passes_and_none_that_it_takes_is_refused_without_a_reason(
    judged: Mapping[Line, str],
) -> None:
    wrong = [
        f"{shlex.join(line)}\n  vLLM: {judged[line]}\n  ours: {ours(line)}"
        for line in by_mutation()
        if not ours(line) or (not judged[line] and line[3] not in ENDS_LATER | FEATURE_OFF)
    ]
    assert wrong == [], "\n".join(wrong)


def test_the_committed_table_is_the_pinned_versions_own(python: Path) -> None:
    assert option_table.text(pinned.table(python, pinned.version())) == option_table.TABLE.read_text()


def test_what_we_render_is_alike_in_the_version_that_behaviour_is_proved_on(
    python: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proved_on = pinned.table(python)
    changed = option_table.differences(proved_on, json.loads(option_table.TABLE.read_text()))
    with capsys.disabled():
        print("\nfrom the CPU build's options to the pinned version's:")
        for name, said in changed.items():
            print(f"  {name}: {said}")
    assert set(changed) & rendered_options() <= set(ALIKE_FOR_US), {
        name: said for name, said in changed.items() if name in rendered_options()
    }
