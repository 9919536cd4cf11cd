"""Room for further replicas of one model on nodes that are there already."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.scheduling.v1 import PriorityClass

from elastic_vllm import labels
from elastic_vllm.placement import Placement
from elastic_vllm.spec import ModelSpec
from elastic_vllm.vllm import headroom
from elastic_vllm.vllm.deployment import SKIP_AWAIT
from elastic_vllm.vllm.inputs import AS_DECLARED, PodInputs


@dataclass(frozen=True, kw_only=True)
class WarmHeadroomArgs:
    """Whose room, and where."""

    namespace: pulumi.Input[str]
    model: ModelSpec
    """``headroom`` says how many places."""
    placement: Placement
    """As the replicas have it."""
    given: PodInputs = AS_DECLARED
    """As the replicas have it."""


class WarmHeadroom(pulumi.ComponentResource):
    """Placeholder pods of a replica's own shape, and the priority that lets every replica displace them."""

    deployment_name: pulumi.Output[str]
    """The placeholders."""
    priority_class: pulumi.Output[str]
    """Their priority; pods of yours that are to yield to every replica may take it."""

    def __init__(self, name: str, args: WarmHeadroomArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("elastic-vllm:serving:WarmHeadroom", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        own = headroom.name(args.model.name)
        # Of the whole cluster, hence the namespace in its name: stacks may share a cluster, not a namespace.
        priority = PriorityClass(
            f"{name}-priority",
            metadata={
                "name": pulumi.Output.concat(args.namespace, ".", own),
                "labels": labels.shared(),
            },
            value=headroom.PRIORITY,
            global_default=False,
            preemption_policy="Never",
            description="Keeps nodes warm; yields to anything.",
            opts=child,
        )
        # Not awaited: at full load the pool has no room for placeholders, and that is as it should be.
        placeholders = Deployment(
            f"{name}-deployment",
            metadata={
                "name": own,
                "namespace": args.namespace,
                "labels": {**labels.placeholder(own), **labels.shared()},
                "annotations": {SKIP_AWAIT: "true"},
            },
            spec=headroom.deployment_spec(args.model, args.placement, priority.metadata.name, args.given),
            opts=child,
        )
        self.deployment_name = placeholders.metadata.name
        self.priority_class = priority.metadata.name
        self.register_outputs({"deploymentName": self.deployment_name, "priorityClass": self.priority_class})
