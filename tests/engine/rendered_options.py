"""Every option that a stack file can make us render, whatever it sets."""

from collections.abc import Mapping

from elastic_vllm.spec import ModelSpec
from elastic_vllm.vllm import group
from elastic_vllm.vllm.arguments import arguments
from elastic_vllm.vllm.pod import template
from elastic_vllm.vllm.weights import Streamed, command_line
from tests.manifests import L4, LARGEST, model

EVERY_SETTING: dict[str, object] = {
    "blockSize": 16,
    "kvCacheDtype": "fp8",
    "kvOffloadingGib": 4.5,
    "maxModelLen": 32768,
    "maxNumBatchedTokens": 2048,
    "maxNumSeqs": 256,
    "maxQueuedRequests": 64,
    "gpuMemoryUtilization": 0.9,
    "imagesPerPrompt": 2,
    "sleepMode": True,
    "videosPerPrompt": 1,
}

SHAPES: tuple[Mapping[str, object], ...] = (
    {},
    {"checkpoint": LARGEST, "gpusPerReplica": 8},
    {"checkpoint": LARGEST, "gpusPerReplica": 16, "nodesPerReplica": 2},
    {"checkpoint": LARGEST, "gpusPerReplica": 8, "enginesPerReplica": 4},
)
STREAMED = Streamed(address="s3://weights/chat", environment={}, credentials=(), ready=())


def rendered_options() -> set[str]:
    """The names of the options."""
    specs = [every(shape) for shape in SHAPES]
    words = [word for spec in specs for word in command_line(arguments(spec), spec, STREAMED)]
    words += [word for spec in specs if spec.is_group for word in ranks(spec)]
    return {word for word in words if isinstance(word, str) and word.startswith("--")}


def every(shape: Mapping[str, object]) -> ModelSpec:
    """A replica of this shape with every setting."""
    return model(**shape, engine=EVERY_SETTING, requireApiKey=True, resources={"memoryGib": 512})


def ranks(spec: ModelSpec) -> list[str]:
    """The words of a group's pods, the leader's and a worker's."""
    pod = template(spec, L4, {})
    pods = (group.member(spec, pod, headless=headless) for headless in (False, True))
    return [word for made in pods for word in made["spec"]["containers"][0]["args"]]
