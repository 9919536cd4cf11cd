"""The vLLM replicas of one model, with all that keeps them safe to roll, drain, reach and move."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ConfigMap, PersistentVolumeClaim, Secret, Service, ServiceAccount
from pulumi_kubernetes.networking.v1 import NetworkPolicy
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from elastic_vllm import labels
from elastic_vllm.placement import Placement
from elastic_vllm.spec import ModelSpec, ResourcesSpec
from elastic_vllm.vllm import deployment, group, network, routes, startup, weights
from elastic_vllm.vllm.arguments import PORT
from elastic_vllm.vllm.container import API_KEY
from elastic_vllm.vllm.inputs import PodInputs
from elastic_vllm.vllm.pod import claim_name, claim_spec, template
from elastic_vllm.vllm.weights import Weights
from elastic_vllm.warm_headroom import WarmHeadroom, WarmHeadroomArgs

if TYPE_CHECKING:
    from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict


KEY_DIGEST = f"{labels.PREFIX}/api-key-digest"
"""On pods: which key they were started with."""


@dataclass(frozen=True, kw_only=True)
class VllmDeploymentArgs:
    """Plain values shape the graph; what an update may first learn is an ``Input``."""

    namespace: pulumi.Input[str]
    model: ModelSpec
    placement: Placement
    """Where the pods run: ``GpuNodePool.placement``, or one of your own."""
    api_key: pulumi.Input[str] | None = None
    """The key that clients must send; none is asked for when left out. Another key rolls the pods."""
    weights: Weights | None = None
    """Where the weights are: ``ModelWeights.of`` the model, or a claim of your own (``Mounted``).

    Left out, there are none: enough for the embedded cluster, which runs no container. A real vLLM is
    offline and does not start without weights.
    """
    pod_annotations: Mapping[str, str] = field(default_factory=dict)
    """Further annotations of the pods: ``GpuNodePool.pod_annotations``."""
    image: pulumi.Input[str] | None = None
    """The container image in the place of ``engine.image``, as where this program mirrors it."""
    resources: pulumi.Input[ResourcesSpec] | None = None
    """CPU and memory in the place of ``resources``; what was predicted and planned keeps to the spec's."""
    revision: pulumi.Input[str] | None = None
    """The commit to serve in the place of ``revision``, where ``weights`` are a mounted hub cache."""


