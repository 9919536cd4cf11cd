"""Does a replica fit one node of its pool, and its GPUs? What does not would never be Ready."""

from collections.abc import Iterator

from elastic_vllm.estimate.memory import IMAGE_TOKENS, Fit
from elastic_vllm.estimate.placement import SYSTEM_CPU_MILLIS, SYSTEM_MEMORY_MIB, Placed
from elastic_vllm.rules.view import View
from elastic_vllm.spec.finding import Finding, kind
from elastic_vllm.vllm.arguments import keeps_experts_whole

REPLICA_GPUS = kind("replica-gpus")
REPLICA_CPU = kind("replica-cpu")
REPLICA_MEMORY = kind("replica-memory")
WEIGHTS = kind("weights-do-not-fit")
CONTEXT = kind("context-does-not-fit")
FP8_BLOCKS = kind("fp8-blocks")
FP8_EXPERTS = kind("fp8-experts")
FP8_COMPUTE = kind("fp8-compute")
IMAGES = kind("images-exceed-context")
FULL_HD_TOKENS = 1920 * 1080 // 1024


def replicas_fit_one_node(view: View) -> Iterator[Finding]:
    """GPUs, CPU and memory of one replica, against a node that carries only the system's own pods."""
    for at in view.placed:
        gpus, asked, machine = at.model.gpus_per_node, at.model.resources, at.machine
        cpu = machine.allocatable_cpu_millis - SYSTEM_CPU_MILLIS
        memory = machine.allocatable_memory_mib - SYSTEM_MEMORY_MIB
        if gpus > at.pool.gpus_per_node:
            yield REPLICA_GPUS.at(
                f"{at.key}.gpusPerReplica",
                f"{gpus} GPUs{' on each node' if at.model.is_group else ''}, but a node of pool "
                f"{at.pool.name} has {at.pool.gpus_per_node}; lower it, or raise nodesPerReplica or the "
                "pool's gpusPerNode",
                at.model.name,
            )
        if asked.cpu * 1000 > cpu:
            yield REPLICA_CPU.at(
                f"{at.key}.resources.cpu",
                f"{asked.cpu:g} cores, but {machine.name} leaves {cpu / 1000:g} to models; lower it, or "
                "choose a larger machine for the pool",
                at.model.name,
            )
        if asked.memory_gib * 1024 > memory:
            yield REPLICA_MEMORY.at(
                f"{at.key}.resources.memoryGib",
                f"{asked.memory_gib:g} GiB, but {machine.name} leaves {memory / 1024:.1f} to models; lower "
                "it, or choose a larger machine for the pool",
                at.model.name,
            )


def weights_and_one_request_fit_the_gpus(view: View) -> Iterator[Finding]:
    """What vLLM itself finds out at start, minutes later and at full price."""
    for at, fit in view.fits:
        if fit.weights_gib >= fit.usable_gib:
            yield WEIGHTS.at(
                f"{at.key}.checkpoint",
                f"{fit.weights_gib:.1f} GiB of weights per GPU, but {_have(at)} leave {fit.usable_gib:.1f} "
                f"each; take a smaller or an FP8 checkpoint, a larger accelerator, or {_wider(at)}",
                at.model.name,
            )
        elif not fit.fits:
            yield CONTEXT.at(f"{at.key}.engine.maxModelLen", _too_long(at, fit), at.model.name)


def _too_long(at: Placed, fit: Fit) -> str:
    room = f"room for {fit.longest}" if fit.longest >= 1024 else "no room for a request"
    remedy = "Lower it, set engine.kvCacheDtype fp8" if fit.longest >= 1024 else "Take an FP8 checkpoint"
    return (
        f"{fit.context} tokens need {fit.kv_gib_per_request:.1f} GiB of KV cache per GPU, but {_have(at)} "
        f"leave {max(0.0, fit.cache_gib):.1f} beside {fit.weights_gib:.1f} of weights and about "
        f"{fit.activations_gib:.1f} of activations, {room}. {remedy}, or take a larger accelerator"
    )


def _have(at: Placed) -> str:
    utilization = at.model.engine.gpu_memory_utilization
    gpus = f"{at.model.gpus_per_replica} x {at.accelerator.name}"
    engines = f" for {at.model.engines_per_replica} engines" if at.model.engines_per_replica > 1 else ""
    return f"{gpus}{engines} at gpuMemoryUtilization {utilization:g}"


def _wider(at: Placed) -> str:
    """How an engine gets more GPUs."""
    return "fewer enginesPerReplica" if at.model.engines_per_replica > 1 else "more gpusPerReplica"


def fp8_runs_as_expected(view: View) -> Iterator[Finding]:
    """What an FP8 checkpoint does not bring on these GPUs. Dense models that break the spec refuses."""
    for at in view.placed:
        row, gpus = at.checkpoint, at.model.gpus_per_node
        if row.precision != "fp8":
            continue
        if not at.accelerator.fp8_compute:
            message = (
                f"{at.accelerator.title} has no FP8 multiply (compute capability "
                f"{at.accelerator.compute_capability}): weights take half the memory, answers as long as in "
                "BF16"
            )
            yield FP8_COMPUTE.at(f"{at.key}.checkpoint", message, at.model.name)
        if row.moe and gpus not in row.fp8_block_tp:
            whole = ", ".join(map(str, row.fp8_block_tp))
            message = f"{gpus} GPUs take whole experts each: FP8 blocks can be cut for {whole} GPUs only"
            if not keeps_experts_whole(at.model):
                message = f"{gpus} GPUs cut FP8 blocks, which end whole for {whole} GPUs only; leave "
                message += "engine.expertParallel out"
            yield FP8_EXPERTS.at(f"{at.key}.gpusPerReplica", message, at.model.name)


def allowed_images_fit_the_context(view: View) -> Iterator[Finding]:
    """Images are context too."""
    for at in view.placed:
        engine = at.model.engine
        needed = engine.images_per_prompt * FULL_HD_TOKENS
        if needed > engine.max_model_len:
            yield IMAGES.at(
                f"{at.key}.engine.imagesPerPrompt",
                f"{engine.images_per_prompt} full-HD images take {needed} tokens of maxModelLen "
                f"{engine.max_model_len}, which holds {engine.max_model_len // FULL_HD_TOKENS} (or "
                f"{engine.max_model_len // IMAGE_TOKENS} of the largest); allow fewer, or raise maxModelLen",
                at.model.name,
            )
