"""From a stack file, or from Pulumi, to a checked configuration; and every refusal on the way."""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import pulumi
import pytest
import yaml
from hypothesis import given

from elastic_vllm import rules as checks
from elastic_vllm.rules.policy import Policy, reviewed
from elastic_vllm.spec.keys import place_of
from elastic_vllm.stack_file import config
from elastic_vllm.stack_file.config import (
    PROJECT,
    StackConfig,
    StackConfigError,
    load,
    parse,
    read_stack_file,
)
from tests.strategies import Raw, raw_stacks

STACKS = Path(__file__).parents[2] / "stacks"


def model(**keys: object) -> dict[str, object]:
    return {"name": "chat", "checkpoint": "Qwen/Qwen3-VL-8B-Instruct-FP8", "pool": "a10g", **keys}


def changed(**sections: object) -> dict[str, object]:
    pool = {"name": "a10g", "accelerator": "a10g", "maxNodes": 10}
    return {"cluster": {"cloud": "local"}, "pools": [pool], "models": [model()], **sections}


def refusal(raw: Mapping[str, object]) -> str:
    with pytest.raises(StackConfigError) as refused:
        parse(raw)
    return str(refused.value)


@given(raw_stacks())
def test_any_valid_stack_survives_being_written_out_and_read_again(raw: Raw) -> None:
    stack = parse(raw)
    assert parse(stack.model_dump(by_alias=True, mode="json", exclude_unset=True)) == stack
    assert parse(yaml.safe_load(yaml.safe_dump(raw))) == stack
    assert parse(json.loads(json.dumps(raw))) == stack


@given(raw_stacks())
def test_any_valid_stack_has_no_error_among_its_findings(raw: Raw) -> None:
    assert {finding.severity for finding in checks.findings(parse(raw))} <= {"warning", "info"}


@pytest.mark.parametrize("file", sorted(STACKS.glob("Pulumi.*.yaml")), ids=lambda file: file.name)
def test_every_committed_stack_file_is_valid_and_each_warning_it_keeps_has_a_reason(file: Path) -> None:
    review = reviewed(parse(read_stack_file(file)), file.name.split(".")[1], today=date(2026, 11, 25))
    assert (review.errors, review.warnings) == ((), ())
    assert "policy-unused" not in {finding.id for finding in review.findings}


def test_the_local_stack_gives_replicas_back_within_a_minute() -> None:
    stack = parse(read_stack_file(STACKS / "Pulumi.local.yaml"))
    (chat,) = stack.models
    assert chat.scaling.scale_down.stabilization_window_seconds <= 15
    assert chat.scaling.scale_down.policies[0].period_seconds <= 15
    assert stack.autoscaler.consolidate_after_seconds <= 10


def test_misspelt_keys_get_the_nearest_one_and_the_list() -> None:
    text = refusal(changed(pools=[{"name": "a10g", "accelerator": "a10g", "maxNode": 3}], models=[]))
    assert text == (
        "pools[0].maxNode (a10g): unknown key; did you mean maxNodes? This section has: "
        "name, accelerator, gpusPerNode, machine, machines, minNodes, maxNodes, capacity, zones, reservation"
    )


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (changed(cluster="local"), "cluster: must be a section of keys and values, not 'local'"),
        (changed(cluster=["local"]), "cluster: must be a section of keys and values, not a list"),
        (
            changed(cluster={"cloud": "gpc"}),
            "cluster.cloud: 'gpc' is not one of local, aws, gcp; did you mean gcp?",
        ),
        (changed(pools={}), "pools: must be a list, not a section"),
        (
            changed(models=[model(engine=None)]),
            "models[0].engine (chat): must be a section of keys and values, not nothing",
        ),
        (
            changed(models=[model(engine={"maxModelLen": 10**5000})]),
            "models[0].engine.maxModelLen (chat): a number of 16610 bits is too large; the maximum is 262144",
        ),
        (
            changed(models=[model(resources={"cpu": 3.9})]),
            "models[0].resources.cpu (chat): 3.9 cores, but g5.xlarge leaves 3.62 to models; "
            "lower it, or choose a larger machine for the pool",
        ),
        (
            changed(models=[model(engine={"gpuMemoryUtilization": float("nan")})]),
            "models[0].engine.gpuMemoryUtilization (chat): nan is not a finite number",
        ),
        (
            changed(models=[model(pool="l4")]),
            "models[0].pool (chat): there is no pool 'l4'; the pools are: a10g",
        ),
        (
            changed(models=[model(checkpoint="Qwen/Qwen3-VL-32B-Instruct")]),
            "models[0].checkpoint (chat): 62.1 GiB of weights per GPU, but 1 x a10g at gpuMemoryUtilization "
            "0.92 leave 20.6 each; take a smaller or an FP8 checkpoint, a larger accelerator, "
            "or more gpusPerReplica",
        ),
        (
            changed(models=[model(replicas={"min": 11, "max": 12})]),
            "models[0].replicas.min (chat): 11 replicas, but pool a10g holds 10 (10 nodes of g5.xlarge); "
            "lower it, or raise the pool's maxNodes",
        ),
        (
            changed(models=[model(replicas={"min": 6}), model(name="docs", replicas={"min": 6})]),
            "pools[0].maxNodes (a10g): 10 GPUs at most, but min replicas of chat, docs take 12; "
            "raise it, or lower a replicas.min",
        ),
        (
            changed(
                cluster={"cloud": "gcp", "project": "acme-inference", "region": "europe-west4"}, models=[]
            ),
            "pools[0].accelerator (a10g): gcp has no machine with a10g; the nearest it has is l4; "
            "it has: l4, a100-40, a100-80, h100, h200, b200, rtx-pro-6000",
        ),
    ],
)
def test_an_error_says_what_was_wrong_what_exists_and_what_to_do(raw: dict[str, object], line: str) -> None:
    assert refusal(raw) == line


