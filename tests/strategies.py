"""Hypothesis strategies for valid stacks, as the plain data of a stack file. Every draw passes every check.

Built forwards, never filtered: the machine first, then what fits on it.
"""

from math import ceil
from typing import Any

from hypothesis import strategies as st

from elastic_vllm.catalog import (
    CloudName,
    MachineRow,
    ModelRow,
    accelerators,
    machine_for,
    machines,
    models,
    selling_zones,
    sold,
)
from elastic_vllm.clouds.aws.image import DRIVER_BRANCH
from elastic_vllm.estimate.memory import fit, serving_of
from elastic_vllm.estimate.placement import SYSTEM_CPU_MILLIS, SYSTEM_MEMORY_MIB
from elastic_vllm.spec import EngineSpec, ModelSpec
from elastic_vllm.stack_file.config import StackConfig, parse

Raw = dict[str, object]

NAMES = st.from_regex(r"\A[a-z]([-a-z0-9]{0,10}[a-z0-9])?\Z")
UTILIZATION = 0.9
LEAST_CONTEXT = 1024


def _optional(**parts: st.SearchStrategy[object]) -> st.SearchStrategy[Raw]:
    """A section in which every key may be left out."""
    return st.fixed_dictionaries({}, optional=parts)


CLUSTERS = st.one_of(
    st.fixed_dictionaries(
        {"cloud": st.just("local"), "machines": st.sampled_from(["aws", "gcp"])},
        optional={"compression": st.floats(1, 100)},
    ),
    st.fixed_dictionaries(
        {"cloud": st.just("aws"), "region": st.sampled_from(["us-east-1", "us-gov-west-1"])}
    ),
    st.fixed_dictionaries(
        {"cloud": st.just("gcp"), "project": st.just("acme-inference"), "region": st.just("europe-west4")}
    ),
)

SAMPLING = _optional(temperature=st.floats(0, 2), topP=st.floats(0.01, 1), maxTokens=st.integers(1, 4096))
DRAIN = _optional(
    propagationSeconds=st.integers(2, 120),
    finishSeconds=st.integers(1, 3600),
    marginSeconds=st.integers(5, 300),
)
SLO = _optional(
    ttftP99Seconds=st.sampled_from([0.1, 0.5, 1, 10]),
    errorRate=st.floats(0.0001, 0.5),
    gpuUtilization=st.tuples(st.floats(0, 0.5), st.floats(0.6, 1)).map(list),
)
EXTRA_ARGS = st.lists(
    st.sampled_from(
        [
            ("--seed", "7"),
            ("--enable-prefix-caching",),
            ("--dtype=bfloat16",),
            ("-O3",),
            ("--mm-encoder-tp-mode", "data"),
        ]
    ),
    max_size=3,
).map(lambda groups: [word for group in groups for word in group])

STEPS = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["Pods", "Percent"]),
            "value": st.integers(1, 200),
            "periodSeconds": st.integers(1, 1800),
        }
    ),
    min_size=1,
    max_size=3,
)
BEHAVIORS = st.fixed_dictionaries(
    {"stabilizationWindowSeconds": st.integers(0, 3600), "policies": STEPS},
    optional={"selectPolicy": st.sampled_from(["Max", "Min", "Disabled"])},
)
_PER_POD: Raw = {"averageValue": "8"}
METRICS = st.one_of(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["Resource", "ContainerResource"]),
            "name": st.sampled_from(["cpu", "memory"]),
            "target": st.sampled_from([{"utilization": 70}, {"averageValue": "500m"}]),
        }
    ),
    st.fixed_dictionaries(
        {"type": st.just("Pods"), "name": st.just("queue"), "target": st.just(_PER_POD)},
        optional={"matchLabels": st.just({"model_name": "chat"})},
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("Object"),
            "name": st.just("rate"),
            "describedApiVersion": st.just("v1"),
            "describedKind": st.just("Service"),
            "describedName": st.just("chat"),
            "target": st.sampled_from([_PER_POD, {"value": "1.5k"}]),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("External"),
            "name": st.just("queue"),
            "target": st.sampled_from([_PER_POD, {"value": "3"}]),
        }
    ),
)
SCALING = st.one_of(
    _optional(
        preset=st.just("seed"),
        metrics=st.lists(METRICS, min_size=1, max_size=3),
        scaleUp=BEHAVIORS,
        scaleDown=st.one_of(BEHAVIORS, st.just({"stabilizationWindowSeconds": 15})),
    ),
    st.fixed_dictionaries(
        {
            "preset": st.none(),
            "metrics": st.lists(METRICS, min_size=1, max_size=2),
            "scaleUp": BEHAVIORS,
            "scaleDown": BEHAVIORS,
        }
    ),
)


def _context(row: ModelRow, machine: MachineRow, gpus: int, engines: int) -> int:
    """The most tokens that one request may have beside weights and activations."""
    gpu = accelerators()[machine.accelerator]
    engine = EngineSpec(gpu_memory_utilization=UTILIZATION)
    # Any: `fit` reads these three alone.
    read: dict[str, Any] = {
        "engine": engine,
        "gpus_per_replica": gpus * engines,
        "engines_per_replica": engines,
    }
    model = ModelSpec.model_construct(**read)
    return fit(row, gpu.memory_mib, serving_of(model, gpu)).longest


