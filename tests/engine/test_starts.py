"""Representative command lines, each really started: what our check takes serves, what it refuses ends.

Without images, whose warm-up is the longest part of a start that they share.
"""

from pathlib import Path

import pytest

from elastic_vllm import catalog
from elastic_vllm.catalog import engine_rules
from elastic_vllm.catalog.engine_options import OptionError
from tests.engine.client import CHAT, call, chat
from tests.engine.process import Engine, start
from tests.engine.rendered import Rendered, graph, rendered

pytestmark = [pytest.mark.engine, pytest.mark.slow]

SERVE: dict[str, dict[str, object]] = {
    "least": {"blockSize": None, "maxNumSeqs": None, "maxNumBatchedTokens": None, "maxQueuedRequests": None},
    "whole prompts": {
        "maxNumBatchedTokens": 4096,
        "extraArgs": ["--no-enable-chunked-prefill", "--no-enable-prefix-caching", "--seed", "7"],
    },
    "tools": {"extraArgs": ["--enable-auto-tool-choice", "--tool-call-parser", "hermes"]},
    "priorities": {"extraArgs": ["--scheduling-policy", "priority"]},
    "short words": {"extraArgs": ["-O0", "--max-log-len", "4", "--mm-processor-kwargs.fps", "2"]},
}
END = {
    "tokenizer mode": ["--tokenizer-mode", "quick"],
    "tool parser": ["--enable-auto-tool-choice", "--tool-call-parser", "qwen9"],
    "no chunks, no room": ["--no-enable-chunked-prefill", "--max-model-len", "4096"],
}


@pytest.mark.parametrize("name", SERVE)
def test_what_the_check_takes_serves(
    name: str, python: Path, tiny_model: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = {"imagesPerPrompt": 0, **SERVE[name]}
    pod = rendered(graph(tmp_path_factory.mktemp("stack"), None, **settings))
    running = start(pod, python, tiny_model, tmp_path / "root")
    try:
        running.wait_until_started()
        assert call(running, CHAT, chat(max_tokens=4)).tokens == 4
    finally:
        running.end()


@pytest.mark.parametrize("name", END)
def test_what_the_check_refuses_never_becomes_ready(
    name: str, python: Path, tiny_model: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pod = rendered(graph(tmp_path_factory.mktemp("stack"), imagesPerPrompt=0))
    bad = Rendered(**{**vars(pod), "args": (*pod.args, *END[name])})
    with pytest.raises(OptionError):
        engine_rules.check(bad.args[1:], catalog.models()[bad.args[0]])
    ends_before_it_is_ready(start(bad, python, tiny_model, tmp_path / "root"))


def test_without_a_model_vllm_asks_for_one_of_its_own(
    python: Path, tiny_model: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pod = rendered(graph(tmp_path_factory.mktemp("stack"), imagesPerPrompt=0))
    named = pod.args.index("--served-model-name")
    nameless = Rendered(**{**vars(pod), "args": (pod.args[0], *pod.args[1:named], *pod.args[named + 2 :])})
    running = start(nameless, python, tiny_model, tmp_path / "root", without_model=True)
    ends_before_it_is_ready(running)
    assert "Qwen/Qwen3-0.6B" in running.log


def ends_before_it_is_ready(running: Engine) -> None:
    """It ends by itself, with an error."""
    try:
        with pytest.raises(AssertionError, match="did not start"):
            running.wait_until_started()
        assert running.process.returncode > 0
    finally:
        running.end()