def test_all_errors_are_told_at_once_and_each_on_its_line() -> None:
    text = refusal(
        changed(namespace="default", pools=[{"name": "a10g", "accelerator": "k80", "maxNodes": 0}])
    )
    assert [line.split(":")[0] for line in text.splitlines()] == [
        "namespace",
        "pools[0].accelerator (a10g)",
        "pools[0].maxNodes (a10g)",
    ]


def test_a_list_whose_items_were_refused_is_not_called_too_short_as_well() -> None:
    assert refusal(changed(pools=[{"name": "l4"}], models=[])).count("\n") == 1


def test_a_stack_that_refers_to_itself_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert refusal(changed(models=loop)).startswith("config: refers to itself")


def test_more_replicas_than_the_pool_carries_under_full_load_is_only_a_warning() -> None:
    stack = parse(changed(models=[model(replicas={"min": 1, "max": 11})]))
    (finding,) = (found for found in checks.findings(stack) if found.id == "max-exceeds-pool")
    assert (finding.severity, finding.key) == ("warning", "pools[0].maxNodes")


def test_a_machine_sold_only_as_spot_is_a_warning_on_demand_and_none_on_spot() -> None:
    pool = {"name": "h100", "accelerator": "h100", "machine": "a3-highgpu-1g", "maxNodes": 1}
    cluster = {"cloud": "local", "machines": "gcp"}
    (finding,) = checks.findings(parse(changed(cluster=cluster, pools=[pool], models=[])))
    assert (finding.id, finding.key) == ("not-on-demand", "pools[0].capacity")
    assert (
        checks.findings(parse(changed(cluster=cluster, pools=[pool | {"capacity": "spot"}], models=[]))) == ()
    )


def test_the_cache_of_one_full_request_must_fit_beside_the_weights() -> None:
    long = model(engine={"maxModelLen": 100_000})
    assert refusal(changed(models=[long])).startswith(
        "models[0].engine.maxModelLen (chat): 100000 tokens need 13.7 GiB of KV cache per GPU, but 1 x a10g"
    )
    parse(changed(models=[model(engine={"maxModelLen": 100_000, "kvCacheDtype": "fp8"})]))


def test_the_key_of_an_error_never_holds_the_tag_of_a_union() -> None:
    location = ("models", 0, "scaling", "metrics", 1, "Resource", "target", "utilization")
    assert place_of(location).key == "models[0].scaling.metrics[1].target.utilization"
    assert place_of(("cluster", "local", "compression")).key == "cluster.compression"


