"""Every finding: a valid stack without it, and the same stack with just that mistake, which has it alone."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import get_args

import pytest
import yaml

from docs.generate import findings as findings_page
from elastic_vllm import rules as checks
from elastic_vllm.clouds.local import facts
from elastic_vllm.rules import lifecycle, policy
from elastic_vllm.rules.view import View
from elastic_vllm.simulate.forecast import Conditions, engine_of, forecast, simulate, traces
from elastic_vllm.spec import NodePoolSpec, ReplicasSpec
from elastic_vllm.spec.finding import Finding
from elastic_vllm.stack_file.config import StackConfigError, api_key, parse, read_stack_file
from elastic_vllm.stack_file.parsing import validate

TODAY = date(2026, 11, 25)
Raw = dict[str, object]
DIGEST = "vllm/vllm-openai@sha256:" + "0" * 64
COMMIT = "9cdc6310a8cb770ce18efaf4e9935334512aee45"


def model(**keys: object) -> Raw:
    return {
        "name": "chat",
        "checkpoint": "Qwen/Qwen3-VL-8B-Instruct-FP8",
        "pool": "gpu",
        "replicas": {"min": 2, "max": 4},
        "resources": {"cpu": 1.75, "memoryGib": 12},
        "scaling": {"scaleDown": {"stabilizationWindowSeconds": 600}},
        "drain": {"propagationSeconds": 10, "finishSeconds": 95, "marginSeconds": 15},  # a Spot notice
        **keys,
    }


def pool(**keys: object) -> Raw:
    return {"name": "gpu", "accelerator": "l4", "maxNodes": 4, "capacity": "spot-then-on-demand", **keys}


def stack(**sections: object) -> Raw:
    return {"cluster": {"cloud": "local"}, "pools": [pool()], "models": [model()], **sections}


def with_model(**keys: object) -> Raw:
    return stack(models=[model(**keys)])


def with_pool(**keys: object) -> Raw:
    return stack(pools=[pool(**keys)])


def reserved(zone: str) -> Raw:
    return {"capacity": "reserved", "reservation": {"name": "cr-0123456789abcdef0", "zone": zone}}


AWS: Raw = {"cloud": "aws", "region": "us-east-1", "authorizedNetworks": ["3.5.140.0/24"]}
MANAGED: Raw = {**AWS, "nodeAutoscaler": "cluster-autoscaler"}
GCP: Raw = {"cloud": "gcp", "project": "acme-inference", "region": "europe-west4"}
LOCAL_GCP: Raw = {"cloud": "local", "machines": "gcp"}


def production(cluster: Mapping[str, object] | None = None, **keys: object) -> Raw:
    served = model(**{"requireApiKey": True, "engine": {"image": DIGEST}, "revision": COMMIT, **keys})
    return stack(
        cluster={**AWS, "protect": True, **(cluster or {})}, environment="production", models=[served]
    )


def scaled_by(name: str) -> Raw:
    metric = {"type": "Pods", "name": name, "target": {"averageValue": "8"}}
    return with_model(scaling={"metrics": [metric], "scaleDown": {"stabilizationWindowSeconds": 600}})


def from_zero(kind: str, version: str = "1.37") -> Raw:
    metric = {"type": kind, "name": "queue", "target": {"averageValue": "8"}}
    scaling = {"metrics": [metric], "scaleDown": {"stabilizationWindowSeconds": 600}}
    served = model(replicas={"min": 0, "max": 4}, scaling=scaling)
    return stack(cluster={**AWS, "kubernetes": version}, models=[served])


def targeting(utilization: int, cpu: float) -> Raw:
    metric = {"type": "Resource", "name": "cpu", "target": {"utilization": utilization}}
    window = {"stabilizationWindowSeconds": 600}
    return with_model(
        scaling={"metrics": [metric], "scaleDown": window}, resources={"cpu": cpu, "memoryGib": 12}
    )


def mixture(gpus: int, checkpoint: str = "Qwen/Qwen3-VL-30B-A3B-Instruct-FP8", **sections: object) -> Raw:
    cores = {2: 4.3, 4: 6.9, 8: 12.1}[gpus]
    served = model(
        checkpoint=checkpoint,
        gpusPerReplica=gpus,
        resources={"cpu": cores, "memoryGib": 12},
        replicas={"min": 2, "max": 3},
    )
    return stack(**{"pools": [pool(gpusPerNode=4)], "models": [served], **sections})


def on_one_a100(checkpoint: str) -> Raw:
    machines = pool(accelerator="a100-40")
    return stack(cluster=LOCAL_GCP, pools=[machines], models=[model(checkpoint=checkpoint)])


def many_gpus(memory: float) -> Raw:
    served = model(resources={"cpu": 1.75, "memoryGib": memory})
    return stack(pools=[pool(accelerator="h200", gpusPerNode=8, machine="p5e.48xlarge")], models=[served])


def spare(machine: Mapping[str, object], cluster: Raw) -> Raw:
    """A second pool that carries nothing."""
    return stack(cluster=cluster, pools=[pool(), {"name": "spare", "maxNodes": 1, **machine}])


def grouped(*others: Raw, nodes: int = 4, gpus: int = 4) -> Raw:
    """Replicas of two nodes, on a pool that holds two of them."""
    served = model(
        checkpoint="Qwen/Qwen3-VL-32B-Instruct",
        gpusPerReplica=8,
        nodesPerReplica=2,
        resources={"cpu": 6.9, "memoryGib": 40},
        replicas={"min": 1, "max": 2},
    )
    machines = pool(accelerator="l40s", gpusPerNode=gpus, maxNodes=nodes)
    return stack(pools=[machines], models=[served, *others])


def engines(cpu: float = 7, memory: float = 20, **labels: str) -> Raw:
    """Replicas of two engines, each on two GPUs, scaled on their requests."""
    metric = {"type": "Pods", "name": "queue", "target": {"averageValue": "8"}, "matchLabels": labels}
    served = model(
        gpusPerReplica=4,
        enginesPerReplica=2,
        resources={"cpu": cpu, "memoryGib": memory},
        replicas={"min": 2, "max": 3},
        scaling={"metrics": [metric], "scaleDown": {"stabilizationWindowSeconds": 600}},
    )
    return stack(pools=[pool(gpusPerNode=4)], models=[served])


def sleeping(**replicas: int) -> Raw:
    """Replicas that may be put to sleep."""
    return with_model(
        engine={"sleepMode": True},
        requireApiKey=True,
        replicas=replicas,
        checkpoint="Qwen/Qwen3-VL-2B-Instruct",
    )


ONE = {"min": 1, "max": 1}
H100 = {"accelerator": "h100", "machine": "a3-highgpu-1g"}
L40S = {"accelerator": "l40s"}
EIGHT_H100, EIGHT_H200, EIGHT_B200 = (
    {"accelerator": name, "gpusPerNode": 8} for name in ("h100", "h200", "b200")
)
FRANKFURT = {**AWS, "region": "eu-central-1"}
A10G = {"accelerator": "a10g", "capacity": "spot"}
WORLD = [f"{first}.0.0.0/8" for first in range(11, 110)]
TOKEN = '{"token": "hf_0123456789abcdefgh"}'

PLANTED: Mapping[str, tuple[Raw, Raw]] = {
    "duplicate-name": (stack(), stack(pools=[pool(), pool()])),
    "missing-pool": (stack(), with_model(pool="gone")),
    "no-machine": (stack(), with_pool(gpusPerNode=2)),
    "replica-gpus": (mixture(4), mixture(8, pools=[pool(gpusPerNode=4)])),
    "replica-cpu": (targeting(50, 2.5), targeting(32, 3.9)),
    "replica-memory": (stack(), with_model(resources={"cpu": 1.75, "memoryGib": 14})),
    "weights-do-not-fit": (stack(), with_model(engine={"gpuMemoryUtilization": 0.44})),
    "context-does-not-fit": (stack(), with_model(engine={"maxModelLen": 131_072})),
    "engine-arguments": (
        with_model(engine={"extraArgs": ["--enable-prefix-caching"]}),
        with_model(engine={"extraArgs": ["--enable-auto-tool-choice"]}),
    ),
    "engines-share-cores": (engines(), engines(cpu=6.5)),
    "engines-share-memory": (engines(), engines(memory=19)),
    "sleep-beside-autoscaler": (sleeping(min=2, max=2), sleeping(min=2, max=3)),
    "metric-of-one-engine": (engines(model_name="chat"), engines(engine="0")),
    "fp8-experts": (mixture(2), mixture(4)),
    "fp8-compute": (
        on_one_a100("Qwen/Qwen3-VL-8B-Instruct"),
        on_one_a100("Qwen/Qwen3-VL-30B-A3B-Instruct-FP8"),
    ),
    "images-exceed-context": (stack(), with_model(engine={"imagesPerPrompt": 64})),
    "min-exceeds-pool": (stack(), with_model(replicas={"min": 5, "max": 5})),
    "headroom-exceeds-pool": (with_model(headroom=2), with_model(headroom=3)),
    "max-exceeds-pool": (stack(), with_model(replicas={"min": 2, "max": 5})),
    "group-shares-pool": (grouped(), grouped(model(name="small", gpusPerReplica=4, replicas=ONE))),
    "group-exceeds-pool": (grouped(), grouped(nodes=3)),
    "group-fits-one-node": (grouped(), grouped(gpus=8)),
    "stranded-gpus": (many_gpus(200), many_gpus(1000)),
    "not-on-demand": (
        spare({**H100, "capacity": "spot"}, LOCAL_GCP),
        spare({**H100, "capacity": "on-demand"}, LOCAL_GCP),
    ),
    "capacity-not-sold": (
        spare({**L40S, "capacity": "spot"}, AWS),
        spare({**L40S, "capacity": "flex-start"}, AWS),
    ),
    "reservation-unusable": (
        spare({**L40S, **reserved("us-east-1a")}, AWS),
        spare({**L40S, **reserved("us-east-1f")}, AWS),
    ),
    "pool-zone": (
        spare({**L40S, "zones": ["us-east-1a"]}, AWS),
        spare({**L40S, "zones": ["us-east-1f"]}, AWS),
    ),
    "too-few-addresses": (
        spare({"accelerator": "l4", "maxNodes": 5}, {**GCP, "network": {"pods": "10.4.0.0/20"}}),
        spare({"accelerator": "l4", "maxNodes": 6}, {**GCP, "network": {"pods": "10.4.0.0/20"}}),
    ),
    "spot-alone": (
        stack(cluster=AWS, pools=[pool(capacity="spot-then-on-demand")]),
        stack(cluster=AWS, pools=[pool(capacity="spot")]),
    ),
    "system-machine": (
        spare({"accelerator": "l4"}, {**GCP, "systemMachine": "n2-standard-4"}),
        spare({"accelerator": "l4"}, {**GCP, "systemMachine": "n4-standard-4"}),
    ),
    "driver-too-old": (
        spare({"accelerator": "rtx-pro-6000", "capacity": "spot"}, AWS),
        spare({"accelerator": "rtx-pro-4500", "capacity": "spot"}, AWS),
    ),
    "pool-name-too-long": (
        spare({"name": "p" * 26, "accelerator": "l4"}, GCP),
        spare({"name": "p" * 27, "accelerator": "l4"}, GCP),
    ),
    "autoscaler-setting": (
        stack(cluster=MANAGED, autoscaler={"consolidation": "when-empty"}),
        stack(cluster=MANAGED, autoscaler={"consolidation": "when-underutilized"}),
    ),
    "machine-not-offered": (spare(L40S, FRANKFURT), spare(EIGHT_H100, FRANKFURT)),
    "machine-offer-unknown": (spare(L40S, FRANKFURT), spare(EIGHT_B200, FRANKFURT)),
    "no-such-zone": (
        stack(cluster={**AWS, "zones": ["us-east-1a", "us-east-1f"]}),
        stack(cluster={**AWS, "zones": ["us-east-1a", "us-east-1e"]}),
    ),
    "unpriced-under-budget": (
        stack(cluster=AWS, budget={"maxHourlyUsd": 500}),
        stack(cluster={**AWS, "systemMachine": "c7i.large"}, budget={"maxHourlyUsd": 500}),
    ),
    "price-of-another-region": (
        spare({**EIGHT_H200, "capacity": "spot"}, {**GCP, "region": "us-central1"}),
        spare({**EIGHT_H200, "capacity": "spot"}, {**GCP, "region": "asia-south1"}),
    ),
    "idle-floor": (with_pool(minNodes=4, maxNodes=8), with_pool(minNodes=5, maxNodes=8)),
    "kubernetes-unsupported": (stack(cluster=AWS), stack(cluster={**AWS, "kubernetes": "1.30"})),
    "one-machine-type": (
        stack(cluster=MANAGED, pools=[pool(machines=["g6.2xlarge"])]),
        stack(cluster=MANAGED, pools=[pool(machines=["g6.xlarge", "g6.2xlarge"])]),
    ),
    "docker-hub-limit": (stack(cluster=AWS), stack(cluster=AWS, pools=[pool(maxNodes=20)])),
    "spot-notice": (stack(cluster=AWS), stack(cluster=AWS, models=[model(drain={"finishSeconds": 120})])),
    "single-machine-type": (
        {**production(), "pools": [pool(machines=["g6.xlarge", "g6.2xlarge"])]},
        {**production(), "pools": [pool(machine="g6.xlarge")]},
    ),
    "closed-endpoint": (stack(cluster=AWS), stack(cluster={**AWS, "authorizedNetworks": []})),
    "example-range": (stack(cluster=AWS), stack(cluster={**AWS, "authorizedNetworks": ["203.0.113.0/24"]})),
    "quota-at-max": (stack(), stack(cluster=AWS)),
    "cpu-target-cannot-fire": (targeting(70, 1.75), targeting(70, 3)),
    "cpu-target-always-fires": (targeting(70, 1.75), targeting(5, 1.75)),
    "cpu-target-not-selective": (targeting(70, 1.75), targeting(70, 1.25)),
    "window-shorter-than-start": (
        stack(),
        with_model(scaling={"scaleDown": {"stabilizationWindowSeconds": 60}}),
    ),
    "unknown-metric": (scaled_by("vllm_num_requests_waiting"), scaled_by("vllm_gpu_cache_usage_perc")),
    "scale-to-zero": (from_zero("External"), from_zero("Pods")),
    "slo-unreachable": (stack(), with_model(slo={"ttftP99Seconds": 0.25})),
    "slo-breach-on-step": (stack(), with_model(replicas={"min": 1, "max": 4})),
    "drain-margin": (stack(), with_model(drain={"marginSeconds": 5})),
    "drain-shorter-than-answer": (stack(), with_model(sampling={"maxTokens": 4096})),
    "startup-budget": (with_model(startupBudgetSeconds=120), with_model(startupBudgetSeconds=60)),
    "sole-replica": (production(replicas={"min": 2, "max": 2}), production(replicas={"min": 1, "max": 1})),
    "image-by-tag": (production(), {**production(), "models": [model(requireApiKey=True, revision=COMMIT)]}),
    "unpinned-revision": (production(), production(revision=None)),
    "open-endpoint": (production(), production({"authorizedNetworks": WORLD})),
    "wide-endpoint": (
        production({"authorizedNetworks": ["3.5.140.0/24"]}),
        production({"authorizedNetworks": ["3.0.0.0/8"]}),
    ),
    "no-api-key": (
        production(),
        {**production(), "models": [model(engine={"image": DIGEST}, revision=COMMIT)]},
    ),
    "secret-in-plain": (
        with_model(engine={"extraArgs": ["--hf-overrides", "{}"]}),
        with_model(engine={"extraArgs": ["--hf-overrides", TOKEN]}),
    ),
    "unprotected": (production(), production({"protect": False})),
    "over-budget": (stack(budget={"maxHourlyUsd": 10}), stack(budget={"maxHourlyUsd": 1})),
    "spot-would-do": (stack(cluster=AWS), stack(cluster=AWS, pools=[pool(capacity="on-demand")])),
    "old-prices": (stack(), stack(budget={"maxPriceAgeDays": 30})),
    "cheaper-machine": (stack(), with_pool(machine="g6.2xlarge")),
}
"""By the id of the finding: a valid stack, and the same with the mistake."""

ELSEWHERE: Mapping[str, Callable[[Path], object]] = {
    "stack-file": lambda _: parse(stack(pools=[{**pool(), "maxNods": 3}])),
    "fp8-blocks": lambda _: parse(
        stack(
            pools=[pool(gpusPerNode=8)],
            models=[model(checkpoint="Qwen/Qwen3-VL-4B-Instruct-FP8", gpusPerReplica=8)],
        )
    ),
    "api-key": lambda _: api_key("chat"),
    "policy-file": lambda folder: policy.read(written(folder, "exceptions: [{finding: no-such}]")),
}
"""Those that stop before there is a stack to check."""


def written(folder: Path, content: str) -> Path:
    path = folder / "policy.yaml"
    path.write_text(content, encoding="utf-8")
    return path


def found(raw: Raw) -> dict[tuple[str, str], Finding]:
    """All findings, errors beside the rest, by id and key."""
    config = validate(raw)
    return {(finding.id, finding.key): finding for finding in checks.findings(config, TODAY)}


def test_a_machine_that_is_reserved_has_been_sold_there() -> None:
    asked = {**EIGHT_H100, **reserved("eu-central-1a")}
    assert {at for at in found(spare(asked, FRANKFURT)) if at[0].startswith("machine-")} == set()


@pytest.mark.parametrize(
    ("zones", "missing"),
    [("a", None), ("ab", "no g2-standard-4 in us-east4-b (us-east4 has it in the zones a, c)")],
)
def test_every_zone_of_google_must_have_the_machine(zones: str, missing: str | None) -> None:
    cluster = {**GCP, "region": "us-east4", "zones": [f"us-east4-{letter}" for letter in zones]}
    said = found(stack(cluster=cluster)).get(("machine-not-offered", "pools[0].accelerator"))
    assert (missing or "") in (said.message if said else "")
    assert (missing is None) == (said is None)


def test_zone_letters_of_aws_say_nothing_so_few_selling_zones_are_said() -> None:
    lonely = {**AWS, "region": "us-west-2"}
    said = found(spare({"accelerator": "b300", "gpusPerNode": 8}, lonely))
    assert (
        "1 of its 4 zones (ids ending in az2)"
        in said["machine-offer-unknown", "pools[1].accelerator"].message
    )


@pytest.mark.parametrize(
    ("region", "zones", "message"),
    [
        ("ap-northeast-1", ["ap-northeast-1a", "ap-northeast-1b"], "ap-northeast-1b does not exist"),
        ("us-west-1", [], "each account sees 2 of the zones us-west-1a, us-west-1b, us-west-1c"),
        ("us-east-1", ["us-east-1a", "us-east-1e"], "takes no control plane in most accounts"),
    ],
)
def test_zones_are_checked_against_the_table(region: str, zones: list[str], message: str) -> None:
    said = found(stack(cluster={**AWS, "region": region, "zones": zones}))
    assert message in said["no-such-zone", "cluster.zones"].message


def test_every_kind_of_finding_has_a_planted_mistake() -> None:
    of_policy = {"policy-expired", "policy-unused"}  # tests/unit/test_policy.py
    of_plans = {"plan-incomplete"}  # tests/unit/test_plan_build.py
    of_stacks = {"long-first-up"}  # tests/unit/test_aws_stacks.py
    assert set(policy.KINDS) == {*PLANTED, *ELSEWHERE, *of_policy, *of_plans, *of_stacks}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_mistake_is_found_and_nothing_else(kind: str) -> None:
    valid, planted = PLANTED[kind]
    before, after = found(valid), found(planted)
    new = [finding for at, finding in after.items() if at not in before]
    assert [finding.id for finding in new] == [kind], new
    (finding,) = new
    assert finding.severity in (policy.KINDS[kind].severity, policy.KINDS[kind].lowered)
    assert finding.key
    assert len(finding.message) > 20


@pytest.mark.parametrize("kind", PLANTED)
def test_a_valid_stack_is_free_of_it(kind: str) -> None:
    valid, _ = PLANTED[kind]
    assert kind not in {id_ for id_, _ in found(valid)}
    # Scale to zero wants Kubernetes 1.37, which no cluster of ours has yet.
    grave = {finding.id for finding in found(valid).values() if finding.severity == "error"}
    assert grave <= ({"kubernetes-unsupported"} if kind == "scale-to-zero" else set())


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_what_stops_earlier_has_its_id_too(kind: str, tmp_path: Path) -> None:
    with pytest.raises(StackConfigError) as refused:
        ELSEWHERE[kind](tmp_path)
    assert {finding.id for finding in refused.value.findings} == {kind}


def test_the_plain_local_stack_has_no_finding_at_all() -> None:
    assert found(stack()) == {}


@pytest.mark.parametrize("kind", PLANTED)
def test_only_an_error_keeps_a_stack_from_being_parsed(kind: str) -> None:
    _, planted = PLANTED[kind]
    if "error" in {finding.severity for finding in found(planted).values()}:
        with pytest.raises(StackConfigError) as refused:
            parse(planted)
        assert kind in {finding.id for finding in refused.value.findings}
    else:
        parse(planted)


@pytest.mark.parametrize("kind", PLANTED)
def test_the_errors_are_those_among_all_findings(kind: str) -> None:
    for raw in PLANTED[kind]:
        grave = [finding for finding in found(raw).values() if finding.severity == "error"]
        assert list(checks.errors(validate(raw))) == grave


def test_no_rule_gives_a_kind_that_it_does_not_declare() -> None:
    for _, planted in PLANTED.values():
        view = View(validate(planted), TODAY)
        for rule, kinds in checks.RULES.items():
            assert {finding.id for finding in rule(view)} <= {kind.id for kind in kinds}, rule


def test_no_two_kinds_share_an_id_and_every_one_is_explained() -> None:
    declared = [*checks.ELSEWHERE, *(kind for kinds in checks.RULES.values() for kind in kinds)]
    assert len({kind.id for kind in declared}) == len(declared)
    for kind in policy.KINDS.values():
        assert len(kind.why) > 60
        assert not kind.title.endswith(".")


@pytest.mark.parametrize("capacity", get_args(NodePoolSpec.model_fields["capacity"].annotation))
def test_every_way_of_buying_can_be_checked(capacity: str) -> None:
    reservation = {"name": "cr-0123456789abcdef0", "zone": "us-east-1a"}
    bought = {"capacity": capacity} | ({"reservation": reservation} if capacity == "reserved" else {})
    told = found(stack(cluster=AWS, pools=[pool(**bought)])).get(("quota-at-max", "pools[0].maxNodes"))
    assert (told is None) is (capacity == "flex-start")  # which AWS does not have


def test_a_place_kept_warm_spares_the_next_replica_its_node() -> None:
    cold = found(production(replicas={"min": 1, "max": 4}))
    warm = found(production(replicas={"min": 1, "max": 4}, headroom=1))
    for kind in ("sole-replica", "slo-breach-on-step"):
        before, after = (each[kind, "models[0].replicas.min"].message for each in (cold, warm))
        assert _minutes(after) < _minutes(before)
    assert "node and image" not in warm["slo-breach-on-step", "models[0].replicas.min"].message


def _minutes(message: str) -> float:
    found = re.search(r"about ([\d.]+) minutes|for (\d+) of \d+ min", message)
    assert found
    return float(found[1] or found[2])


BREACH, UNREACHABLE = "slo-breach-on-step", "slo-unreachable"
SLO, LEAST = "models[0].slo.ttftP99Seconds", "models[0].replicas.min"


def test_the_breach_is_the_forecasts_own_and_the_advised_replicas_hold_its_step() -> None:
    raw = with_model(replicas={"min": 1, "max": 4})
    (foreseen,) = forecast(validate(raw))
    said = found(raw)[BREACH, LEAST].message
    assert _minutes(said) == round(foreseen.step.slo_breach_minutes)
    advised = int(re.findall(r"replicas\.min: (\d+) would hold it", said)[0])
    assert advised == foreseen.replicas_to_hold
    conditions = Conditions.of(validate(raw), validate(raw).models[0])
    for least, holds in ((advised, True), (advised - 1, False)):
        bounds = ReplicasSpec(min=least, max=4)
        ready = replace(conditions, model=conditions.model.model_copy(update={"replicas": bounds}))
        step = traces.step(conditions.model.replicas)
        assert (simulate(ready, step, engine_of(ready)).slo_breach_minutes == 0) is holds


def test_an_slo_below_the_unloaded_ttft_is_unreachable_and_no_breach_is_reported_beside_it() -> None:
    raw = with_model(replicas={"min": 1, "max": 4}, slo={"ttftP99Seconds": 0.25})
    (foreseen,) = forecast(validate(raw))
    said = found(raw)
    assert f"Unloaded TTFT P99 is {foreseen.ttft_unloaded:.2f} s: the 0.25 s SLO cannot" in str(
        said[UNREACHABLE, SLO]
    )
    assert said[UNREACHABLE, SLO].severity == "warning"
    assert (BREACH, LEAST) not in said


def test_an_slo_that_all_replicas_breach_under_load_is_unreachable_too() -> None:
    raw = with_model(replicas=ONE, engine={"maxNumSeqs": 8})
    (foreseen,) = forecast(validate(raw))
    assert foreseen.ttft_unloaded < foreseen.ttft_slo_seconds
    assert "with all replicas (replicas.max: 1)" in found(raw)[UNREACHABLE, SLO].message


def test_a_model_that_scales_from_zero_is_judged_by_the_replicas_that_come() -> None:
    raw = from_zero("External")
    assert forecast(validate(raw))[0].replicas_to_hold == 4
    assert "replicas.min: 4 would hold it" in found(raw)[BREACH, LEAST].message


def test_a_compressed_cluster_is_judged_in_real_seconds() -> None:
    fast = {"cloud": "local", "compression": 30}
    real = found(with_model(replicas={"min": 1, "max": 4}))
    compressed = found({**with_model(replicas={"min": 1, "max": 4}), "cluster": fast})
    assert compressed == real
    window = "models[0].scaling.scaleDown.stabilizationWindowSeconds"
    short = {"scaleDown": {"stabilizationWindowSeconds": 5}}
    said = found({**with_model(scaling=short), "cluster": fast})["window-shorter-than-start", window].message
    seconds = View(validate(stack()), TODAY)
    start = seconds.start_of(seconds.placed[0]).seconds
    assert said.startswith(f"5 s (as 150 s at compression 30), but a new replica takes about {start:.0f} s")


def test_zero_replicas_want_an_autoscaler_that_can_go_there() -> None:
    assert ("scale-to-zero", "models[0].replicas.min") in found(from_zero("External", "1.36"))
    unknown = found({**from_zero("External"), "cluster": GCP})
    assert unknown["scale-to-zero", "models[0].replicas.min"].severity == "warning"


def test_an_answer_that_no_drain_could_cover_is_said_to_be_one() -> None:
    served = model(
        sampling={"maxTokens": 262_144}, engine={"maxModelLen": 49_152}, drain={"finishSeconds": 3600}
    )
    finding = found(stack(models=[served]))["drain-shorter-than-answer", "models[0].drain.finishSeconds"]
    assert "an answer of 49152 tokens" in finding.message
    assert "3600 s is the maximum, so lower sampling.maxTokens to " in finding.message
    with pytest.raises(StackConfigError):
        validate(with_model(drain={"finishSeconds": lifecycle.LONGEST_DRAIN_SECONDS + 1}))


def test_a_drain_as_long_as_the_finding_says_is_long_enough() -> None:
    at = ("drain-shorter-than-answer", "models[0].drain.finishSeconds")
    said = found(with_model(sampling={"maxTokens": 4096}))[at].message
    seconds, tokens = map(int, re.findall(r"make it (\d+), or lower sampling.maxTokens to (\d+)", said)[0])
    for served, enough in (
        ({"sampling": {"maxTokens": 4096}, "drain": {"finishSeconds": seconds}}, True),
        ({"sampling": {"maxTokens": 4096}, "drain": {"finishSeconds": seconds - 1}}, False),
        ({"sampling": {"maxTokens": tokens}}, True),
        ({"sampling": {"maxTokens": tokens + 20}}, False),
    ):
        assert (at not in found(with_model(**served))) is enough, served


def test_the_embedded_kubernetes_is_the_one_that_is_built() -> None:
    module = Path(__file__).parents[2] / "fleet/embedded/tools/kubernetes/go.mod"
    built = re.search(r"k8s\.io/kubernetes v(\d+)\.(\d+)\.", module.read_text(encoding="utf-8"))
    assert built
    assert tuple(map(int, built.groups())) == facts.KUBERNETES


def test_a_secret_is_never_repeated() -> None:
    _, planted = PLANTED["secret-in-plain"]
    assert "hf_0123" not in "".join(map(str, found(planted).values()))


@pytest.mark.parametrize(
    ("section", "key"), [("apiKeys: {chat: s3cr3t}", "apiKeys.chat"), ("hubToken: s3cr3t", "hubToken")]
)
def test_a_secret_in_plain_text_in_the_file_is_refused_without_being_shown(
    tmp_path: Path, section: str, key: str
) -> None:
    path = tmp_path / "Pulumi.test.yaml"
    path.write_text(f"config:\n  elastic-vllm:cluster: {{cloud: local}}\n  elastic-vllm:{section}\n")
    with pytest.raises(StackConfigError) as refused:
        read_stack_file(path)
    (finding,) = refused.value.findings
    assert (finding.id, finding.key) == ("secret-in-plain", key)
    assert "s3cr3t" not in str(refused.value)


def test_the_page_of_findings_is_what_the_registry_says() -> None:
    assert findings_page.PATH.read_text(encoding="utf-8") == findings_page.text(), "run `make docs`"


def test_every_row_of_the_table_of_kinds_belongs_to_a_rule() -> None:
    table = Path(checks.__file__).parents[1] / "spec" / "kinds.yaml"
    assert set(yaml.safe_load(table.read_text())) == set(policy.KINDS)
