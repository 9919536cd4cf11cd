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
    Efficiency,
    MachineRow,
    ModelRow,
    Purchase,
    QuotaRow,
    ServiceRow,
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
    "Efficiency",
    "MachineRow",
    "ModelRow",
    "Purchase",
    "QuotaRow",
    "ServiceRow",
    "accelerators",
    "clouds",
    "cpu",
    "efficiency",
    "engine_seconds",
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
