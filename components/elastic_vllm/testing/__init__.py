"""Records what a Pulumi program registers, without the CLI, a provider, a cloud or a cluster.

``record(program)`` runs a function to its end, every ``apply`` included, and returns the ``Graph`` of its
``Registration``s; ``graph.named("chat").inputs`` is plain Python. A secret is a ``Secret``, which does not
print; what a preview cannot know is ``UNKNOWN``.
"""

from typing import TYPE_CHECKING

from elastic_vllm.testing.registration import Graph, Registration
from elastic_vllm.testing.values import UNKNOWN, Secret

if TYPE_CHECKING:
    from elastic_vllm.testing.monitor import run as record

__all__ = ["UNKNOWN", "Graph", "Registration", "Secret", "record"]


def __getattr__(name: str) -> object:
    """Import the recorder when it is first used: what reads a graph needs no Pulumi."""
    if name != "record":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from elastic_vllm.testing.monitor import run  # noqa: PLC0415

    return run
