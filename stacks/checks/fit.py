"""Does a replica fit one node of its pool, and its weights the GPUs? What does not would never be Ready."""

from collections.abc import Iterator

from stacks.checks.placement import SYSTEM_CPU_MILLIS, SYSTEM_MEMORY_MIB, Placed, placed
from stacks.finding import Finding
from stacks.stack import StackConfig


def replicas_fit_one_node(config: StackConfig) -> Iterator[Finding]:
    """GPUs, CPU and memory of one replica, against a node that carries only the system's own pods."""
    for at in placed(config):
        gpus, asked, machine = at.model.gpus_per_replica, at.model.resources, at.machine
        cpu = machine.allocatable_cpu_millis - SYSTEM_CPU_MILLIS
        memory = machine.allocatable_memory_mib - SYSTEM_MEMORY_MIB
        if gpus > at.pool.gpus_per_node:
            yield _finding(
                at,
                "replica-gpus",
                "gpusPerReplica",
                f"{gpus} GPUs, but a node of pool {at.pool.name} has {at.pool.gpus_per_node}; "
                "lower it, or raise the pool's gpusPerNode",
            )
        if asked.cpu * 1000 > cpu:
            yield _finding(
                at,
                "replica-cpu",
                "resources.cpu",
                f"{asked.cpu:g} cores, but {machine.name} leaves {cpu / 1000:g} to models; "
                "lower it, or choose a larger machine for the pool",
            )
        if asked.memory_gib * 1024 > memory:
            yield _finding(
                at,
                "replica-memory",
                "resources.memoryGib",
                f"{asked.memory_gib:g} GiB, but {machine.name} leaves {memory / 1024:.1f} to models; "
                "lower it, or choose a larger machine for the pool",
            )


def weights_and_one_request_fit_the_gpus(config: StackConfig) -> Iterator[Finding]:
    """The certain part of the memory sum: without activations and CUDA graphs, so passing promises nothing.

    vLLM stops at start when the KV cache left over cannot hold one request of ``maxModelLen`` tokens.
    """
    for at in placed(config):
        gpus, engine = at.model.gpus_per_replica, at.model.engine
        usable = at.accelerator.memory_mib * engine.gpu_memory_utilization
        weights = at.checkpoint.weights_mib / gpus
        have = f"{gpus} x {at.accelerator.name} at gpuMemoryUtilization {engine.gpu_memory_utilization:g}"
        if weights >= usable:
            yield _finding(
                at,
                "weights-do-not-fit",
                "checkpoint",
                f"{weights / 1024:.1f} GiB of weights per GPU, but {have} leave {usable / 1024:.1f} each; "
                "take a smaller or an FP8 checkpoint, a larger accelerator, or more gpusPerReplica",
            )
            continue
        left, needed = usable - weights, _kv_mib(at)
        if needed > left:
            most = int(engine.max_model_len * left / needed)
            yield _finding(
                at,
                "context-does-not-fit",
                "engine.maxModelLen",
                f"{engine.max_model_len} tokens need {needed / 1024:.1f} GiB of KV cache per GPU, but {have} "
                f"leave {left / 1024:.1f} beside the weights, room for {most}. "
                "Lower it, set engine.kvCacheDtype fp8, or take a larger accelerator",
            )


def _kv_mib(at: Placed) -> float:
    """KV cache of one full-length request on each GPU; beyond the KV heads it is replicated, not divided."""
    share = min(at.model.gpus_per_replica, at.checkpoint.kv_heads)
    width = 0.5 if at.model.engine.kv_cache_dtype == "fp8" else 1.0
    return at.checkpoint.kv_bytes_per_token * width * at.model.engine.max_model_len / share / 2**20


def _finding(at: Placed, rule: str, key: str, message: str) -> Finding:
    return Finding(id=rule, severity="error", key=f"{at.key}.{key}", message=message, subject=at.model.name)
