"""The memory sum, held against deployments that others published: what ran, and what did not."""

from typing import NamedTuple

import pytest

from elastic_vllm import catalog
from elastic_vllm.estimate.memory import Batch, Fit, Serving, default_batch, fit

MIB = {"rtx-4070-ti-super": 16_376, "rtx-4090": 24_564, "h100-nvl": 95_830}
"""GPUs that the catalogue does not have, by what their driver reports."""
RECIPE = "vllm-project/recipes, Qwen/Qwen3-VL.md"


class Case(NamedTuple):
    """One published deployment. What it does not say is vLLM's default."""

    runs: bool
    checkpoint: str
    gpu: str
    gpus: int
    context: int
    source: str
    utilization: float = 0.9
    tokens: int | None = None
    sequences: int | None = None
    images: int = 1
    videos: int = 0
    encoder: str = "data"


B235, B235_FP8 = "Qwen/Qwen3-VL-235B-A22B-Instruct", "Qwen/Qwen3-VL-235B-A22B-Instruct-FP8"
B30 = "Qwen/Qwen3-VL-30B-A3B-Instruct"
B8, B8_FP8 = "Qwen/Qwen3-VL-8B-Instruct", "Qwen/Qwen3-VL-8B-Instruct-FP8"
FULL = 262_144
LANGUAGE_ALONE = 0
"""Of Qwen3 deployments, which share the language model with Qwen3-VL and have no vision tower."""

PUBLISHED = [
    Case(True, B235_FP8, "h100", 8, FULL, f"{RECIPE}: H100 (image + video, FP8)", videos=1),
    Case(
        True,
        B235_FP8,
        "h100",
        4,
        FULL,
        f"{RECIPE}: H100 (image, FP8, TP4)",
        0.95,
        None,
        128,
        encoder="weights",
    ),
    Case(True, B235, "h100", 8, FULL, f"{RECIPE}: A100 & H100 (image, BF16)", encoder="weights"),
    Case(True, B235, "a100-80", 8, FULL, f"{RECIPE}: A100 & H100 (image, BF16)", encoder="weights"),
    Case(
        True, B235, "h100", 8, 128_000, f"{RECIPE}: A100 & H100 (image + video)", videos=1, encoder="weights"
    ),
    Case(
        True,
        B235,
        "a100-80",
        8,
        128_000,
        f"{RECIPE}: A100 & H100 (image + video)",
        videos=1,
        encoder="weights",
    ),
    Case(True, B235, "h200", 8, FULL, f"{RECIPE}: H200 & B200", videos=1),
    Case(True, B235, "b200", 8, FULL, f"{RECIPE}: H200 & B200", videos=1),
    Case(False, B235, "h100", 8, FULL, f"{RECIPE}: not with default settings", videos=1, encoder="weights"),
    Case(
        False, B235, "a100-80", 8, FULL, f"{RECIPE}: not with default settings", videos=1, encoder="weights"
    ),
    Case(False, B235, "h100", 8, FULL, "QwenLM/Qwen3-VL issue 1489: out of memory on 8 H800", videos=1),
    Case(True, B235, "h100", 8, 41_960, "QwenLM/Qwen3-VL issue 1489: smooth on 8 H800", tokens=128, videos=1),
    Case(True, B235_FP8, "h100", 4, 40_960, "vllm issue 21348: Qwen3-235B-A22B-FP8", images=LANGUAGE_ALONE),
    Case(False, B30, "a100-80", 1, FULL, "vllm issue 26612: 13.69 GiB for the cache on an A800", videos=1),
    Case(
        True, B30, "h100", 1, 32_768, "vllm issue 26349: serves, slowly, on an H100", 0.92, 16_384, 128, 3, 5
    ),
    Case(False, B8, "a100-80", 1, 8192, "vllm issue 26884: nothing for the cache at 0.3", 0.3, videos=1),
    Case(True, B8_FP8, "rtx-4090", 1, 32_768, "gongjiyun.com, prefabricated Qwen3-VL-8B", 0.9, None, 4, 4),
    Case(True, B8_FP8, "rtx-4070-ti-super", 1, 6144, "public captioning script for WSL on GitHub"),
    Case(True, B8_FP8, "l4", 1, 16_384, "blog.bitipcman.com, vLLM and Qwen3-VL on EC2 G6"),
    Case(False, B8, "l4", 1, 16_384, "blog.bitipcman.com: 8B in BF16 hardly runs in 24 GB"),
    Case(
        True,
        "Qwen/Qwen3-VL-4B-Instruct",
        "l4",
        1,
        32_768,
        "vllm pull 49050: Qwen3-4B",
        0.9,
        None,
        1,
        LANGUAGE_ALONE,
    ),
    Case(
        True,
        "Qwen/Qwen3-VL-32B-Instruct",
        "h100-nvl",
        1,
        32_000,
        "vllm issue 17788: Qwen3-32B",
        0.9,
        None,
        32,
        LANGUAGE_ALONE,
    ),
]


def fitted(case: Case) -> Fit:
    known = catalog.accelerators().get(case.gpu)
    memory = known.memory_mib if known else MIB[case.gpu]
    default = default_batch(memory, small=case.gpu.startswith("a100"))
    serving = Serving(
        gpus=case.gpus,
        utilization=case.utilization,
        context=case.context,
        batch=Batch(case.tokens or default.tokens, case.sequences or default.sequences),
        images=case.images,
        videos=case.videos,
        encoder_gpus=case.gpus if case.encoder == "weights" else 1,
    )
    return fit(catalog.models()[case.checkpoint], memory, serving)


@pytest.mark.parametrize(
    "case", PUBLISHED, ids=lambda c: f"{c.checkpoint[5:]} {c.gpus} x {c.gpu} {c.context} {c.runs}"
)
def test_what_was_published_to_run_fits_and_what_was_published_to_fail_does_not(case: Case) -> None:
    assert fitted(case).fits is case.runs, fitted(case)


def test_the_table_covers_dense_and_moe_and_fp8_and_both_outcomes() -> None:
    rows = [(catalog.models()[case.checkpoint], case.runs) for case in PUBLISHED]
    assert len(rows) >= 15
    assert all(case.source for case in PUBLISHED)
    assert {(row.moe, runs) for row, runs in rows} == {
        (moe, runs) for moe in (True, False) for runs in (True, False)
    }
    assert {(row.moe, row.precision) for row, _ in rows} >= {(True, "fp8"), (False, "fp8")}


def test_kv_heads_are_shared_by_gpus_up_to_their_number_and_replicated_beyond() -> None:
    four, eight = (fitted(Case(True, B235, "h200", gpus, FULL, "")) for gpus in (4, 8))
    assert four.kv_gib_per_request == eight.kv_gib_per_request  # 4 KV heads
    dense = [fitted(Case(True, B8, "h200", gpus, FULL, "")) for gpus in (4, 8)]
    assert dense[0].kv_gib_per_request == 2 * dense[1].kv_gib_per_request  # 8 KV heads


def test_the_longest_context_fits_and_the_next_block_does_not() -> None:
    base = Case(True, B8_FP8, "l4", 1, 16_384, "")
    longest = fitted(base).longest
    assert fitted(base._replace(context=longest)).fits
    assert not fitted(base._replace(context=longest + 16)).fits


def test_videos_cost_more_than_images_and_images_more_than_text_alone() -> None:
    base = Case(True, B8, "l40s", 1, 16_384, "")
    text, image, video = (
        fitted(base._replace(images=images, videos=videos)).activations_gib
        for images, videos in ((0, 0), (1, 0), (1, 1))
    )
    assert text < image < video
