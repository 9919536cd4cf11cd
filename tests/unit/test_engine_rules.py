"""Whole command lines: those that engine tests hold against vLLM, and where a stack file hears of them."""

import shlex
from pathlib import Path
from string import Template
from typing import Any

import pytest

from elastic_vllm import catalog
from elastic_vllm.catalog import engine_options, engine_rules
from elastic_vllm.catalog.engine_options import OptionError
from elastic_vllm.spec.finding import StackConfigError
from elastic_vllm.stack_file.config import parse, read_stack_file
from tests.engine.argument_lines import NAMES, Line, by_hand
from tests.engine.option_table import breaks, differences
from tests.manifests import model

ROOT = Path(__file__).parents[2]


def refusal(line: Line) -> OptionError | None:
    try:
        engine_rules.check(line[1:], catalog.models()[line[0]])
    except OptionError as problem:
        return problem
    return None


@pytest.mark.parametrize(("heading", "line"), list(by_hand()))
def test_command_lines_are_judged_as_vllm_judges_them(heading: str, line: Line) -> None:
    assert (refusal(line) is None) == (heading in ("good", "gpu", "at start")), refusal(line)


@pytest.mark.parametrize(
    ("line", "word", "says"),
    [
        ("$B --seed 1 --quantization awq", "--quantization", "leave it out, or use fp8"),
        ("$F --seed 1 --dtype float32", "--dtype", "does not go with FP8 weights"),
        ("$B --enable-auto-tool-choice --seed 1", "--enable-auto-tool-choice", "needs --tool-call-parser"),
        ("$B --seed 1 --load-format safe", "safe", "is not one of: .*safetensors"),
        ("$B --seed 1 --gpu-memory-utilization 1.5", "1.5", "is not at most 1"),
        ("$B --seed 1 --compilation-config '{\"modes\":3}'", '{"modes":3}', "has no key 'modes'"),
    ],
)  # fmt: skip
def test_a_refusal_points_at_the_word_to_change(line: str, word: str, says: str) -> None:
    words = shlex.split(Template(line).substitute(NAMES))
    with pytest.raises(OptionError, match=says) as refused:
        engine_rules.check(words[1:], catalog.models()[words[0]])
    assert words[1:][refused.value.index] == word


def stack(**engine: object) -> dict[str, Any]:
    sections: dict[str, Any] = dict(read_stack_file(ROOT / "stacks" / "Pulumi.local.yaml"))
    sections["models"][0]["engine"] = {"maxModelLen": 8192, **engine}
    return sections


def test_a_stack_file_hears_at_its_own_key_what_its_words_do_with_ours() -> None:
    with pytest.raises(StackConfigError) as refused:
        parse(stack(maxNumBatchedTokens=4096, extraArgs=["--seed", "1", "--no-enable-chunked-prefill"]))
    assert "models[0].engine (chat): --max-num-batched-tokens: 4096 is below the context" in str(
        refused.value
    )
    with pytest.raises(StackConfigError) as refused:
        parse(stack(extraArgs=["--seed", "1", "--enable-auto-tool-choice"]))
    assert "models[0].engine.extraArgs[2] (chat): --enable-auto-tool-choice" in str(refused.value)


def test_a_queue_needs_a_batch_to_stand_behind() -> None:
    with pytest.raises(ValueError, match="needs maxNumSeqs"):
        model(engine={"maxQueuedRequests": 4})


def test_what_an_upgrade_changes_is_told_option_by_option() -> None:
    row = {"nargs": None, "type": "int", "all": ["--a"], "hidden": [], "choices": None}
    before = {"--a": row, "--gone": row, "--same": row}
    after = {
        "--a": row | {"type": "float", "all": ["--a", "-a"], "known": ["x"]},
        "--same": row | {"default": 3},
        "--new": row,
    }
    assert differences(before, after) == {
        "--a": "type was int, is float; spelling new: -a; value new: x",
        "--gone": "gone",
        "--new": "new",
    }


def test_an_upgrade_that_loses_what_we_render_or_speak_of_says_what_to_do() -> None:
    table: dict[str, dict[str, object]] = {
        name: {} for name in engine_options.options() if name not in ("--port", "--headless")
    }
    told = list(breaks(table | {"--swap-space": {}}))
    assert any("arguments.py renders --port" in line for line in told)
    assert any("owned --headless is gone" in line for line in told)
    assert any("retired --swap-space is back" in line for line in told)
    assert list(breaks({name: {} for name in engine_options.options()})) == []
