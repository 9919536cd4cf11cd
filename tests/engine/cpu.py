"""All that a CPU forces on a command line and environment made for a GPU; the rest runs as rendered."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """One word that differs, what it becomes, and why. ``None`` takes an option away; ``""`` is a switch."""

    name: str
    to: str | None
    reason: str
    words: int = 2
    """That stand on the rendered line: an option with its value, or a switch."""


OPTIONS = (
    Change("--block-size", "32", "CPU attention takes multiples of 32 only"),
    Change("--dtype", "bfloat16", "the checkpoint's configuration says so too; float16 is slow on a CPU"),
    Change("--enforce-eager", "", "there are no CUDA graphs to capture, and nothing to gain from compiling"),
    Change("--host", "127.0.0.1", "the process shares the machine's network; a pod has its own"),
    Change("--load-format", "dummy", "the model has no weights"),
    Change("--port", "{port}", "a port that is free on this machine; a pod has all of its own"),
    Change("--kv-cache-dtype", None, "CPU attention keeps its cache in the model's own type"),
    Change("--kv-offloading-size", None, "there is no other memory to offload to"),
    Change(
        "--enable-sleep-mode", None, "there is no GPU's memory to free; level 0 needs no such mode", words=1
    ),
)
ENVIRONMENT = (
    Change("PATH", "{bin}:/usr/bin:/bin", "the image has vllm on its PATH; here it is in an environment"),
    Change("VLLM_CPU_KVCACHE_SPACE", "1", "GiB of cache; what is left of a GPU's memory is taken instead"),
    Change("VLLM_CPU_OMP_THREADS_BIND", "nobind", "with two cores there is none to set aside"),
)


def line(rendered: Sequence[str], port: int) -> list[str]:
    """The rendered command line with the changes made."""
    words = list(rendered)
    for change in OPTIONS:
        if change.name in words:
            at = words.index(change.name)
            del words[at : at + change.words]
        elif change.to is None:
            continue
        if change.to is not None:
            words += [change.name, change.to.format(port=port)] if change.to else [change.name]
    return words
