"""Settings of the vLLM engine, each checked against the pinned version's own option table."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from elastic_vllm.catalog import engine_options
from elastic_vllm.section import Section, config_error

Route = Annotated[str, Field(pattern=r"^/(v1|v2|inference|cohere)(/[a-z0-9_-]+)+$", max_length=80)]
"""A path of vLLM under a prefix that its API key guards; nothing else can be opened."""

SecretName = Annotated[
    str, Field(pattern=r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$", max_length=253, examples=["registry"])
]
"""The name of a Secret, as Kubernetes has it."""


class CompileCacheSpec(Section):
    """A volume of the model's own that all its replicas write: compiled graphs and kernels."""

    storage_class: str = Field(
        pattern=r"^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$", examples=["efs", "standard-rwx"]
    )
    """A StorageClass of the cluster whose volumes many nodes write at once (ReadWriteMany)."""
    size_gib: int = Field(default=20, ge=1, le=10_240)
    """What the volume is asked to hold; some classes give no less than a terabyte."""


class EngineSpec(Section):
    """vLLM's options that a platform team sets. What is left out is vLLM's own default."""

    tensor_parallel: int | None = Field(default=None, ge=1, le=8)
    """GPUs that share one engine's weights: ``gpusPerReplica``, over its nodes or engines; the default."""
    expert_parallel: bool | None = None
    """Whole experts on each GPU of a replica, instead of a slice of each; mixtures only.

    Left out, it is on with several engines, and where slices would cut the blocks of an FP8 checkpoint.
    """
    max_model_len: int = Field(default=16_384, ge=1024, le=262_144)
    """Prompt and answer together, in tokens. vLLM's default, 262,144, fits few GPUs."""
    gpu_memory_utilization: float = Field(default=0.92, ge=0.1, le=0.98)
    """The share of each GPU's memory that the engine takes."""
    max_num_seqs: int | None = Field(default=None, ge=1, le=1024)
    """Requests that an engine batches together at most."""
    max_num_batched_tokens: int | None = Field(default=None, ge=256, le=131_072)
    """Tokens computed together in one step at most; no fewer than ``maxNumSeqs``."""
    block_size: Literal[16, 32, 64, 128] | None = None
    """Tokens of one KV-cache block; vLLM chooses with the attention backend when left out."""
    kv_cache_dtype: Literal["auto", "fp8"] = "auto"
    """``fp8`` halves the memory of the KV cache."""
    kv_offloading_gib: float | None = Field(default=None, gt=0, le=1024)
    """Host memory of a replica for KV blocks that left the GPU, in ``/dev/shm`` beside ``shmGib``.

    The heir of ``--swap-space``.
    """
    max_queued_requests: int | None = Field(default=None, ge=1)
    """Requests of a replica that may wait beside the ``maxNumSeqs`` that run; more are refused with 503."""
    images_per_prompt: int = Field(default=4, ge=0, le=64)
    """Images in one request at most."""
    videos_per_prompt: int = Field(default=0, ge=0, le=8)
    """Videos in one request at most; 0 spares the memory that profiling for videos would take."""
    sleep_mode: bool = False
    """Let clients that have the key put a replica to sleep, and wake it up; see docs/engine.md before."""
    routes: tuple[Route, ...] = ("/v1/chat/completions", "/v1/completions")
    """Paths that clients may post to; every other path of vLLM is closed, ``/v1/models`` apart."""
    image: str = Field(
        default="vllm/vllm-openai:v0.33.0",
        pattern=r"^[a-z0-9][^\s@]*(@sha256:[0-9a-f]{64})?$",
        max_length=255,
    )
    """The container image; a version or a digest, never ``latest``."""
    image_pull_secrets: tuple[SecretName, ...] = ()
    """Secrets of the models' namespace with credentials of the image's registry; you make them."""
    compile_cache: CompileCacheSpec | None = None
    """Keep what vLLM compiles for the next replica; without it each one compiles anew."""
    extra_args: tuple[str, ...] = ()
    """Further ``vllm serve`` arguments, one word each, checked like our own."""

    @model_validator(mode="after")
    def _image_is_pinned(self) -> Self:
        repository, _, tag = self.image.partition("@")[0].rpartition(":")
        pinned = "@" in self.image or (repository and "/" not in tag and tag not in ("", "latest"))
        if not pinned:
            raise config_error(
                "image", f"{self.image!r} is not pinned; add a version (:v0.33.0) or a digest (@sha256:…)"
            )
        return self

    @model_validator(mode="after")
    def _a_step_holds_the_batch(self) -> Self:
        tokens, seqs = self.max_num_batched_tokens, self.max_num_seqs
        if tokens is not None and seqs is not None and tokens < seqs:
            raise config_error(
                "maxNumBatchedTokens", f"{tokens} is below maxNumSeqs {seqs}; raise it or lower maxNumSeqs"
            )
        return self

    @model_validator(mode="after")
    def _a_queue_stands_behind_a_known_batch(self) -> Self:
        if self.max_queued_requests is not None and self.max_num_seqs is None:
            raise config_error(
                "maxQueuedRequests",
                "needs maxNumSeqs: vLLM limits what runs and what waits together; set both",
            )
        return self

    @model_validator(mode="after")
    def _extra_args_are_options_of_this_vllm(self) -> Self:
        try:
            engine_options.check(self.extra_args)
        except engine_options.OptionError as problem:
            raise config_error(f"extraArgs[{problem.index}]", str(problem)) from problem
        return self
