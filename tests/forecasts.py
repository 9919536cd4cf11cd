"""Stacks and traces for tests of the forecast."""

from collections.abc import Mapping

from elastic_vllm.simulate.forecast import Conditions, Outcome, engine_of, simulate
from elastic_vllm.simulate.forecast.traces import MIX
from elastic_vllm.simulate.scenario import Phase, Ramp, Scenario
from elastic_vllm.stack_file import config as stack_config
from elastic_vllm.stack_file.config import StackConfig

FAST_UP = {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}]}
FAST_DOWN = {
    "stabilizationWindowSeconds": 0,
    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}


def stack(model: Mapping[str, object] | None = None, pool: Mapping[str, object] | None = None) -> StackConfig:
    """A local stack of one model on machines with one A10G, at a CPU request that its policy can follow."""
    chat = {
        "name": "chat",
        "checkpoint": "Qwen/Qwen3-VL-8B-Instruct-FP8",
        "pool": "gpus",
        "engine": {"maxModelLen": 16384, "maxNumSeqs": 32},
        "replicas": {"min": 1, "max": 6},
        "resources": {"cpu": 1.25, "memoryGib": 12, "shmGib": 2},
    }
    return stack_config.parse(
        {
            "cluster": {"cloud": "local"},
            "pools": [{"name": "gpus", "accelerator": "a10g", "maxNodes": 6, **(pool or {})}],
            "models": [{**chat, **(model or {})}],
        }
    )


def trace(*phases: tuple[float, float]) -> Scenario:
    """Seconds and replicas' worth of each phase."""
    return Scenario(
        name="made",
        description="Made for a test.",
        mix=dict(MIX),
        phases=tuple(
            Phase(name=f"p{number}", seconds=seconds, load=Ramp(from_=load, to=load))
            for number, (seconds, load) in enumerate(phases)
        ),
    )


def outcome(config: StackConfig, *phases: tuple[float, float]) -> Outcome:
    """The first model under such a trace."""
    conditions = Conditions.of(config, config.models[0])
    return simulate(conditions, trace(*phases), engine_of(conditions))
