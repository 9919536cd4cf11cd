"""The weights of a stack's models: one bucket, and a Job for each revision that has to be in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes.batch.v1 import Job
from pulumi_kubernetes.core.v1 import ConfigMap, Secret, ServiceAccount
from pulumi_kubernetes.networking.v1 import NetworkPolicy

from elastic_vllm import labels
from elastic_vllm.clouds.base import Accounts, Bucket
from elastic_vllm.cluster import Cluster
from elastic_vllm.spec import ModelSpec
from elastic_vllm.vllm.deployment import TIMEOUT_SECONDS
from elastic_vllm.vllm.weights import Streamed
from elastic_vllm.vllm_deployment import encode
from elastic_vllm.weights import job
from elastic_vllm.weights.names import ACCOUNT, Fetch, fetch_of, fetches

if TYPE_CHECKING:
    from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

TOKEN_SECRET = "hub-token"  # noqa: S105  # the Secret's name, which tells nothing of it


@dataclass(frozen=True, kw_only=True)
class ModelWeightsArgs:
    """Plain values shape the graph; the token is a secret from the stack file to the Secret."""

    cluster: Cluster
    """Whose pods read the weights; the bucket is in its cloud."""
    namespace: pulumi.Input[str]
    models: Sequence[ModelSpec]
    hub_token: pulumi.Input[str] | None = None
    """Who we are to the Hugging Face hub; what is public needs none, and is fetched faster with one."""


class ModelWeights(pulumi.ComponentResource):
    """The bucket, who may use it, and what fills it. Registers nothing where the cloud has no bucket."""

    of: Mapping[str, Streamed]
    """By model, where its pods stream from; there once the weights are. Empty where there is no bucket."""

    def __init__(self, name: str, args: ModelWeightsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        own = pulumi.ResourceOptions.merge(args.cluster.dependent_opts, opts)
        super().__init__("elastic-vllm:serving:ModelWeights", name, None, own)
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        accounts = Accounts(
            namespace=args.namespace, readers=[model.name for model in args.models], writer=ACCOUNT
        )
        bucket = args.cluster.registered.weights(name, accounts, self._child)
        self.of = self._filled(name, bucket) if bucket else {}
        self.register_outputs({"bucket": bucket.address} if bucket else {})

    def _filled(self, name: str, bucket: Bucket) -> Mapping[str, Streamed]:
        jobs = {} if bucket.filled else self._jobs(name, bucket)
        return {
            model.name: Streamed(
                address=_address(bucket, fetch_of(model)),
                environment=bucket.environment,
                credentials=bucket.credentials,
                ready=[*bucket.ready, *(job for path, job in jobs.items() if path == fetch_of(model).path)],
            )
            for model in self._args.models
        }

    def _jobs(self, name: str, bucket: Bucket) -> Mapping[str, Job]:
        """What fetches each revision, by its path in the bucket."""
        before = [*bucket.ready, *self._common(name, bucket)]
        return {fetch.path: self._job(name, fetch, bucket, before) for fetch in fetches(self._args.models)}

    def _common(self, name: str, bucket: Bucket) -> list[pulumi.Resource]:
        """What every Job needs: an identity, a way out, the script, and the token if there is one."""
        found: list[pulumi.Resource] = [
            ServiceAccount(
                f"{name}-account",
                metadata=self._metadata(ACCOUNT),
                automount_service_account_token=False,
                opts=self._child,
            ),
            NetworkPolicy(
                f"{name}-network",
                metadata=self._metadata(ACCOUNT),
                spec=job.network_spec(bucket.credentials, bucket.resolvers),
                opts=self._child,
            ),
            ConfigMap(
                f"{name}-script",
                metadata=self._metadata(job.script_name()),
                data={job.SCRIPT: job.script()},
                immutable=True,
                opts=self._child,
            ),
        ]
        if self._args.hub_token is not None:
            token = pulumi.Output.from_input(self._args.hub_token).apply(encode)
            found.append(
                Secret(
                    f"{name}-token",
                    metadata=self._metadata(TOKEN_SECRET),
                    type="Opaque",
                    data={job.TOKEN: token},
                    opts=self._child,
                )
            )
        return found

    def _job(self, name: str, fetch: Fetch, bucket: Bucket, before: Sequence[pulumi.Resource]) -> Job:
        """Awaited until it is done: what depends on it finds the weights in the bucket."""
        token = None if self._args.hub_token is None else TOKEN_SECRET
        waits = {TIMEOUT_SECONDS: str(job.deadline_seconds(fetch))}
        return Job(
            f"{name}-{fetch.name}",
            metadata={
                **self._metadata(job.name(fetch, bucket.environment, token=token)),
                "annotations": waits,
            },
            spec=job.spec(fetch, _address(bucket, fetch), bucket.environment, token=token),
            opts=pulumi.ResourceOptions(parent=self, depends_on=before, delete_before_replace=True),
        )

    def _metadata(self, name: str) -> "ObjectMetaArgsDict":
        return {"name": name, "namespace": self._args.namespace, "labels": labels.shared()}


def _address(bucket: Bucket, fetch: Fetch) -> pulumi.Output[str]:
    return pulumi.Output.concat(bucket.address, "/", fetch.path)
