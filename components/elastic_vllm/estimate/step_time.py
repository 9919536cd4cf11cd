"""How long one step of an engine takes: a roofline of reading memory and multiplying. Pure arithmetic.

Every step computes one token for each running request and, beside them, chunks of new prompts. Not modelled:
attention's own arithmetic, which is small at these lengths, and the clock of a throttled GPU.

Nodes of a group are a pipeline: each has its part of the layers, and with work for all of them each is busy
with another part of the batch. So a step reads all weights at the pace of one node, and its caches and
products at that of all. Not modelled: a lone prompt, which finds one stage at work at a time, and the network
between them, which carries little.

Of several engines in a replica this is the pace of one. Experts that they share are read by the GPUs of all,
for the tokens of all; the others are taken to have as much to do. Not modelled: their waits for each other.
"""

import math
from dataclasses import dataclass
from typing import Self

from elastic_vllm import catalog
from elastic_vllm.spec import ModelSpec


@dataclass(frozen=True, kw_only=True)
class StepTime:
    """Seconds of each thing that a step does. Made by ``of``."""

    overhead: float
    """The rest of a step, whatever it computes."""
    shared_weights: float
    """Reading once the weights that every token needs."""
    expert_weights: float
    """Reading once the weights of all experts."""
    expert_share: float
    """Of its experts, what one token needs; 0 for a dense model."""
    sharing: int = 1
    """Engines whose tokens need these experts."""
    cached_token: float
    """Reading the KV cache of one token."""
    token: float
    """Multiplying for one token."""
    image: float
    """Encoding one image. One GPU does it alone (``--mm-encoder-tp-mode data``)."""

    @classmethod
    def of(cls, model: ModelSpec, accelerator: str, *, patches: float = 0) -> Self:
        """The pace of a model on these GPUs; ``patches`` are those of one image of its load."""
        row, gpus = catalog.models()[model.checkpoint], model.tensor_parallel
        peak, figures = catalog.accelerators()[accelerator].peak, catalog.efficiency()
        together = gpus * figures.scaling(peak).value ** math.log2(gpus)
        bandwidth = peak.gigabytes_per_second * 1e9 * figures.memory_efficiency.value
        bf16 = peak.tflops * 1e12 * figures.compute_efficiency.value
        # Without FP8 multiply an FP8 checkpoint is smaller to read and no faster to compute.
        faster = (peak.fp8_tflops or peak.tflops) / peak.tflops if row.precision == "fp8" else 1.0
        weights = row.weights_gb * 1e9 / (bandwidth * together)
        width = 1 if model.engine.kv_cache_dtype == "fp8" else 2
        share = row.experts_per_token / row.experts if row.moe else 0.0
        in_experts = (row.params_b - row.active_params_b) / (1 - share) / row.params_b
        multiplied = bf16 * faster * together * model.nodes_per_replica
        return cls(
            overhead=figures.step_overhead_seconds.value,
            shared_weights=weights * (1 - in_experts),
            expert_weights=weights * in_experts / model.engines_per_replica,
            expert_share=share,
            sharing=model.engines_per_replica if row.moe else 1,
            cached_token=row.kv_bytes_on_each(gpus, model.nodes_per_replica, width) / bandwidth,
            token=2 * row.active_params_b * 1e9 / multiplied,
            image=2 * row.vision_params_b * 1e9 * patches / bf16,
        )

    def step(self, running: int, cached: int, prompt_tokens: int, images: int) -> float:
        """Seconds of one step: requests running, tokens they have cached, new prompt tokens and images."""
        tokens = running + prompt_tokens
        unused = (1 - self.expert_share) ** (tokens * self.sharing)
        experts = self.expert_weights * (1 - unused) if self.expert_share else 0.0
        reading = self.shared_weights + experts + self.cached_token * cached
        return self.overhead + max(reading, self.token * tokens) + self.image * images