class VllmDeployment(pulumi.ComponentResource):
    """A Deployment, its Service, account, disruption budget, network policy, gate and, with a key, Secret.

    With ``engine.compileCache`` there is a volume claim too. A replica of several nodes is a group of a
    LeaderWorkerSet, whose controller the cluster needs. Where the model has headroom, the placeholders that
    keep it belong to it too.
    """

    autoscaled: bool
    """Whether the bounds leave the number of replicas to an autoscaler: ``HpaPolicy``, or one of your own."""
    deployment_name: pulumi.Output[str]
    """What an autoscaler scales, a LeaderWorkerSet for groups; known when the replicas are Ready."""
    service_name: pulumi.Output[str]
    """The Service, on port 8000 in the same namespace."""
    endpoint: pulumi.Output[str]
    """Base URL of the OpenAI API, inside the cluster, for pods with the client label."""

    def __init__(
        self, name: str, args: VllmDeploymentArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("elastic-vllm:serving:VllmDeployment", name, None, opts)
        if args.revision is not None and not isinstance(args.weights, weights.Mounted):
            raise ValueError(
                "revision: picks a commit of a mounted hub cache; give weights=Mounted(claim=…) too"
            )
        self._args = args
        self._given = PodInputs(image=args.image, resources=args.resources, revision=args.revision)
        self._child = pulumi.ResourceOptions(parent=self)
        before: list[pulumi.Resource] = [self._service_account(), *self._network_policies(), self._gate()]
        secret = None
        if args.api_key is not None:
            secret = f"{args.model.name}-api-key"
            before.append(self._secret(secret, args.api_key))
        self.autoscaled = deployment.is_autoscaled(args.model.replicas)
        before += self._compile_cache()
        replicas = self._replicas(secret, [*before, *weights.ready(args.weights)])
        self._disruption_budget()
        if args.model.headroom:
            room = WarmHeadroomArgs(
                namespace=args.namespace, model=args.model, placement=args.placement, given=self._given
            )
            WarmHeadroom(f"{name}-headroom", room, self._child)
        self.deployment_name = replicas
        self.service_name = self._service().metadata.name
        self.endpoint = pulumi.Output.concat(
            "http://", self.service_name, ".", args.namespace, f".svc:{PORT}/v1"
        )
        self.register_outputs(
            {
                "deploymentName": self.deployment_name,
                "serviceName": self.service_name,
                "endpoint": self.endpoint,
            }
        )

    def _service_account(self) -> ServiceAccount:
        """An identity of the model's own; no token of it is mounted, since vLLM calls no Kubernetes API."""
        return ServiceAccount(
            f"{self.pulumi_resource_name}-account",
            metadata=self._metadata(self._args.model.name),
            automount_service_account_token=False,
            opts=self._child,
        )

    def _network_policies(self) -> list[pulumi.Resource]:
        model = self._args.model
        credentials = weights.credentials(self._args.weights)
        policy = network.policy_spec(model.name, self._args.placement.resolvers, credentials)
        specs = {"network": (model.name, policy)}
        if model.is_group:
            specs["ranks"] = (f"{model.name}-ranks", group.network_policy_spec(model.name))
        return [
            NetworkPolicy(
                f"{self.pulumi_resource_name}-{role}",
                metadata=self._metadata(name),
                spec=spec,
                opts=self._child,
            )
            for role, (name, spec) in specs.items()
        ]

    def _gate(self) -> ConfigMap:
        """The layer that lets only declared routes through, as code and data that vLLM itself loads."""
        return ConfigMap(
            f"{self.pulumi_resource_name}-gate",
            metadata=self._metadata(routes.config_name(self._args.model)),
            data=routes.data(self._args.model),
            immutable=True,
            opts=self._child,
        )

    def _secret(self, secret: str, api_key: pulumi.Input[str]) -> Secret:
        """The key, under a name that tells nothing of it.

        The SDK marks a Secret's data as secret by itself, whatever the key was before.
        """
        encoded = pulumi.Output.from_input(api_key).apply(encode)
        return Secret(
            f"{self.pulumi_resource_name}-key",
            metadata=self._metadata(secret),
            type="Opaque",
            data={API_KEY: encoded},
            opts=self._child,
        )

    def _key_annotation(self) -> Mapping[str, pulumi.Output[str]]:
        """vLLM reads its key as it starts: old replicas would keep the old one, new ones have the new."""
        if self._args.api_key is None:
            return {}
        model = self._args.model.name
        key = pulumi.Output.secret(self._args.api_key)
        return {KEY_DIGEST: key.apply(lambda found: digest(found, model))}

    def _compile_cache(self) -> list[pulumi.Resource]:
        """Not awaited: some classes make the volume only once a pod waits for it."""
        kept = self._args.model.engine.compile_cache
        if kept is None or not self._args.placement.has_volumes:
            return []
        name = claim_name(self._args.model, kept)
        claim = PersistentVolumeClaim(
            name,
            metadata=self._metadata(name, {deployment.SKIP_AWAIT: "true"}),
            spec=claim_spec(kept),
            opts=self._child,
        )
        return [claim]

    def _replicas(self, secret: str | None, before: list[pulumi.Resource]) -> pulumi.Output[str]:
        args, model = self._args, self._args.model
        budget = startup.budget_seconds(model, args.placement.accelerator, args.placement.network_mbps)
        annotations: dict[str, pulumi.Input[str]] = {**args.pod_annotations, **self._key_annotation()}
        pods = template(
            model, args.placement, annotations, secret=secret, weights=args.weights, given=self._given
        )
        waits = {deployment.TIMEOUT_SECONDS: str(startup.rollout_seconds(model, budget))}
        surge = deployment.surge(model, args.placement.most_gpus)
        opts = pulumi.ResourceOptions(parent=self, depends_on=before)
        if model.is_group:
            groups = CustomResource(
                f"{self.pulumi_resource_name}-groups",
                api_version=group.API_VERSION,
                kind=group.KIND,
                metadata=self._metadata(model.name, {**waits, group.WAIT_FOR: group.AVAILABLE}),
                spec=group.spec(model, pods, surge),
                opts=opts,
            )
            return groups.urn.apply(lambda _: model.name)
        return Deployment(
            f"{self.pulumi_resource_name}-deployment",
            metadata=self._metadata(model.name, waits),
            spec=deployment.deployment_spec(model, pods, budget, surge),
            opts=opts,
        ).metadata.name

    def _disruption_budget(self) -> PodDisruptionBudget:
        return PodDisruptionBudget(
            f"{self.pulumi_resource_name}-disruption",
            metadata=self._metadata(self._args.model.name),
            spec=deployment.disruption_budget_spec(self._args.model.name),
            opts=self._child,
        )

    def _service(self) -> Service:
        """Not awaited: it has endpoints when the Deployment, which is awaited, has replicas."""
        return Service(
            f"{self.pulumi_resource_name}-service",
            metadata=self._metadata(self._args.model.name, {deployment.SKIP_AWAIT: "true"}),
            spec=deployment.service_spec(
                self._args.model.name, group.LEADERS if self._args.model.is_group else None
            ),
            opts=self._child,
        )

    def _metadata(self, name: str, annotations: Mapping[str, str] | None = None) -> "ObjectMetaArgsDict":
        return deployment.metadata(name, self._args.namespace, self._args.model.name, annotations)


def digest(secret: str, salt: str) -> str:
    """Tells one key from another, and nothing of either: slow to guess at, by design.

    https://docs.python.org/3/library/hashlib.html#hashlib.scrypt, with 16 MiB and about 50 ms for each guess.
    """
    return hashlib.scrypt(secret.encode(), salt=salt.encode(), n=2**14, r=8, p=1, dklen=8).hex()


def encode(secret: str) -> str:
    """A Secret's ``data`` is base64; ``stringData`` would never read back as it was written."""
    return base64.b64encode(secret.encode()).decode("ascii")
