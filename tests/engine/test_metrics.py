"""Every metric that this repository reads from vLLM is one that a real vLLM writes, under the same labels."""

import re
from pathlib import Path

import pytest

from elastic_vllm.spec.replica import TTFT_EDGES_SECONDS
from tests.engine.client import CHAT, call, chat
from tests.engine.process import Engine

pytestmark = pytest.mark.engine
ROOT = Path(__file__).parents[2]
RELIED_ON = {
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
    "vllm:kv_cache_usage_perc",
    "vllm:time_to_first_token_seconds_bucket",
    "vllm:e2e_request_latency_seconds_bucket",
    "vllm:request_success_total",
    "vllm:admission_rejections_total",
    "vllm:num_preemptions_total",
    "vllm:generation_tokens_total",
    "vllm:prompt_tokens_total",
}
"""What autoscaling and the SLO stand on, whether or not a rule is written yet."""
REASONS = {"vllm:admission_rejections_total": "reason", "vllm:request_success_total": "finished_reason"}
"""Metrics that are counted by a reason, with the label that tells it."""


def mentioned() -> set[str]:
    """Each ``vllm:…`` name in what we ship."""
    shipped = [
        path
        for folder in ("components", "stacks", "fleet", "tests/golden")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".yaml", ".json", ".libsonnet"}
    ]
    return {
        name
        for path in shipped
        for name in re.findall(r"(?<![-:\w])vllm:[a-z][a-z_]+[a-z]", path.read_text())
    }


def exported(engine: Engine) -> dict[str, set[str]]:
    """Every series' name, with the labels it has."""
    call(engine, CHAT, chat(max_tokens=1))
    found: dict[str, set[str]] = {}
    for line in call(engine, "/metrics").body.splitlines():
        if match := re.match(r"(vllm:\w+)\{(.*)\} ", line):
            found.setdefault(match[1], set()).update(re.findall(r'(\w+)="', match[2]))
    return found


def test_every_metric_that_we_name_is_exported_under_the_models_name(engine: Engine) -> None:
    series = exported(engine)
    families = series.keys() | {re.sub(r"_(bucket|sum|count|total)$", "", name) for name in series}
    assert (mentioned() | RELIED_ON) - families == set()
    by_model = {name for name, labels in series.items() if "model_name" in labels}
    assert (mentioned() | RELIED_ON) & series.keys() - by_model == set()


def test_the_model_name_label_is_the_name_that_clients_ask_for(engine: Engine) -> None:
    call(engine, CHAT, chat(max_tokens=1))
    assert 'vllm:num_requests_running{engine="0",model_name="chat"}' in call(engine, "/metrics").body


def test_every_promise_that_a_stack_may_make_is_an_edge_of_the_histogram(engine: Engine) -> None:
    call(engine, CHAT, chat(max_tokens=1))
    lines = call(engine, "/metrics").body
    edges = {
        float(edge) for edge in re.findall(r'vllm:time_to_first_token_seconds_bucket\{.*le="([^"]+)"', lines)
    }
    assert set(TTFT_EDGES_SECONDS) <= edges


def test_reasons_of_refusal_and_of_success_are_labels(engine: Engine) -> None:
    series = exported(engine)
    assert {name: label for name, label in REASONS.items() if label not in series[name]} == {}
