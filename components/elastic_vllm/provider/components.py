"""Which components other languages have, and how each is built from its inputs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pulumi

from elastic_vllm.hpa_policy import HpaPolicy, HpaPolicyArgs
from elastic_vllm.placement import Placement, Resolver
from elastic_vllm.provider import inputs
from elastic_vllm.serving_namespace import ServingNamespace, ServingNamespaceArgs
from elastic_vllm.spec import Section
from elastic_vllm.vllm.weights import Mounted
from elastic_vllm.vllm_deployment import VllmDeployment, VllmDeploymentArgs
from elastic_vllm.warm_headroom import WarmHeadroom, WarmHeadroomArgs

PACKAGE = "elastic-vllm"
_Options = pulumi.ResourceOptions | None


@dataclass(frozen=True, kw_only=True)
class Component:
    """One component: the class that Python programs use, and what it is made from elsewhere."""

    kind: type[pulumi.ComponentResource]
    inputs: type[Section]
    build: Callable[[str, Any, _Options], pulumi.ComponentResource]  # Any: an instance of ``inputs``
    """Registers it under a name, from checked inputs."""

    @property
    def token(self) -> str:
        """The resource type: what a Python program registers, so that state does not tell languages apart."""
        return f"{PACKAGE}:serving:{self.kind.__name__}"


def _namespace(name: str, given: inputs.ServingNamespaceInputs, opts: _Options) -> ServingNamespace:
    return ServingNamespace(name, ServingNamespaceArgs(namespace=given.namespace), opts)


def _deployment(name: str, given: inputs.VllmDeploymentInputs, opts: _Options) -> VllmDeployment:
    args = VllmDeploymentArgs(
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
    return VllmDeployment(name, args, opts)


def _hpa(name: str, given: inputs.HpaPolicyInputs, opts: _Options) -> HpaPolicy:
    args = HpaPolicyArgs(namespace=given.namespace, target=given.target, model=given.model)
    return HpaPolicy(name, args, opts)


def _headroom(name: str, given: inputs.WarmHeadroomInputs, opts: _Options) -> WarmHeadroom:
    placement = _placement(given.placement)
    args = WarmHeadroomArgs(namespace=given.namespace, model=given.model, placement=placement)
    return WarmHeadroom(name, args, opts)


def _placement(given: inputs.PlacementInputs) -> Placement:
    values = {name: getattr(given, name) for name in inputs.PlacementInputs.model_fields}
    tolerations = [each.model_dump(exclude_none=True) for each in given.tolerations]
    resolvers = [Resolver(pods=each.pods, cidr=each.cidr) for each in given.resolvers]
    return Placement(**values | {"tolerations": tolerations, "resolvers": resolvers})


COMPONENTS = (
    Component(kind=HpaPolicy, inputs=inputs.HpaPolicyInputs, build=_hpa),
    Component(kind=ServingNamespace, inputs=inputs.ServingNamespaceInputs, build=_namespace),
    Component(kind=VllmDeployment, inputs=inputs.VllmDeploymentInputs, build=_deployment),
    Component(kind=WarmHeadroom, inputs=inputs.WarmHeadroomInputs, build=_headroom),
)
"""The others (``Cluster``, ``ClusterAutoscaler``, ``GpuNodePool``, ``ModelWeights``) take Python objects."""
