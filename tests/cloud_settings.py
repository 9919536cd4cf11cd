"""Stack files that try every setting of clusters, pools and node autoscalers, drawn from the JSON schema.

A section is what its schema allows, so that a new key or value is tried without a change here. Rules between
keys are broken as often as they are kept: the program has to say so, and nothing else.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

from elastic_vllm.catalog import CloudName, machines
from elastic_vllm.spec.stack import StackConfig
from tests.strategies import Raw

_SCHEMA = StackConfig.model_json_schema(by_alias=True)
_ZONES = st.sampled_from(["eu-central-1a", "eu-central-1b", "europe-west4-b", "europe-west4-c"])
_LONGEST = 6
"""Items of a list, and more than any list may have."""
_BY_HAND: Mapping[str, st.SearchStrategy[Any]] = {
    "tags": st.sampled_from([{}, {"team": "vision"}, {"aws:team": "vision"}]),
    "compression": st.sampled_from([1, 30]),
    "reservation.zone": _ZONES,
    "controlPlaneZone": st.sampled_from(["europe-west4-b", "europe-west4-c"]),
    "reservation.name": st.sampled_from(["cr-0123456789abcdef0", "ours"]),
    "name": st.one_of(st.sampled_from(["l4", "a"]), st.integers(20, 40).map(lambda length: "p" * length)),
    "minNodes": st.integers(0, 3),
    "maxNodes": st.integers(1, 4),
    "kubernetes": st.sampled_from(["1.29", "1.34", "1.36", "1.40"]),
}
"""Keys whose schema allows far more than anybody would write."""


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    named = schema.get("$ref", "").rpartition("/")[2]
    return _SCHEMA["$defs"][named] if named else schema


def _choices(schema: Mapping[str, Any]) -> st.SearchStrategy[Any] | None:
    """A value where the schema lists them, or alternatives."""
    for key in ("enum", "examples"):
        if key in schema:
            return st.sampled_from(schema[key])
    if "const" in schema:
        return st.just(schema["const"])
    if options := schema.get("anyOf", schema.get("oneOf")):
        return st.one_of([drawn(option) for option in options])
    return None


def drawn(schema: Mapping[str, Any], key: str = "") -> st.SearchStrategy[Any]:
    """Values of a schema; ``key`` is the path of the section that it describes."""
    schema = _resolved(schema)
    chosen = _choices(schema)
    if chosen is not None:
        return chosen
    kinds: Mapping[str, Callable[[], st.SearchStrategy[Any]]] = {
        "object": lambda: section(schema, key),
        "array": lambda: st.lists(drawn(schema["items"]), max_size=_LONGEST),
        "boolean": st.booleans,
        "integer": lambda: st.integers(schema.get("minimum", 0), schema.get("maximum", 1000)),
        "string": lambda: st.from_regex(schema.get("pattern", r"[ -~]{0,8}"), fullmatch=True),
        "null": st.none,
    }
    return kinds[schema["type"]]()


def section(schema: Mapping[str, Any], key: str = "") -> st.SearchStrategy[Raw]:
    """A section with every required key and any of the others."""
    values = {}
    for name, inner in schema["properties"].items():
        path = f"{key}.{name}".strip(".")
        values[name] = _BY_HAND[path] if path in _BY_HAND else drawn(inner, path)
    required = schema.get("required", ())
    return st.fixed_dictionaries(
        {name: value for name, value in values.items() if name in required},
        optional={name: value for name, value in values.items() if name not in required},
    )


def _section(reference: str) -> st.SearchStrategy[Raw]:
    return section(_resolved({"$ref": reference}))


_SECTION_OF = {
    cloud: kind.rpartition("/")[2]
    for cloud, kind in _SCHEMA["properties"]["cluster"]["discriminator"]["mapping"].items()
}
CLUSTERS = st.one_of([_section(kind) for kind in _SECTION_OF.values()])
POOLS, AUTOSCALERS = _section("NodePoolSpec"), _section("NodeAutoscalingSpec")
RESERVATIONS = st.fixed_dictionaries(
    {"name": _BY_HAND["reservation.name"], "zone": _ZONES}, optional={"block": st.booleans()}
)


MACHINES = {"aws": ["m7i.large", "m7g.metal"], "gcp": ["e2-standard-4", "n2-custom-4-8192"]}
"""Without GPUs; the second of each has no price in the catalogue, or vCPUs that its name does not tell."""


@st.composite
def _clusters(draw: st.DrawFn) -> Raw:
    """A cluster with any of its keys; ranges that overlap, and another cloud's machine, are rare."""
    cluster = draw(CLUSTERS)
    if draw(st.integers(0, 3)):
        cluster.pop("network", None)
    if "systemMachine" in cluster:
        cluster["systemMachine"] = draw(st.sampled_from(MACHINES[str(cluster["cloud"])]))
    return cluster


