"""Every option that a stack file can make us render, whatever it sets."""

from components.vllm.arguments import arguments
from components.vllm.weights import Streamed, command_line
from tests.manifests import LARGEST, model

EVERY_SETTING = {
    "blockSize": 16,
    "kvCacheDtype": "fp8",
    "kvOffloadingGib": 4.5,
    "maxModelLen": 32768,
    "maxNumBatchedTokens": 2048,
    "maxNumSeqs": 256,
    "maxQueuedRequests": 64,
    "gpuMemoryUtilization": 0.9,
    "imagesPerPrompt": 2,
    "videosPerPrompt": 1,
}


def rendered_options() -> set[str]:
    """The names of the options."""
    specs = [
        model(engine=EVERY_SETTING, resources={"memoryGib": 64}),
        model(checkpoint=LARGEST, gpusPerReplica=8, engine=EVERY_SETTING, resources={"memoryGib": 64}),
    ]
    streamed = Streamed(address="s3://weights/chat", environment={}, credentials=(), ready=())
    words = [word for spec in specs for word in command_line(arguments(spec), spec, streamed)]
    return {word for word in words if isinstance(word, str) and word.startswith("--")}
