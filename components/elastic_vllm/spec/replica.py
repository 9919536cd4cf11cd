"""What a model asks of its replicas: how they answer, how many they are, what each gets, and how it goes."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from elastic_vllm.section import Section, config_error

TTFT_EDGES_SECONDS = (0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Bucket edges of vLLM's histogram of time to first token; between two of them nothing can be judged."""


def _on_an_edge(seconds: float) -> float:
    if seconds not in TTFT_EDGES_SECONDS:
        edges = ", ".join(f"{edge:g}" for edge in TTFT_EDGES_SECONDS)
        raise ValueError(f"{seconds:g} is not an edge of vLLM's histogram; take one of: {edges}")
    return seconds


TtftSeconds = Annotated[
    float,
    AfterValidator(_on_an_edge),
    Field(json_schema_extra={"enum": list(TTFT_EDGES_SECONDS)}),
]
"""Seconds that vLLM's histogram can judge."""


class SamplingSpec(Section):
    """Server-side sampling defaults; a request may override temperature and top-p, and only lower maxTokens.

    Stop ids are left to the model's generation config ([151645, 151643]).
    """

    temperature: float = Field(default=0.7, ge=0, le=2)
    """0 is greedy; higher is more varied."""
    top_p: float = Field(default=0.9, gt=0, le=1)
    """The share of probability that tokens are drawn from."""
    max_tokens: int = Field(default=1024, ge=1, le=262_144)
    """Tokens of an answer at most: the default, and the ceiling of what a request may ask for.

    vLLM caps requests at ``max_new_tokens`` of the generation config that we override.
    """


class ReplicasSpec(Section):
    """The bounds between which the autoscaler moves. Equal bounds mean a fixed count and no HPA."""

    min: int = Field(default=1, ge=0, le=1000)
    """Replicas kept even without load. 0 wants a metric that lives without pods, and Kubernetes 1.37."""
    max: int = Field(default=10, ge=1, le=1000)
    """Replicas at most, whatever the load."""

    @model_validator(mode="after")
    def _bounds_are_ordered(self) -> Self:
        if self.min > self.max:
            raise config_error("min", f"{self.min} is above max {self.max}; lower min or raise max")
        return self


class ResourcesSpec(Section):
    """What one replica's container asks of its node, beside its GPUs."""

    cpu: float = Field(default=3, ge=0.5, le=192)
    """Cores requested; no limit is set, a throttled engine stalls its GPU."""
    memory_gib: float = Field(default=12, ge=2, le=4096)
    """Requested and limited; covers ``shmGib``, which counts as the pod's memory."""
    shm_gib: float = Field(default=2, ge=0.125, le=256)
    """Size of ``/dev/shm``; the container default of 64 MiB stops tensor parallelism."""

    @model_validator(mode="after")
    def _memory_covers_shm(self) -> Self:
        if self.shm_gib >= self.memory_gib:
            raise config_error(
                "shmGib",
                f"{self.shm_gib:g} leaves nothing of memoryGib {self.memory_gib:g}; "
                "shared memory counts as the pod's memory: raise memoryGib or lower shmGib",
            )
        return self


class DrainSpec(Section):
    """How a replica goes: leave the endpoints, finish what is in flight, end. Grace is their sum."""

    propagation_seconds: int = Field(default=15, ge=2, le=120)
    """``preStop``: time for proxies to forget the pod while it still answers, on connections that it closes.

    In its last third, five seconds at most, the pod refuses work with 503: none may be on its way to the
    engine when that begins to end.
    """
    finish_seconds: int = Field(default=120, ge=1, le=3600)
    """``--shutdown-timeout``: time for answers in flight to finish."""
    margin_seconds: int = Field(default=30, ge=5, le=300)
    """Time for the process itself to close what is left and to end, before it is killed."""

    @property
    def grace_seconds(self) -> int:
        """``terminationGracePeriodSeconds``."""
        return self.propagation_seconds + self.finish_seconds + self.margin_seconds


class SloSpec(Section):
    """What users are promised. Reported and judged; nothing scales on it."""

    ttft_p99_seconds: TtftSeconds = 0.5
    """P99 of time to first token; the value must be an edge of vLLM's own histogram."""
    error_rate: float = Field(default=0.001, gt=0, lt=1)
    """Share of requests that may fail, refused and aborted ones included."""
    gpu_utilization: tuple[float, float] = (0.7, 0.9)
    """The band in which GPUs should be busy."""

    @model_validator(mode="after")
    def _band_is_a_band(self) -> Self:
        low, high = self.gpu_utilization
        if not 0 <= low < high <= 1:
            raise config_error(
                "gpuUtilization", f"[{low:g}, {high:g}] must rise from 0 to 1, as in [0.7, 0.9]"
            )
        return self
