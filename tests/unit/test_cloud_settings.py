"""Any setting of a cloud, its pools and its autoscaler is accepted or refused by findings, in lines."""

import copy
import json
from dataclasses import asdict
from datetime import date
from itertools import islice

import pytest
from hypothesis import Phase, given, settings

from elastic_vllm.rules import KINDS, errors, findings
from elastic_vllm.spec.finding import StackConfigError
from elastic_vllm.stack_file.parsing import validate
from tests.cloud_settings import listed, raw_settings, sections
from tests.strategies import Raw

TODAY = date(2026, 11, 25)
DRAWS = 200
"""``make test-slow`` draws 2,000, and registers what has no error."""
TRIES = 5


@pytest.fixture(scope="module")
def settings_drawn() -> list[Raw]:
    drawn: list[Raw] = []

    @settings(max_examples=DRAWS, phases=[Phase.generate])
    @given(raw_settings())
    def draw(raw: Raw) -> None:
        drawn.append(raw)

    draw()
    return drawn


def judged(raw: Raw) -> str:
    """How it ends on which cloud. Whatever is found is a known finding at a key, in one line."""
    try:
        config = validate(raw)
    except StackConfigError as refused:
        found, end = refused.findings, "no stack"
    else:
        found = findings(config, TODAY)
        grave = [finding for finding in found if finding.severity == "error"]
        assert grave == list(errors(config))
        end = f"{config.cluster.cloud} {'refused' if grave else 'accepted'}"
    assert {finding.id for finding in found} <= set(KINDS)
    assert all(finding.key and "\n" not in str(finding) for finding in found), found
    json.dumps([asdict(finding) for finding in found])
    return end


def test_any_setting_is_accepted_or_refused_by_findings(settings_drawn: list[Raw]) -> None:
    of_clouds = {f"{cloud} {end}" for cloud in ("aws", "gcp") for end in ("accepted", "refused")}
    assert {judged(raw) for raw in settings_drawn} == {*of_clouds, "local accepted", "no stack"}


@pytest.mark.parametrize(
    "name", ["AwsCluster", "AwsNetwork", "GcpCluster", "LocalCluster", "NodeAutoscalingSpec", "NodePoolSpec"]
)
def test_every_value_that_is_listed_for_a_key_is_tried(name: str, settings_drawn: list[Raw]) -> None:
    having = [copy.deepcopy(raw) for raw in settings_drawn]
    having = [raw for raw in having if name in dict(sections(raw))]
    values = list(listed(name))
    assert values
    for place, (key, value) in enumerate(values):
        for raw in islice(having, place * TRIES % len(having), None, max(1, len(having) // TRIES)):
            changed = copy.deepcopy(raw)
            dict(sections(changed))[name][key] = value
            judged(changed)
