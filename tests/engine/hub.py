"""A hub cache with the configuration of each checkpoint of the catalogue: enough to judge arguments by."""

import json
from pathlib import Path
from typing import Any

from elastic_vllm import catalog
from elastic_vllm.catalog import ModelRow

FULL_DEPTH = 27


def lay_out(tiny: Path, hub: Path) -> Path:
    """The tiny model's tokenizer and processors under each checkpoint's own configuration."""
    template = json.loads((tiny / "config.json").read_text())
    for name, row in catalog.models().items():
        place = hub / f"models--{name.replace('/', '--')}"
        snapshot = place / "snapshots" / "catalogue"
        (place / "refs").mkdir(parents=True)
        (place / "refs" / "main").write_text("catalogue")
        snapshot.mkdir(parents=True)
        for file in tiny.iterdir():
            if file.name != "config.json":
                (snapshot / file.name).symlink_to(file)
        (snapshot / "config.json").write_text(json.dumps(config(template, row), indent=2))
    return hub


def config(template: dict[str, Any], row: ModelRow) -> dict[str, Any]:  # Any: JSON
    """A checkpoint's ``config.json`` in what vLLM looks at before it loads weights."""
    text = template["text_config"] | {
        "head_dim": row.head_dim,
        "hidden_size": row.hidden_size,
        "intermediate_size": 3 * row.hidden_size,
        "num_attention_heads": row.attention_heads,
        "num_hidden_layers": row.layers,
        "num_key_value_heads": row.kv_heads,
        "rope_parameters": template["text_config"]["rope_parameters"] | {"mrope_section": [24, 20, 20]},
    }
    vision = template["vision_config"] | {
        "deepstack_visual_indexes": [8, 16, 24],
        "depth": FULL_DEPTH,
        "hidden_size": 1152,
        "num_heads": 16,
        "out_hidden_size": row.hidden_size,
    }
    made = template | {"text_config": text, "vision_config": vision}
    if row.moe:
        made |= {"architectures": ["Qwen3VLMoeForConditionalGeneration"], "model_type": "qwen3_vl_moe"}
        text |= {
            "model_type": "qwen3_vl_moe_text",
            "moe_intermediate_size": 768,
            "num_experts": 128,
            "num_experts_per_tok": 8,
        }
        vision["model_type"] = "qwen3_vl_moe_vision"
    if row.precision == "fp8":
        made["quantization_config"] = {
            "activation_scheme": "dynamic",
            "quant_method": "fp8",
            "weight_block_size": [128, 128],
        }
    return made
