"""The catalogue's rows as types. Reads no file; a row that lacks its source or has a stray key is refused."""

from collections.abc import Mapping
from datetime import date
from typing import Literal, Self

from pydantic import Field, model_validator

from elastic_vllm.catalog.grounds import Data, Figure, Grounded

CloudName = Literal["aws", "gcp"]
"""The clouds that have machines: each folder of ``clouds`` with a ``catalogue.yaml``."""
Precision = Literal["bf16", "fp8"]
Purchase = Literal["on-demand", "spot", "reserved", "flex-start"]
"""How one machine is bought."""
Counted = Literal["machines", "addresses", "vCPUs", "GPUs", "local disk GB", "boot disk GB", "hyperdisk GB"]

HOURS_PER_MONTH = 730
"""What clouds take for a month."""


class Row(Data):
    """What every row carries: where its figures come from, when they held, and whether they are estimates."""

    source: str = Field(min_length=12)
    """A public citation, or the word *assumed* with what was assumed."""
    as_of: date
    estimated: bool = False
    """Some figure of this row was computed or fitted rather than read from its source."""


class SizeRow(Row):
    """What one size's architecture decides, alike for every checkpoint of it."""

    layers: int = Field(gt=0)
    hidden_size: int = Field(gt=0)
    intermediate_size: int = Field(gt=0)
    """Width of the feed-forward layer; of one expert in a mixture."""
    experts: int = Field(default=1, ge=1)
    """In each layer; 1 for a dense model."""
    experts_per_token: int = Field(default=1, ge=1)
    vision_params_b: float = Field(gt=0)
    """Parameters of the vision tower, in bf16 at every precision. Estimated from its configuration."""
    attention_heads: int = Field(gt=0)
    kv_heads: int = Field(gt=0)
    head_dim: int = Field(gt=0)
    params_b: float = Field(gt=0)
    active_params_b: float = Field(gt=0)
    """Parameters used for each token; equal to ``params_b`` for a dense model."""
    moe: bool
    kv_bytes_per_token: int = Field(gt=0)
    """Of the whole model in bf16; an FP8 KV cache takes half."""
    valid_tp: tuple[int, ...] = Field(min_length=1)
    """Tensor-parallel sizes that divide the attention heads."""
    fp8_block_tp: tuple[int, ...] = Field(min_length=1)
    """Tensor-parallel sizes at which every FP8 shard is a whole number of 128-wide blocks."""


class ModelRow(SizeRow):
    """One checkpoint on the hub: an architecture at a precision."""

    name: str
    size: str
    precision: Precision
    weights_gb: float = Field(gt=0)
    """Decimal gigabytes of weights at this precision."""

    def kv_bytes_on_each(self, gpus: int, nodes: int, width: float) -> float:
        """KV cache of one token, of values ``width`` bytes wide, on each of these GPUs of a node.

        Nodes share the layers, GPUs of a node the KV heads; beyond those it is replicated, not divided.
        """
        return self.kv_bytes_per_token / 2 * width / (min(gpus, self.kv_heads) * nodes)

    @property
    def experts_gb(self) -> float:
        """What of the weights are experts, each three matrices; nothing of a dense model."""
        if not self.moe:
            return 0.0
        each = 3 * self.hidden_size * self.intermediate_size * (1 if self.precision == "fp8" else 2)
        return self.layers * self.experts * each / 1e9


class Peak(Grounded):
    """The highest rates of one GPU."""

    gigabytes_per_second: float = Field(gt=0)
    tflops: float = Field(gt=0)
    fp8_tflops: float | None
    """``None`` without FP8 multiply in hardware: FP8 checkpoints compute at the BF16 rate (Marlin)."""
    interconnect: Literal["pcie", "nvlink"]


class Efficiency(Data):
    """The share of those rates that an engine reaches."""

    memory_efficiency: Figure
    compute_efficiency: Figure
    step_overhead_seconds: Figure
    pcie_scaling: Figure
    nvlink_scaling: Figure

    def scaling(self, peak: Peak) -> Figure:
        """What each doubling of GPUs that share every layer leaves of twice the speed."""
        return self.nvlink_scaling if peak.interconnect == "nvlink" else self.pcie_scaling


class AcceleratorRow(Row):
    """One GPU model, by its neutral name."""

    name: str
    title: str
    memory_mib: int = Field(gt=0)
    compute_capability: str = Field(pattern=r"^\d+\.\d$")
    start_seconds: float = Field(gt=0)
    """Process start, compilation and graph capture of a replica, weights aside. Assumed."""
    nearest: tuple[str, ...] = Field(min_length=1)
    """What to take where a cloud lacks this one, best first."""
    peak: Peak
    driver_branch: int = 0
    """The oldest branch of NVIDIA's driver for it, where that is newer than CUDA's own minimum."""
    small_default_batch: bool = False
    """vLLM's default batch is that of a small GPU, whatever its memory is."""

    @property
    def fp8_compute(self) -> bool:
        """FP8 matrix multiply in hardware; without it FP8 checkpoints run weight-only (Marlin)."""
        return self.peak.fp8_tflops is not None


