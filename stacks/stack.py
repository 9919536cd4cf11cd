"""The whole of a stack file as one type. The sections are in ``components/spec``; what they must keep between

each other is in ``stacks/checks``.
"""

from typing import Annotated

from pydantic import AfterValidator, Field

from components.spec import ClusterSpec, ModelSpec, Name, NodeAutoscalingSpec, NodePoolSpec, Section

PROJECT = "elastic-vllm"
"""The Pulumi project, hence the prefix of every section's key."""

SECRETS = "apiKeys"
"""The one section that is no part of ``StackConfig``: pydantic would print its values."""


def _not_the_systems(namespace: str) -> str:
    if namespace == "default" or namespace.startswith("kube-"):
        raise ValueError(f"{namespace!r} belongs to Kubernetes; the stack makes its own, as in inference")
    return namespace


class StackConfig(Section):
    """Everything a stack declares: where it runs, its GPU pools, and the models served from them."""

    cluster: ClusterSpec
    """Where the stack runs."""
    namespace: Annotated[Name, AfterValidator(_not_the_systems)] = "inference"
    """The namespace of all models. The stack makes it, and it goes with the stack."""
    pools: tuple[NodePoolSpec, ...] = Field(min_length=1)
    """The GPU pools, each of one machine shape."""
    autoscaler: NodeAutoscalingSpec = NodeAutoscalingSpec()
    """When nodes of any pool are given back."""
    models: tuple[ModelSpec, ...] = ()
    """The models served."""
