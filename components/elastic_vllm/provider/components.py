"""Which components other languages have, and how each is built from its inputs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pulumi

from elastic_vllm.clouds.base import Placement
from elastic_vllm.hpa_policy import HpaPolicy, HpaPolicyArgs
from elastic_vllm.provider import inputs
from elastic_vllm.serving_namespace import ServingNamespace, ServingNamespaceArgs
from elastic_vllm.spec import Section
from elastic_vllm.vllm.weights import Mounted
from elastic_vllm.vllm_deployment import VllmDeployment, VllmDeploymentArgs
from elastic_vllm.warm_headroom import WarmHeadroom, WarmHeadroomArgs

PACKAGE = "elastic-vllm"


@dataclass(frozen=True, kw_only=True)
class Component:
    """One component: the class that Python programs use, and what it is made from elsewhere."""

    kind: type[pulumi.ComponentResource]
    inputs: type[Section]
    arguments: Callable[[Any], object]  # Any: an instance of ``inputs``
    """The class's own arguments, from checked inputs."""

    @property
    def token(self) -> str:
        """The resource type: what a Python program registers, so that state does not tell languages apart."""
        return f"{PACKAGE}:serving:{self.kind.__name__}"


def _namespace(given: inputs.ServingNamespaceInputs) -> ServingNamespaceArgs:
    return ServingNamespaceArgs(namespace=given.namespace)


def _deployment(given: inputs.VllmDeploymentInputs) -> VllmDeploymentArgs:
    return VllmDeploymentArgs(
        namespace=given.namespace,
        model=given.model,
        placement=_placement(given.placement),
        api_key=given.api_key,
        weights=None if given.weights_claim is None else Mounted(claim=given.weights_claim),
        pod_annotations=given.pod_annotations,
        image=given.image,
        resources=given.resources,
        revision=given.revision,
    )


def _hpa(given: inputs.HpaPolicyInputs) -> HpaPolicyArgs:
    return HpaPolicyArgs(namespace=given.namespace, target=given.target, model=given.model)


def _headroom(given: inputs.WarmHeadroomInputs) -> WarmHeadroomArgs:
    placement = _placement(given.placement)
    return WarmHeadroomArgs(namespace=given.namespace, model=given.model, placement=placement)


def _placement(given: inputs.PlacementInputs) -> Placement:
    values = {name: getattr(given, name) for name in inputs.PlacementInputs.model_fields}
    tolerations = [each.model_dump(exclude_none=True) for each in given.tolerations]
    return Placement(**values | {"tolerations": tolerations})


COMPONENTS = (
    Component(kind=HpaPolicy, inputs=inputs.HpaPolicyInputs, arguments=_hpa),
    Component(kind=ServingNamespace, inputs=inputs.ServingNamespaceInputs, arguments=_namespace),
    Component(kind=VllmDeployment, inputs=inputs.VllmDeploymentInputs, arguments=_deployment),
    Component(kind=WarmHeadroom, inputs=inputs.WarmHeadroomInputs, arguments=_headroom),
)
"""The others (``Cluster``, ``ClusterAutoscaler``, ``GpuNodePool``, ``ModelWeights``) take Python objects."""
