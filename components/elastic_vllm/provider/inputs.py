"""What programs in other languages give each component: models that check it and make its schema.

What decides which resources there are is plain; a ``Learnt`` value may be another resource's output.
"""

from typing import Annotated, Any, Self, TypeVar

import pulumi
from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator, model_validator

from elastic_vllm.placement import CLUSTER_DNS
from elastic_vllm.section import config_error
from elastic_vllm.spec import ModelSpec, ResourcesSpec, Section
from elastic_vllm.spec.model import Revision
from elastic_vllm.spec.pool import AcceleratorName
from elastic_vllm.vllm.inputs import PodInputs

_T = TypeVar("_T")


def _learnt(value: object, check: ValidatorFunctionWrapHandler) -> object:
    return value if isinstance(value, pulumi.Output) else check(value)


LEARNT = WrapValidator(_learnt)
"""On fields that take an output; what it turns out to be is checked by the component."""
Learnt = Annotated[_T, LEARNT]
ENCRYPTED = "encrypted"
"""On fields that are kept secret."""


class Toleration(Section):
    """A taint that the pods tolerate."""

    key: str
    """The taint's key."""
    operator: str = "Equal"
    """``Equal`` or ``Exists``."""
    value: str | None = None
    """The taint's value, where the operator is ``Equal``."""
    effect: str | None = None
    """``NoSchedule``, ``PreferNoSchedule`` or ``NoExecute``; all of them when left out."""


class ResolverInputs(Section):
    """A DNS server that the pods ask: pods of ``kube-system`` by their labels, or an address of the node."""

    pods: dict[str, str] | None = None
    """Labels of the server's pods."""
    cidr: str | None = None
    """The range of the server's address, where it is not a pod's."""


class PlacementInputs(Section):
    """The nodes that the pods run on."""

    accelerator: AcceleratorName
    """The GPU of the nodes, by its neutral name; startup is predicted from it."""
    node_selector: dict[str, str] = Field(default_factory=dict)
    """Labels of the nodes."""
    tolerations: tuple[Toleration, ...] = ()
    """Taints of the nodes."""
    gpu_resource: str = "nvidia.com/gpu"
    """The extended resource by which the nodes offer their GPUs."""
    most_gpus: int | None = Field(default=None, ge=1)
    """GPUs that all nodes together can have; left out where there is no such limit."""
    network_mbps: int | None = Field(default=None, ge=1)
    """What each node's network sustains, in Mbit/s. Weights are read over it."""
    has_volumes: bool = True
    """Whether a controller makes volumes for claims there."""
    resolvers: tuple[ResolverInputs, ...] = (ResolverInputs(pods=dict(CLUSTER_DNS.pods or {})),)
    """The DNS servers that pods of these nodes ask; kube-dns or CoreDNS when left out."""


class ServingNamespaceInputs(Section):
    """Inputs of ``ServingNamespace``."""

    namespace: str = Field(min_length=1)
    """The namespace's own name."""


class HpaPolicyInputs(Section):
    """Inputs of ``HpaPolicy``."""

    namespace: Learnt[str]
    """The namespace of the target."""
    target: Learnt[str]
    """The name of what is scaled: ``deploymentName`` of a ``VllmDeployment``."""
    model: ModelSpec
    """Whose ``replicas`` are the bounds and whose ``scaling`` is the policy."""


class WarmHeadroomInputs(Section):
    """Inputs of ``WarmHeadroom``."""

    namespace: Learnt[str]
    """The namespace of the model."""
    model: ModelSpec
    """Whose ``headroom`` is kept."""
    placement: PlacementInputs
    """The nodes of the model's replicas."""


class VllmDeploymentInputs(Section):
    """Inputs of ``VllmDeployment``."""

    namespace: Learnt[str]
    """The namespace of the model."""
    model: ModelSpec
    """The model, as a stack file declares it."""
    placement: PlacementInputs
    """The nodes that the replicas run on."""
    api_key: Annotated[str | None, LEARNT, ENCRYPTED] = None
    """The key that clients must send; none is asked for when left out. Another key rolls the pods."""
    weights_claim: Learnt[str | None] = None
    """A PersistentVolumeClaim with the checkpoint in the Hugging Face cache layout, mounted for reading."""
    pod_annotations: dict[str, str] = Field(default_factory=dict)
    """Further annotations of the pods."""
    image: Learnt[str | None] = None
    """The container image in the place of ``model.engine.image``."""
    resources: Annotated[ResourcesSpec | None, LEARNT] = None
    """CPU and memory in the place of ``model.resources``."""
    revision: Learnt[Revision | None] = None
    """The commit to serve in the place of ``model.revision``; needs ``weightsClaim``."""

    @model_validator(mode="after")
    def _pods_keep_the_rules_of_the_model(self) -> Self:
        for key, check in (("image", PodInputs.image_of), ("resources", PodInputs.memory_of)):
            value = getattr(self, key)
            if value is None or isinstance(value, pulumi.Output):
                continue
            try:
                check(PodInputs(**{key: value}), self.model)
            except ValidationError as problem:
                raise config_error(key, problem.errors()[0]["msg"]) from None
        return self


def normal(value: Any) -> Any:  # Any: whatever stands in a program
    """A value off the wire in pydantic's strict terms: whole numbers are ints, lists are tuples."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: normal(item) for key, item in value.items()}
    return tuple(map(normal, value)) if isinstance(value, list) else value
