"""What exists: Qwen3-VL checkpoints, accelerators, and each cloud's machines with prices and times.

Data with sources, no opinions: whether a model fits a pool is for ``elastic_vllm/rules`` to say.
Imports no Pulumi.
"""

from elastic_vllm.catalog.choice import (
    CatalogueError,
    engine_seconds,
    machine_for,
    weights_seconds,
)
from elastic_vllm.catalog.regions import (
    default_zones,
    machine_in,
    nearest,
    offer,
    selling_zones,
    service_in,
    sold,
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
    SupportRow,
    TimingRow,
    ZonesRow,
)
from elastic_vllm.catalog.tables import (
    accelerators,
    clouds,
    cpu,
    efficiency,
    kubernetes_support,
    loading,
    machines,
    models,
    node_autoscaler,
    price_region,
    quotas,
    services,
    timing,
    vllm_metrics,
    zones,
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
    "SupportRow",
    "TimingRow",
    "ZonesRow",
    "accelerators",
    "boot_seconds",
    "clouds",
    "cpu",
    "default_zones",
    "efficiency",
    "engine_seconds",
    "image_pull_seconds",
    "kubernetes_support",
    "loading",
    "machine_for",
    "machine_in",
    "machines",
    "models",
    "nearest",
    "node_autoscaler",
    "offer",
    "price_region",
    "quotas",
    "selling_zones",
    "service_in",
    "services",
    "sold",
    "timing",
    "vllm_metrics",
    "weights_seconds",
    "zones",
]


def boot_seconds(cloud: CloudName) -> float:
    """Seconds from asking for a node until it registers; assumed: see ``timing(cloud).source``."""
    return timing(cloud).boot_seconds


def image_pull_seconds(cloud: CloudName) -> float:
    """Seconds to pull the vLLM image onto a new node; assumed, as above."""
    return timing(cloud).image_pull_seconds
