"""The whole of a stack file as one type. What its sections must keep between each other is in ``rules``."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field

from elastic_vllm.spec import ClusterSpec, ModelSpec, Name, NodeAutoscalingSpec, NodePoolSpec, Section

PROJECT = "elastic-vllm"
"""The Pulumi project, hence the prefix of every section's key."""

SECRETS = "apiKeys"
"""A section that is no part of ``StackConfig``: pydantic would print its values."""
HUB_TOKEN = "hubToken"  # noqa: S105  # the section's name
"""Likewise."""
SECRET_SECTIONS = (SECRETS, HUB_TOKEN)

WORDS = ("namespace", "environment")
"""Sections that are one word, which Pulumi hands over as it stands."""


def _not_the_systems(namespace: str) -> str:
    if namespace == "default" or namespace.startswith("kube-"):
        raise ValueError(f"{namespace!r} belongs to Kubernetes; the stack makes its own, as in inference")
    return namespace


class BudgetSpec(Section):
    """What the stack may cost. Checked before anything is made; nothing enforces it later."""

    max_hourly_usd: float | None = Field(default=None, gt=0)
    """USD per hour at ``replicas.max``, each pool at the dearest way of buying it allows."""
    max_price_age_days: int = Field(default=365, ge=1)
    """How old a catalogue price may be before a finding says so."""


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
    environment: Literal["development", "production"] = "development"
    """``production`` asks more of the file: keys, protection, a replica to spare. It changes no resource."""
    budget: BudgetSpec = BudgetSpec()
    """What the stack may cost."""

    def as_pulled(self) -> Self:
        """The same with each image by the name that nodes pull it by; rules see the name in the file."""

        def pulled(model: ModelSpec) -> ModelSpec:
            engine = model.engine.model_copy(update={"image": self.cluster.pulled(model.engine.image)})
            return model.model_copy(update={"engine": engine})

        return self.model_copy(update={"models": tuple(pulled(model) for model in self.models)})
