"""The catalogue's machines in the form that Karpenter's kwok provider reads.

Format: https://github.com/kubernetes-sigs/karpenter/blob/main/kwok/README.md
"""

import json
from typing import Any

from elastic_vllm import catalog
from elastic_vllm.catalog import MachineRow
from elastic_vllm.estimate.cost import bought, machine_rates

ZONES = ("zone-a", "zone-b", "zone-c")
"""Simulated zones; spread constraints have something to spread over."""
_RESERVED_CPU_MILLIS = 100
_RESERVED_MEMORY_MIB = 10
"""What the provider subtracts for the kubelet from every machine; added here, so that a node's allocatable is
the catalogue's."""


def render() -> str:
    """Every machine of every catalogue, as JSON; the same text for the same catalogue."""
    rows = [row for cloud in catalog.clouds() for row in catalog.machines(cloud).values()]
    return json.dumps([_machine(row) for row in rows], indent=1, sort_keys=True)


def _machine(row: MachineRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "architecture": "amd64",
        "operatingSystems": ["linux"],
        "resources": {
            "cpu": f"{row.allocatable_cpu_millis + _RESERVED_CPU_MILLIS}m",
            "memory": f"{row.allocatable_memory_mib + _RESERVED_MEMORY_MIB}Mi",
            "nvidia.com/gpu": str(row.gpus),
            "ephemeral-storage": "200Gi",
            "pods": str(row.max_pods),
        },
        # One pool, one machine shape: price only orders Spot before on-demand. Unpriced ones count as free.
        "offerings": [
            {
                "Price": bought(machine_rates(row), capacity),
                "Available": True,
                "Requirements": [
                    _in("karpenter.sh/capacity-type", capacity),
                    _in("topology.kubernetes.io/zone", zone),
                ],
            }
            for capacity in ("on-demand", "spot")
            for zone in ZONES
        ],
    }


def _in(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "operator": "In", "values": [value]}