@pytest.fixture
def pulumi_config(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.delenv("PULUMI_CONFIG", raising=False)
    before = pulumi.runtime.config.CONFIG.get()
    yield monkeypatch
    pulumi.runtime.set_all_config(before, [])


def given_to_pulumi(sections: Mapping[str, object]) -> dict[str, str]:
    return {
        f"{PROJECT}:{name}": section if isinstance(section, str) else json.dumps(section)
        for name, section in sections.items()
    }


def test_load_reads_what_pulumi_hands_over(pulumi_config: pytest.MonkeyPatch) -> None:
    pulumi.runtime.set_all_config(given_to_pulumi(changed(namespace="serving")))
    assert load() == parse(changed(namespace="serving"))


def test_load_reads_the_environment_of_a_real_run_and_refuses_a_misspelt_section(
    pulumi_config: pytest.MonkeyPatch,
) -> None:
    pulumi.runtime.set_all_config({})
    pulumi_config.setenv("PULUMI_CONFIG", json.dumps(given_to_pulumi(changed(apiKeys={"chat": "x"}))))
    assert isinstance(load(), StackConfig)
    pulumi_config.setenv("PULUMI_CONFIG", json.dumps(given_to_pulumi(changed(autoscalr={}))))
    with pytest.raises(StackConfigError, match=r"autoscalr: unknown key; did you mean autoscaler\?"):
        load()


def a_policy(monkeypatch: pytest.MonkeyPatch, severity: str) -> None:
    item = {
        "finding": "drain-margin",
        "severity": severity,
        "reason": "to see what it does",
        "expires": date.max,
    }
    monkeypatch.setattr(
        "elastic_vllm.rules.policy.committed", lambda: Policy.model_validate({"exceptions": (item,)})
    )


@pytest.mark.parametrize(("severity", "said"), [("warning", 1), ("info", 0), ("silent", 0)])
def test_load_says_the_warnings_that_the_policy_leaves(
    severity: str, said: int, pulumi_config: pytest.MonkeyPatch
) -> None:
    a_policy(pulumi_config, severity)
    heard: list[str] = []
    pulumi_config.setattr("pulumi.log.warn", heard.append)
    pulumi.runtime.set_all_config(given_to_pulumi(changed(models=[model(drain={"marginSeconds": 5})])))
    load()
    assert len([line for line in heard if "drain.marginSeconds" in line]) == said


def test_load_stops_at_what_the_policy_raises_to_an_error(pulumi_config: pytest.MonkeyPatch) -> None:
    a_policy(pulumi_config, "error")
    pulumi.runtime.set_all_config(given_to_pulumi(changed(models=[model(drain={"marginSeconds": 5})])))
    with pytest.raises(StackConfigError, match=r"models\[0\]\.drain\.marginSeconds \(chat\): 5 s between"):
        load()


def test_load_refuses_a_section_that_is_a_bare_word(pulumi_config: pytest.MonkeyPatch) -> None:
    pulumi.runtime.set_all_config(given_to_pulumi(changed(cluster="local")))
    with pytest.raises(StackConfigError, match="cluster: must be a section of keys and values, not 'local'"):
        load()


@pytest.mark.parametrize(
    "keys", [None, "{}", '{"docs": "k"}', '{"chat": ""}', '{"chat": 3}', "sk-1", '["sk-1"]']
)
def test_load_tells_of_every_missing_key_before_anything_is_made(
    pulumi_config: pytest.MonkeyPatch, keys: str | None
) -> None:
    models = [model(name=name, requireApiKey=True) for name in ("chat", "expert")]
    secret = {} if keys is None else {f"{PROJECT}:apiKeys": keys}
    pulumi.runtime.set_all_config(given_to_pulumi(changed(models=models)) | secret, list(secret))
    with pytest.raises(StackConfigError) as refused:
        load()
    assert [finding.key for finding in refused.value.findings] == ["apiKeys.chat", "apiKeys.expert"]
    assert "sk-1" not in str(refused.value)


def test_a_missing_api_key_says_how_to_set_it(pulumi_config: pytest.MonkeyPatch) -> None:
    pulumi.runtime.set_all_config({})
    with pytest.raises(StackConfigError, match=r"--secret --path 'elastic-vllm:apiKeys\.chat'"):
        config.api_key("chat")


@pytest.mark.parametrize("keys", [{}, {"other": "k"}, {"chat": ""}, {"chat": 3}, "k", None])
def test_keys_without_the_models_own_are_refused_without_showing_any(keys: object) -> None:
    with pytest.raises(StackConfigError, match=r"apiKeys.chat \(chat\): is required"):
        config._pick(keys, "chat")


def test_a_models_key_is_found_among_the_others() -> None:
    assert config._pick({"chat": "k1", "docs": "k2"}, "docs") == "k2"
