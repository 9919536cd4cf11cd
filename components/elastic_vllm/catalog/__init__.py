"""What exists: Qwen3-VL checkpoints, accelerators, and each cloud's machines with prices and times.

Data with sources, no opinions: whether a model fits a pool is for ``elastic_vllm/rules`` to say.
Imports no Pulumi.
"""

from elastic_vllm.catalog.choice import (
    CatalogueError,
    engine_seconds,
    machine_for,
    offer,
    weights_seconds,
)
from elastic_vllm.catalog.rows import (
    HOURS_PER_MONTH,
    AcceleratorRow,
    CloudName,
    Counted,
    CpuRow,
    Efficiency,
    LoadingRow,
    MachineRow,
    ModelRow,
    OfferRow,
    Purchase,
    QuotaRow,
    ServiceRow,
    TimingRow,
)
from elastic_vllm.catalog.tables import (
    accelerators,
    clouds,
    cpu,
    efficiency,
    loading,
    machines,
    models,
    node_autoscaler,
    quotas,
    services,
    timing,
    vllm_metrics,
)

__all__ = [
    "HOURS_PER_MONTH",
    "AcceleratorRow",
    "CatalogueError",
    "CloudName",
    "Counted",
    "CpuRow",
    "Efficiency",
    "LoadingRow",
    "MachineRow",
    "ModelRow",
    "OfferRow",
    "Purchase",
    "QuotaRow",
    "ServiceRow",
    "TimingRow",
    "accelerators",
    "boot_seconds",
    "clouds",
    "cpu",
    "efficiency",
    "engine_seconds",
    "image_pull_seconds",
    "loading",
    "machine_for",
    "machines",
    "models",
    "node_autoscaler",
    "offer",
    "quotas",
    "services",
    "timing",
    "vllm_metrics",
    "weights_seconds",
]


def boot_seconds(cloud: CloudName) -> float:
    """Seconds from asking for a node until it registers; assumed: see ``timing(cloud).source``."""
    return timing(cloud).boot_seconds


def image_pull_seconds(cloud: CloudName) -> float:
    """Seconds to pull the vLLM image onto a new node; assumed, as above."""
    return timing(cloud).image_pull_seconds