@st.composite
def _pools(draw: st.DrawFn, cloud: CloudName) -> Raw:
    """A pool on a machine of the cloud, named or not. One in ten contradicts itself on its reservation."""
    row = draw(st.sampled_from([*machines(cloud).values()]))
    pool = {**draw(POOLS), "accelerator": row.accelerator, "gpusPerNode": row.gpus}
    if "zones" in pool:
        pool["zones"] = draw(st.lists(_ZONES, max_size=2))
    if "machine" in pool:
        pool["machine"] = row.name
    if "machines" in pool:
        alike = [
            each.name
            for each in machines(cloud).values()
            if (each.accelerator, each.gpus) == (row.accelerator, row.gpus)
        ]
        pool["machines"] = alike[: draw(st.integers(0, len(alike)))][:_LONGEST]
        if pool["machines"] and draw(st.integers(0, 9)):
            pool.pop("machine", None)
    if draw(st.integers(0, 9)):
        pool.pop("reservation", None)
        if pool.get("capacity") == "reserved":
            pool["reservation"] = draw(RESERVATIONS)
    return pool


@st.composite
def raw_settings(draw: st.DrawFn) -> Raw:
    """The sections of a stack file: any cluster, one or two pools of it, one small model."""
    cluster = draw(_clusters())
    cloud: CloudName = "gcp" if "gcp" in (cluster["cloud"], cluster.get("machines")) else "aws"
    pools = draw(st.lists(_pools(cloud), min_size=1, max_size=2, unique_by=lambda pool: str(pool["name"])))
    model = {
        "name": "chat",
        "checkpoint": "Qwen/Qwen3-VL-2B-Instruct",
        "pool": pools[0]["name"],
        "replicas": {"min": 1, "max": draw(st.integers(1, 2))},
        "resources": {"cpu": 1, "memoryGib": 6, "shmGib": 1},
        "engine": {"maxModelLen": 8192},
    }
    raw: Raw = {"cluster": cluster, "pools": pools, "models": [model]}
    return raw | ({"autoscaler": draw(AUTOSCALERS)} if draw(st.booleans()) else {})


def sections(raw: Raw) -> Iterator[tuple[str, dict[str, Any]]]:
    """The sections of a stack file that are drawn here, by the name of their type; nested ones too."""
    cluster: Any = raw["cluster"]
    yield _SECTION_OF[cluster["cloud"]], cluster
    if cluster["cloud"] == "aws":
        yield "AwsNetwork", cluster.setdefault("network", {})
    pools: Any = raw["pools"]
    yield from (("NodePoolSpec", pool) for pool in pools)
    autoscaler: Any = raw.setdefault("autoscaler", {})
    yield "NodeAutoscalingSpec", autoscaler


def listed(name: str) -> Iterator[tuple[str, object]]:
    """Every value that the schema lists for a key of this section."""
    for key, inner in _SCHEMA["$defs"][name]["properties"].items():
        yield from ((key, value) for value in _resolved(inner).get("enum", ()))
