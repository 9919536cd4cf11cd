"""Load models for tests: a real one, and one whose arithmetic can be done in the head."""

from collections.abc import Mapping

from elastic_vllm.estimate.step_time import StepTime
from elastic_vllm.simulate.figures import ShapeName
from elastic_vllm.simulate.load_model import Limits, LoadModel
from elastic_vllm.simulate.traffic import Request
from elastic_vllm.spec import DrainSpec, ModelSpec

MIX: Mapping[ShapeName, float] = {"text": 0.7, "one-image": 0.25, "several-images": 0.05}
FRONTEND = 0.005
"""What the API server spends on a request without images."""


def spec(
    checkpoint: str = "8B-Instruct-FP8", gpus: int = 1, nodes: int = 1, engines: int = 1, **engine: object
) -> ModelSpec:
    return ModelSpec.model_validate(
        {
            "name": "chat",
            "checkpoint": f"Qwen/Qwen3-VL-{checkpoint}",
            "pool": "gpus",
            "gpusPerReplica": gpus,
            "nodesPerReplica": nodes,
            "enginesPerReplica": engines,
            "engine": engine,
            "drain": {"propagationSeconds": 5, "finishSeconds": 10, "marginSeconds": 5},
        }
    )


def real(
    checkpoint: str = "8B-Instruct-FP8", accelerator: str = "a10g", gpus: int = 1, **engine: object
) -> LoadModel:
    return LoadModel.for_model(spec(checkpoint, gpus, 1, 1, **engine), accelerator, MIX)


def plain(
    *, seats: int = 4, step_tokens: int = 100, kv_tokens: int = 10_000, queue: int | None = None
) -> LoadModel:
    """Every step takes 0.1 s, or 0.01 s for each of its tokens if that is more; an image adds 1 s."""
    return LoadModel(
        mix=MIX,
        limits=Limits(
            seats=seats,
            step_tokens=step_tokens,
            kv_tokens=kv_tokens,
            queue=queue,
            context=9000,
            answer=900,
            images=4,
        ),
        pace=StepTime(
            overhead=0,
            shared_weights=0.1,
            expert_weights=0,
            expert_share=0,
            cached_token=0,
            token=0.01,
            image=1,
        ),
        drain=DrainSpec(propagation_seconds=5, finish_seconds=10, margin_seconds=5),
        engine_cores=1,
        node_cores=4,
        assumptions=(),
    )


def request(id_: int = 0, t: float = 0, *, prompt: int = 10, answer: int = 10, images: int = 0) -> Request:
    return Request(id_, t, "text", prompt, images, answer)
