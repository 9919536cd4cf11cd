"""Records what a Pulumi program registers, without the CLI, a provider, a cloud or a cluster.

``record(program)`` runs a function to its end, every ``apply`` included, and returns the ``Graph`` of its
``Registration``s; ``graph.named("chat").inputs`` is plain Python. A secret is a ``Secret``, which does not
print; what a preview cannot know is ``UNKNOWN``.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elastic_vllm.testing.monitor import run as record
    from elastic_vllm.testing.registration import Graph, Registration
    from elastic_vllm.testing.values import UNKNOWN, Secret

__all__ = ["UNKNOWN", "Graph", "Registration", "Secret", "record"]

_PLACES = {
    "Graph": ("registration", "Graph"),
    "Registration": ("registration", "Registration"),
    "Secret": ("values", "Secret"),
    "UNKNOWN": ("values", "UNKNOWN"),
    "record": ("monitor", "run"),
}


def __getattr__(name: str) -> object:
    """Import a name when it is first used: what reads a graph needs no Pulumi."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, own = _PLACES[name]
    return getattr(import_module(f"{__name__}.{module}"), own)
