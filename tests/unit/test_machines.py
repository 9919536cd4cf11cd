"""Karpenter's machines are the catalogue's: what pods may use of them, and what they cost."""

import json
from typing import Any

import pytest

from elastic_vllm import catalog
from fleet.embedded import machines

RESERVED_CPU_MILLIS = 100
RESERVED_MEMORY_MIB = 10
"""What Karpenter's kwok provider takes off every machine for the kubelet (kwok/cloudprovider/helpers.go)."""


def rendered() -> dict[str, Any]:
    return {machine["name"]: machine for machine in json.loads(machines.render())}


ROWS = [row for cloud in ("aws", "gcp") for row in catalog.machines(cloud).values()]


def test_the_same_catalogue_is_the_same_text() -> None:
    assert machines.render() == machines.render()


def test_every_machine_is_there_once() -> None:
    names = [machine["name"] for machine in json.loads(machines.render())]
    assert sorted(names) == sorted(row.name for row in ROWS)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_the_provider_leaves_over_is_what_the_catalogue_says_pods_may_use(
    row: catalog.MachineRow,
) -> None:
    resources = rendered()[row.name]["resources"]
    assert int(resources["cpu"].removesuffix("m")) - RESERVED_CPU_MILLIS == row.allocatable_cpu_millis
    assert int(resources["memory"].removesuffix("Mi")) - RESERVED_MEMORY_MIB == row.allocatable_memory_mib
    assert resources["nvidia.com/gpu"] == str(row.gpus)
    assert resources["pods"] == str(row.max_pods)


def price(machine: Any, capacity: str) -> set[float]:
    wanted = {"key": "karpenter.sh/capacity-type", "operator": "In", "values": [capacity]}
    return {offer["Price"] for offer in machine["offerings"] if wanted in offer["Requirements"]}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_spot_is_cheaper_than_on_demand_at_the_catalogues_price(row: catalog.MachineRow) -> None:
    machine = rendered()[row.name]
    (spot,), (on_demand,) = price(machine, "spot"), price(machine, "on-demand")
    assert on_demand == (row.usd_per_hour or 0)
    assert spot < on_demand or row.usd_per_hour is None


def test_every_machine_may_come_in_every_zone() -> None:
    for machine in rendered().values():
        zones = [
            requirement["values"][0]
            for offer in machine["offerings"]
            for requirement in offer["Requirements"]
            if requirement["key"] == "topology.kubernetes.io/zone"
        ]
        assert sorted(zones) == sorted(machines.ZONES * 2)