def _can_run(row: ModelRow, machine: MachineRow, gpus: int, engines: int) -> bool:
    whole_blocks = row.precision == "bf16" or row.moe or gpus in row.fp8_block_tp
    divides = row.attention_heads % gpus == 0
    return divides and whole_blocks and _context(row, machine, gpus, engines) > LEAST_CONTEXT


def _offered(machine: MachineRow) -> bool:
    """Sold, or not known to be missing, in the regions and default zones of ``CLUSTERS``."""
    if machine.cloud == "aws":
        return sold(machine, "us-east-1") is not False
    return "b" in (selling_zones(machine, "europe-west4") or "b")


@st.composite
def pools(draw: st.DrawFn, name: str, cloud: CloudName) -> tuple[Raw, MachineRow]:
    """A pool, and the machine it stands for."""
    drivable = {
        name for name, row in accelerators().items() if cloud == "gcp" or row.driver_branch <= DRIVER_BRANCH
    }
    usable = [row for row in machines(cloud).values() if row.accelerator in drivable and _offered(row)]
    machine = draw(st.sampled_from(sorted(usable, key=lambda row: row.name)))
    named = draw(st.booleans())
    raw: Raw = {"name": name, "accelerator": machine.accelerator, "gpusPerNode": machine.gpus}
    if named:
        raw["machine"] = machine.name
    taken = machine if named else machine_for(cloud, machine.accelerator, machine.gpus)
    if not taken.on_demand:
        raw["capacity"] = "spot"
    elif draw(st.booleans()):
        raw["capacity"] = draw(st.sampled_from(["on-demand", "spot", "spot-then-on-demand"]))
    return raw, taken


@st.composite
def served(draw: st.DrawFn, name: str, pool: Raw, machine: MachineRow) -> tuple[Raw, int]:
    """A model that fits one node of the pool, and the nodes that its least replicas take."""
    gpus = draw(st.sampled_from([n for n in (1, 2, 4, 8) if n <= machine.gpus]))
    engines = draw(st.sampled_from([n for n in (1, 2, 4, 8) if n <= gpus]))
    shared = gpus // engines
    row = draw(st.sampled_from([row for row in models().values() if _can_run(row, machine, shared, engines)]))
    per_node = draw(st.integers(1, machine.gpus // gpus))
    cpu = int((machine.allocatable_cpu_millis - SYSTEM_CPU_MILLIS) / per_node / 500) / 2
    memory = int((machine.allocatable_memory_mib - SYSTEM_MEMORY_MIB) / per_node / 1024)
    least = draw(st.integers(1, 5))
    engine: Raw = {
        "gpuMemoryUtilization": UTILIZATION,
        "maxModelLen": draw(
            st.integers(LEAST_CONTEXT, min(262_144, _context(row, machine, shared, engines)))
        ),
    }
    if draw(st.booleans()):
        engine["tensorParallel"] = shared
    engine["extraArgs"] = draw(EXTRA_ARGS)
    optional = {
        "sampling": SAMPLING,
        "scaling": SCALING,
        "drain": DRAIN,
        "slo": SLO,
        "requireApiKey": st.booleans(),
        "startupBudgetSeconds": st.integers(60, 14_400),
    }
    raw: Raw = {
        "name": name,
        "checkpoint": row.name,
        "pool": pool["name"],
        "gpusPerReplica": gpus,
        "enginesPerReplica": engines,
        "engine": engine,
        "resources": {"cpu": min(cpu, 192), "memoryGib": min(memory, 4096), "shmGib": 1},
        "replicas": {"min": least, "max": draw(st.integers(least, 12))},
        **draw(st.fixed_dictionaries({}, optional=optional)),
    }
    return raw, ceil(least / per_node)


@st.composite
def raw_stacks(draw: st.DrawFn, least_models: int = 0) -> Raw:
    """The sections of a valid stack file, as YAML or JSON would give them."""
    cluster = draw(CLUSTERS)
    cloud: CloudName = "gcp" if "gcp" in (cluster["cloud"], cluster.get("machines")) else "aws"
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    shapes = [draw(pools(name, cloud)) for name in names]
    needed = [0] * len(shapes)
    declared = []
    for name in draw(st.lists(NAMES, min_size=least_models, max_size=3, unique=True)):
        index = draw(st.integers(0, len(shapes) - 1))
        model, nodes = draw(served(name, *shapes[index]))
        needed[index] += nodes
        declared.append(model)
    for (pool, _), nodes in zip(shapes, needed, strict=True):
        pool["maxNodes"] = nodes + draw(st.integers(0 if nodes else 1, 5))
        pool["minNodes"] = draw(st.integers(0, 1))
    raw: Raw = {"cluster": cluster, "pools": [pool for pool, _ in shapes], "models": declared}
    if cluster["cloud"] != "gcp" and draw(st.booleans()):  # GKE's own autoscaler has neither
        raw["autoscaler"] = {"consolidation": "when-underutilized", "consolidateAfterSeconds": 30}
    if draw(st.booleans()):
        raw["environment"] = draw(st.sampled_from(["development", "production"]))
    if draw(st.booleans()):
        budget = {"maxPriceAgeDays": draw(st.integers(1, 1000))}
        if all(machine.usd_per_hour for _, machine in shapes):
            raw["budget"] = budget | {"maxHourlyUsd": 1e6}
    if draw(st.booleans()):
        raw["namespace"] = draw(NAMES.filter(lambda name: name != "default" and not name.startswith("kube-")))
    return raw


def stacks(least_models: int = 0) -> st.SearchStrategy[StackConfig]:
    """Any valid stack."""
    return raw_stacks(least_models).map(parse)
