"""A Qwen3-VL model to serve: which checkpoint, on which pool, with which engine settings and bounds."""

import math
from functools import partial
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from elastic_vllm import catalog
from elastic_vllm.section import (
    GpuCount,
    GroupGpuCount,
    GroupNodeCount,
    Name,
    Section,
    catalogued,
    config_error,
)
from elastic_vllm.spec.engine import EngineSpec
from elastic_vllm.spec.replica import DrainSpec, ReplicasSpec, ResourcesSpec, SamplingSpec, SloSpec
from elastic_vllm.spec.scaling import ScalingSpec

CheckpointId = Annotated[
    str,
    AfterValidator(partial(catalogued, "checkpoint", catalog.models)),
    Field(json_schema_extra=lambda schema: schema.update(enum=list(catalog.models()))),
]
"""A checkpoint by its hub id, as the catalogue spells it."""


Revision = Annotated[
    str, Field(pattern=r"^[0-9a-f]{40}$", examples=["9cdc6310a8cb770ce18efaf4e9935334512aee45"])
]
"""A commit on the hub. No branch and no tag: either may mean other weights tomorrow."""


class ModelSpec(Section):
    """One model, served by identical replicas behind one Service."""

    name: Name
    """The model's own name: of its Deployment and Service, and what clients ask for."""
    checkpoint: CheckpointId
    """Which weights to serve."""
    revision: Revision | None = None
    """Which commit of them. Left out, what the hub's ``main`` was when the weights were first fetched."""
    pool: Name
    """The pool whose nodes carry the replicas."""
    gpus_per_replica: GroupGpuCount = 1
    """GPUs that share one replica, over all its nodes."""
    nodes_per_replica: GroupNodeCount = 1
    """Nodes that share one replica, each with its part of the GPUs; they come, go and are replaced together.

    The GPUs of a node share the weights by tensor parallelism, the nodes by pipeline parallelism.
    """
    engines_per_replica: GpuCount = 1
    """Engines behind the one API server of a replica, each with its part of the GPUs: data parallelism.

    Each has a whole copy of a dense model. Of a mixture they share the experts, and keep copies of the rest.
    """
    engine: EngineSpec = EngineSpec()
    """vLLM's settings."""
    sampling: SamplingSpec = SamplingSpec()
    """How answers are drawn, where a request does not say."""
    replicas: ReplicasSpec = ReplicasSpec()
    """The bounds of the replica count."""
    headroom: int = Field(default=0, ge=0, le=100)
    """Places for further replicas, kept warm: placeholder pods hold nodes and yield at once to a replica.

    Each place costs what its share of a node costs, all the time; what it saves is the node's boot and the
    image's pull.
    """
    scaling: ScalingSpec = Field(default_factory=lambda: ScalingSpec.model_validate({}))
    """What moves the replica count between its bounds."""
    resources: ResourcesSpec = ResourcesSpec()
    """CPU and memory of one replica."""
    drain: DrainSpec = DrainSpec()
    """How a replica ends without losing an answer."""
    slo: SloSpec = SloSpec()
    """What users are promised."""
    startup_budget_seconds: int | None = Field(default=None, ge=60, le=14_400)
    """From container start until Ready at the latest. Three times the prediction when left out."""
    require_api_key: bool = False
    """Ask clients for the key in the secret config ``apiKeys``: one key by model name."""

    @property
    def gpus_per_node(self) -> int:
        """The replica's GPUs on each of its nodes."""
        return self.gpus_per_replica // self.nodes_per_replica

    @property
    def tensor_parallel(self) -> int:
        """GPUs of a node that share the weights of one engine."""
        return self.gpus_per_node // self.engines_per_replica

    @property
    def copies(self) -> int:
        """Of the weights, read one by one: engines of a mixture read it together."""
        return 1 if catalog.models()[self.checkpoint].moe else self.engines_per_replica

    @property
    def is_group(self) -> bool:
        """Whether a replica is several pods on several nodes."""
        return self.nodes_per_replica > 1

    @property
    def workers(self) -> int:
        """Processes beside the engine's own in the pod that answers; a lone GPU's lives in the engine's."""
        return self.gpus_per_node if self.gpus_per_replica > 1 else 0

    @model_validator(mode="after")
    def _nodes_share_the_gpus(self) -> Self:
        gpus, nodes = self.gpus_per_replica, self.nodes_per_replica
        if gpus > 8 * nodes:
            raise config_error(
                "gpusPerReplica",
                f"{gpus} GPUs are more than nodesPerReplica {nodes} can have; a node has 8 at most: "
                "raise nodesPerReplica or lower it",
            )
        if gpus < nodes:
            raise config_error(
                "nodesPerReplica", f"{nodes} nodes cannot share gpusPerReplica {gpus}; lower it"
            )
        if nodes > 1 and self.headroom:
            raise config_error(
                "headroom",
                "placeholders cannot keep the nodes of a group together; leave it out, or take "
                "nodesPerReplica 1",
            )
        return self

    @model_validator(mode="after")
    def _engines_share_the_gpus(self) -> Self:
        gpus, engines = self.gpus_per_replica, self.engines_per_replica
        if engines > 1 and self.is_group:
            raise config_error(
                "enginesPerReplica",
                f"{engines} engines cannot share nodesPerReplica {self.nodes_per_replica}: a group is one "
                "engine over its nodes; take nodesPerReplica 1, or more replicas",
            )
        if engines > gpus:
            raise config_error(
                "enginesPerReplica",
                f"{engines} engines cannot share gpusPerReplica {gpus}; an engine has one GPU at least: "
                "lower it, or raise gpusPerReplica",
            )
        return self

    @model_validator(mode="after")
    def _parallelism_matches_the_gpus(self) -> Self:
        tp = self.engine.tensor_parallel
        if tp is not None and tp != self.tensor_parallel:
            raise config_error(
                "engine.tensorParallel",
                f"{tp} must equal gpusPerReplica {self.gpus_per_replica}{self._over()}; leave it out, or "
                "make them equal",
            )
        return self

    def _over(self) -> str:
        """What divides the GPUs, in the file's words."""
        if self.is_group:
            return f" over nodesPerReplica {self.nodes_per_replica}"
        return f" over enginesPerReplica {self.engines_per_replica}" if self.engines_per_replica > 1 else ""

    @model_validator(mode="after")
    def _gpus_divide_the_checkpoint(self) -> Self:
        row, gpus = catalog.models()[self.checkpoint], self.tensor_parallel
        if row.attention_heads % gpus:
            raise config_error(
                "gpusPerReplica",
                f"{gpus} must divide the {row.attention_heads} attention heads of {self.checkpoint}; "
                f"it can be {_listed(row.valid_tp)}",
            )
        # A mixture of experts still runs: vLLM refines its scales. A dense model does not start.
        if row.precision == "fp8" and not row.moe and gpus not in row.fp8_block_tp:
            raise config_error(
                "gpusPerReplica",
                f"{gpus} cuts the 128-wide FP8 blocks of {self.checkpoint}; it can be "
                f"{_listed(row.fp8_block_tp)}, or take the checkpoint without -FP8",
                kind="fp8-blocks",
            )
        return self

    @model_validator(mode="after")
    def _memory_covers_the_offloaded_cache(self) -> Self:
        offloaded, resources = self.engine.kv_offloading_gib or 0, self.resources
        if offloaded and offloaded + resources.shm_gib >= resources.memory_gib:
            raise config_error(
                "resources.memoryGib",
                f"{resources.memory_gib:g} must exceed engine.kvOffloadingGib {offloaded:g} and shmGib "
                f"{resources.shm_gib:g} together; raise it or offload less",
            )
        return self

    @property
    def sleeping_gib(self) -> float:
        """The weights that each of its nodes keeps in memory while the replica sleeps."""
        row = catalog.models()[self.checkpoint]
        copied = (row.weights_gb - row.experts_gb) * self.engines_per_replica
        return (row.experts_gb + copied) * 1e9 / 2**30 / self.nodes_per_replica

    @model_validator(mode="after")
    def _sleep_is_guarded_and_has_room(self) -> Self:
        if not self.engine.sleep_mode:
            return self
        if not self.require_api_key:
            raise config_error(
                "engine.sleepMode", "needs requireApiKey: else anybody may put a replica to sleep"
            )
        weights = self.sleeping_gib
        beside = self.resources.shm_gib + (self.engine.kv_offloading_gib or 0)
        if weights + beside >= self.resources.memory_gib:
            raise config_error(
                "resources.memoryGib",
                f"{self.resources.memory_gib:g} must exceed {math.ceil(weights + beside)}: asleep, a replica "
                f"keeps {weights:.0f} GiB of weights there (engine.sleepMode), beside what is shared; "
                "raise it",
            )
        return self

    @model_validator(mode="after")
    def _there_are_experts_to_spread(self) -> Self:
        if self.engine.expert_parallel and not catalog.models()[self.checkpoint].moe:
            raise config_error(
                "engine.expertParallel", f"{self.checkpoint} is dense; it has no experts: leave it out"
            )
        return self


def _listed(sizes: tuple[int, ...]) -> str:
    return ", ".join(str(size) for size in sizes if size <= 8)
