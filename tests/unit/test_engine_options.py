"""Arguments for ``vllm serve``, checked against the pinned version's own option table."""

import shlex

import pytest

from elastic_vllm.catalog import engine_options
from elastic_vllm.catalog.engine_options import OptionError

GOOD = [
    "",
    "--seed 7",
    "--seed -1",
    "--seed=7",
    "--dtype half",
    "--enable-prefix-caching --seed 7",
    "--no-enable-prefix-caching",
    "--disable-prefix-caching",
    "--disable-log-requests",
    "--mm-encoder-tp-mode data",
    "--mm-processor-kwargs.fps 2",
    "--compilation-config '{\"mode\":3}'",
    "--compilation-config.mode 3",
    "-cc.mode=3",
    "-O3",
    "-O 3",
    "-q fp8",
    "--allowed-media-domains a.example b.example --seed 3",
    "--safetensors-load-strategy None",
]

REFUSED = [
    ("--worker-use-ray", 0, "gone from vLLM 0.33.0: drop it"),
    ("--swap-space 4", 0, "gone from vLLM 0.33.0: set engine.kvOffloadingGib"),
    ("--swap_space 4", 0, "set engine.kvOffloadingGib"),
    ("--device cuda", 0, "gone from vLLM 0.33.0: drop it; the image decides"),
    ("--eos-token-id 151645", 0, "generation config"),
    ("--no-prefix-caching", 0, "use --no-enable-prefix-caching"),
    ("--rope-scaling {}", 0, "use --hf-overrides with JSON"),
    ("--seed 7 --max-log-le 4", 2, "abbreviates an option; write it in full: --max-log-len"),
    ("--max_log_len 4", 0, "spelt with hyphens: write --max-log-len"),
    ("--enforce-eagre", 0, "not an option of vLLM 0.33.0; did you mean --enforce-eager?"),
    ("--enable-lora true", 0, "switch and takes no value; leave the value out, or write --disable-lora"),
    ("--enable-lora=1", 0, "switch and takes no value"),
    ("--enable-lora.x", 0, "switch and takes no value"),
    ("--seed", 0, "--seed needs a value after it"),
    ("--seed --enforce-eager", 0, "--seed needs a value after it"),
    ("--seed x", 1, "--seed: 'x' is not a whole number"),
    ("--seed=x", 0, "--seed: 'x' is not a whole number"),
    ("--seed 1 2", 2, "'2' is not an option"),
    ("--seed.x 1", 1, "--seed: takes no key after a dot"),
    ("--mm-encoder-tp-mode wide", 1, "'wide' is not one of: data, weights"),
    ("--compilation-config 3", 1, "is not a JSON object"),
    ("--mm-processor-cache-gb lots", 1, "'lots' is not a number"),
    ("stray", 0, "'stray' is not an option"),
    ("-- --seed 1", 0, "'--' is not an option"),
    ("-qfp8", 0, "-qfp8 is not an option"),
    ("--data-parallel-size 2", 0, "decided by enginesPerReplica"),
    ("--api-server-count 2", 0, "none would finish its answers"),
    ("--distributed-executor-backend ray", 0, "the image has no Ray"),
    ("--kv-offloading-backend lmcache", 0, "lmcache wants a server of its own"),
    ("-ep", 0, "decided by engine.expertParallel"),
    ("--port 80", 0, "decided by the component"),
    ("-tp 2", 0, "decided by gpusPerReplica"),
    ("-tp=2", 0, "decided by gpusPerReplica"),
    ("--max-model-len 32k", 0, "decided by engine.maxModelLen"),
    ("--limit-mm-per-prompt.image 4", 0, "decided by engine.imagesPerPrompt"),
    ("--seed 7 --device-memory-utilization 0.5", 2, "did you mean|decided by engine.gpuMemoryUtilization"),
    ("--hf-token", 0, "a secret has no place on a command line"),
    ("--help", 0, "it prints and exits"),
]


@pytest.mark.parametrize("line", GOOD)
def test_what_vllm_takes_is_taken(line: str) -> None:
    engine_options.check(shlex.split(line))


@pytest.mark.parametrize(("line", "index", "says"), REFUSED)
def test_what_vllm_would_not_take_as_meant_is_refused_at_its_place(line: str, index: int, says: str) -> None:
    with pytest.raises(OptionError, match=says) as refused:
        engine_options.check(shlex.split(line))
    assert refused.value.index == index


def test_options_that_spec_keys_own_are_read_as_others() -> None:
    args = shlex.split("--port 8000 --max-model-len 32k --limit-mm-per-prompt '{\"image\":4}'")
    list(engine_options.read(args))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--limit-mm-per-prompt image=4", "is not a JSON object"),
        ("--max-model-len many", "is not a whole number such as 32768 or 32k"),
        ("--max-num-batched-tokens 8q", "is not a whole number such as 8192 or 8k"),
        ("--allowed-origins *", "is not JSON"),
        ("--api-key", "needs a value"),
    ],
)
def test_the_values_of_owned_options_are_checked_too(line: str, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        list(engine_options.read(shlex.split(line)))


def test_a_secret_given_as_an_argument_is_refused_and_not_repeated() -> None:
    for line in (["--api-key", "sk-canary-0123456789"], ["sk-canary-0123456789"]):
        with pytest.raises(OptionError) as refused:
            engine_options.check(line)
        assert "canary-0123456789" not in str(refused.value)


def test_the_table_is_the_whole_of_the_pinned_version() -> None:
    table = engine_options.options()
    assert len(table) == 321
    assert all(name in option.all for name, option in table.items())


def test_the_notes_speak_of_real_options_and_of_gone_ones() -> None:
    notes = engine_options.notes()
    assert set(notes.owned) <= set(engine_options.options())
    for gone in notes.retired:
        with pytest.raises(OptionError, match="is gone from"):
            engine_options.check([gone])
