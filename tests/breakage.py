"""Ways to break one key of a valid stack, each knowing the path it breaks: cluster and pools."""

import copy
import itertools
import math
from collections.abc import Callable

from elastic_vllm.catalog import CloudName, accelerators, machines
from tests.strategies import Raw

Break = Callable[[Raw, int, int], str]
"""Breaks one key of a stack, in pool ``p`` or model ``m`` where it lies in one, and returns its path."""
OPERATORS: dict[str, Break] = {}


def operator(function: Break) -> Break:
    OPERATORS[getattr(function, "__name__", "")] = function
    return function


def section_at(raw: object, *path: str | int) -> dict[object, object]:
    """The section at a path, made where it is missing."""
    for part in path:
        if isinstance(raw, dict):
            raw = raw.setdefault(part, {})
        elif isinstance(raw, list) and isinstance(part, int):
            raw = raw[part]
    assert isinstance(raw, dict)
    return raw


def items_of(raw: Raw, section: str) -> list[dict[object, object]]:
    items = raw[section]
    assert isinstance(items, list)
    return items


def bad_values(section: str, path: str, *values: object) -> Break:
    """Puts bad values at a key of a pool or model, one after the other."""
    turn = itertools.cycle(values)

    def broken(raw: Raw, p: int, m: int) -> str:
        index = p if section == "pools" else m
        *parents, key = path.split(".")
        section_at(raw, section, index, *parents)[key] = copy.deepcopy(next(turn))
        return f"{section}[{index}].{path}"

    return broken


def cloud_of(raw: Raw) -> CloudName:
    cluster = section_at(raw, "cluster")
    return "gcp" if "gcp" in (cluster["cloud"], cluster.get("machines")) else "aws"


def pool_of(raw: Raw, m: int) -> dict[object, object]:
    wanted = items_of(raw, "models")[m]["pool"]
    return next(pool for pool in items_of(raw, "pools") if pool["name"] == wanted)


@operator
def a_misspelt_section(raw: Raw, p: int, m: int) -> str:
    raw["poolz"] = raw.pop("pools")
    return "poolz"


@operator
def a_missing_section(raw: Raw, p: int, m: int) -> str:
    del raw["cluster"]
    return "cluster"


@operator
def a_section_that_is_a_bare_word(raw: Raw, p: int, m: int) -> str:
    raw["cluster"] = "local"
    return "cluster"


@operator
def no_pools_at_all(raw: Raw, p: int, m: int) -> str:
    raw["pools"] = []
    return "pools"


@operator
def an_unknown_cloud_of(raw: Raw, p: int, m: int) -> str:
    section_at(raw, "cluster")["cloud"] = "azure"
    return "cluster.cloud"


@operator
def a_cluster_without_its_cloud_of(raw: Raw, p: int, m: int) -> str:
    del section_at(raw, "cluster")["cloud"]
    return "cluster.cloud"


@operator
def a_key_of_another_cloud_of(raw: Raw, p: int, m: int) -> str:
    key = "compression" if section_at(raw, "cluster")["cloud"] != "local" else "region"
    section_at(raw, "cluster")[key] = 8
    return f"cluster.{key}"


@operator
def a_namespace_of_the_system(raw: Raw, p: int, m: int) -> str:
    raw["namespace"] = ["kube-system", "default"][(p + m) % 2]
    return "namespace"


@operator
def a_misspelt_key_of_a_pool(raw: Raw, p: int, m: int) -> str:
    pool = items_of(raw, "pools")[p]
    pool["maxNode"] = pool.pop("maxNodes")
    return f"pools[{p}].maxNode"


@operator
def a_key_in_snake_case(raw: Raw, p: int, m: int) -> str:
    pool = items_of(raw, "pools")[p]
    pool["max_nodes"] = pool.pop("maxNodes")
    return f"pools[{p}].max_nodes"


@operator
def a_key_that_is_not_text(raw: Raw, p: int, m: int) -> str:
    items_of(raw, "pools")[p][5] = "five"
    return f"pools[{p}][5]"


@operator
def a_pool_that_is_a_bare_word(raw: Raw, p: int, m: int) -> str:
    raw["pools"] = [pool if index != p else "l4" for index, pool in enumerate(items_of(raw, "pools"))]
    return f"pools[{p}]"


@operator
def a_missing_key_of_a_pool(raw: Raw, p: int, m: int) -> str:
    del items_of(raw, "pools")[p]["maxNodes"]
    return f"pools[{p}].maxNodes"


@operator
def a_second_pool_of_the_same_name(raw: Raw, p: int, m: int) -> str:
    items_of(raw, "pools").append(copy.deepcopy(items_of(raw, "pools")[p]))
    return f"pools[{len(items_of(raw, 'pools')) - 1}].name"


@operator
def bounds_of_nodes_crossed(raw: Raw, p: int, m: int) -> str:
    items_of(raw, "pools")[p] |= {"minNodes": 7, "maxNodes": 6}
    return f"pools[{p}].minNodes"


@operator
def an_accelerator_that_the_cloud_lacks(raw: Raw, p: int, m: int) -> str:
    cloud = cloud_of(raw)
    had = {row.accelerator for row in machines(cloud).values()}
    lacking = [name for name in accelerators() if name not in had]
    if not lacking:  # AWS has them all
        section_at(raw).update(cluster={"cloud": "local", "machines": "gcp"}, models=[])
        lacking = ["a10g"]
    pool = items_of(raw, "pools")[p]
    pool.pop("machine", None)
    pool["accelerator"] = lacking[m % len(lacking)]
    return f"pools[{p}].accelerator"


@operator
def a_machine_with_other_gpus(raw: Raw, p: int, m: int) -> str:
    cloud = cloud_of(raw)
    pool = items_of(raw, "pools")[p]
    others = [row.name for row in machines(cloud).values() if row.accelerator != pool["accelerator"]]
    pool["machine"] = others[m % len(others)]
    return f"pools[{p}].machine"


OPERATORS |= {
    "a_pool_name_of_a_wrong_form": bad_values("pools", "name", "Upper", "with space", "", "-l4", "a" * 41, 7),
    "an_unknown_accelerator": bad_values("pools", "accelerator", "a10", "A10G", "", None, 4),
    "three_gpus": bad_values("pools", "gpusPerNode", 3, True, "2", 16, 0),
    "an_unknown_machine": bad_values("pools", "machine", "g5.tiny", "", 5),
    "a_node_count_out_of_bounds": bad_values("pools", "maxNodes", 0, -1, 10**30, 1.5, math.inf, "3", True),
    "an_unknown_capacity": bad_values("pools", "capacity", "Spot", "cheap", None),
}