class MachineRow(Row):
    """One machine type of one cloud: a whole number of one accelerator, and what surrounds it."""

    name: str
    cloud: CloudName
    accelerator: str
    accelerator_type: str | None = None
    """The cloud's own name of the GPU, where node labels carry it."""
    gpus: Literal[1, 2, 4, 8]
    cpu: int = Field(gt=0)
    memory_mib: int = Field(gt=0)
    allocatable_cpu_millis: int = Field(gt=0)
    allocatable_memory_mib: int = Field(gt=0)
    max_pods: int = Field(gt=0)
    local_disk_gb: int = Field(default=0, ge=0)
    local_disk_extra: bool = False
    """Whether the local disk is billed beside the machine."""
    boot_disk: str | None = None
    """The cloud's name of the boot disk's kind, where it decides what is asked for and billed."""
    quota_family: str
    """By what ``families`` of the cloud's quotas it counts."""
    network_mbps: int | None = None
    usd_per_hour: float | None = Field(gt=0)
    """On demand in ``price_region``; ``None`` where no price was found."""
    price_region: str
    spot_factor: float = Field(gt=0, le=1)
    """Planning share of the on-demand price that a Spot machine costs."""
    spot_range: tuple[float, float] | None = None
    """Lowest and highest share that a source has for the region; ``None`` where the factor is assumed."""
    on_demand: bool = True
    """Whether it can be had on demand at all, by the source's word."""


class ServiceRow(Row):
    """One thing that a cloud bills beside GPU machines, by the unit that ``title`` names."""

    name: str
    title: str
    usd: float = Field(ge=0)
    per: Literal["hour", "month"]
    price_region: str
    everywhere: bool = False
    """Whether the price is the same in all regions."""

    @property
    def usd_per_hour(self) -> float:
        """The price of one unit for an hour."""
        return self.usd if self.per == "hour" else self.usd / HOURS_PER_MONTH


class TimingRow(Row):
    """How long a cloud takes to bring a node. Assumed figures say so in ``source``."""

    boot_seconds: float = Field(ge=0)
    """From asking for a node until it registers."""
    image_pull_seconds: float = Field(ge=0)
    """Pulling the vLLM image onto a node that has never had it."""


class RegionOffer(Data):
    """What one region sells of a family, and for how much."""

    factor: float | None = Field(default=None, gt=0)
    """Its price on demand by that of the price region; ``None`` where the price there is not known."""
    zones: str = ""
    """The ends of the names of the zones that have it; empty where they are not known."""
    spot: tuple[float, ...] = Field(default=(), max_length=3)
    """Shares of the price on demand that Spot costs: lowest, middle, highest, or the one that holds."""

    @model_validator(mode="after")
    def _shares_rise(self) -> Self:
        if list(self.spot) != sorted(self.spot) or not all(0 < share <= 1 for share in self.spot):
            raise ValueError(f"spot {self.spot} is no rising row of shares between 0 and 1")
        return self


class OfferRow(Row):
    """Where things of one family are sold, and by what factor prices differ there."""

    name: str
    """The start of their names."""
    asked: tuple[str, ...] = ()
    """The regions that the source lists: one of these that is not in ``regions`` does not sell them."""
    regions: Mapping[str, RegionOffer]


class ZonesRow(Row):
    """The zones of one region, by their letters."""

    name: str
    letters: str = Field(min_length=1)
    each: int | None = None
    """How many of them one account sees, where it is fewer."""
    control_plane: str = ""
    """Letters of zones that the cloud refuses for the control plane."""

    @property
    def default(self) -> str:
        """The first three letters; none where every account sees others."""
        return "" if self.each else self.letters[:3]


class SupportRow(Row):
    """Until when a cloud supports one minor version of Kubernetes."""

    name: str
    standard_until: date
    extended_until: date


class CpuRow(Row):
    """What keeps the CPU of a replica busy, in cores. Assumed, but for the busy loop of the engine."""

    idle_cores: float = Field(ge=0)
    engine_cores: float = Field(gt=0)
    """The engine's busy loop, whenever a request is in flight; it is no measure of how many are."""
    worker_cores: float = Field(ge=0)
    """Of each worker process beside the engine's."""
    api_cores: float = Field(ge=0)
    """The API server of a replica at its capacity."""

    def trickle(self, workers: int, engines: int = 1) -> float:
        """Cores with a single request in flight in each engine."""
        return self.idle_cores + self.engine_cores * engines + self.worker_cores * workers

    def busy(self, workers: int, engines: int = 1) -> float:
        """Cores with as many requests as a replica serves; its API server is one process."""
        return self.trickle(workers, engines) + min(self.api_cores * engines, 1.0)


class QuotaRow(Row):
    """One limit that a cloud sets on what an account may run at once in a region."""

    name: str
    """The cloud's code of it, or what its console finds it by."""
    title: str
    families: tuple[str, ...] = ()
    """The ``quota_family`` of the machines that count; every machine where left out."""
    buys: tuple[Purchase, ...] = Field(min_length=1)
    """The ways of buying that count against it."""
    counts: Counted
    """What is counted of each machine."""


class LoadingRow(Row):
    """How long a replica takes from container start to Ready, apart from what its accelerator decides."""

    read_gb_per_second: float = Field(gt=0)
    """Weights by vLLM's own loader, file after file; what the streaming loader is compared with."""
    seconds_per_extra_gpu: float = Field(ge=0)
    stream_gb_per_second: float = Field(gt=0)
    """Weights by a streaming loader, where the network is no slower."""
    compile_share: float = Field(ge=0, le=1)
    """Of ``start_seconds``, what a kept compile cache spares."""
