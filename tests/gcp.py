"""A Google Cloud that says yes: graphs of the stacks of ``cloud: gcp``, with what an update would learn."""

import json
import runpy
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from elastic_vllm.clouds.gcp.cloud import GcpCloud
from elastic_vllm.cluster import Cluster, ClusterArgs
from elastic_vllm.cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
from elastic_vllm.gpu_node_pool import GpuNodePool, GpuNodePoolArgs
from elastic_vllm.spec import GcpCluster, NodeAutoscalingSpec, NodePoolSpec
from elastic_vllm.stack_file.config import PROJECT, read_stack_file
from elastic_vllm.testing.monitor import Applied, run
from elastic_vllm.testing.registration import Graph, Registration
from tests.manifests import GROUP, model

ROOT = Path(__file__).parents[1]
STACKS = ("gcp-dev", "gcp-prod")
"""Those that make all they stand on."""
EXISTING = "gcp-existing"
"""On a cluster that exists."""
CANARY = "sk-canary-gcp-41c7"
HUB_CANARY = "hf_canary5e0c"
LEARNED: Mapping[str, Mapping[str, object]] = {
    "gcp:container/cluster:Cluster": {
        "endpoint": "198.51.100.7",
        "controlPlaneEndpointsConfig": {
            "dnsEndpointConfig": {
                "allowExternalTraffic": True,
                "endpoint": "gke-1a2b3c4.europe-west4.gke.goog",
            }
        },
        "masterAuth": {"clusterCaCertificate": "Q0E="},
    },
    "gcp:projects/serviceIdentity:ServiceIdentity": {"member": "serviceAccount:agent@example.invalid"},
    "gcp:serviceaccount/account:Account": {"email": "nodes@example.invalid"},
    "gcp:storage/bucket:Bucket": {"projectNumber": 123456789012},
}
"""What Google answers, by type, besides an id and a name."""


def answer(registration: Registration) -> Applied:
    """Ids and names as a provider would give them, always the same."""
    named = {"name": f"{registration.name}-1a2b3c4"} if registration.package == "gcp" else {}
    learned = LEARNED.get(registration.type, {})
    return Applied(id=f"id-of-{registration.name}", outputs={**named, **registration.inputs, **learned})


def build(stack: str, *, preview: bool = False, **sections: object) -> Graph:
    """The whole program for a committed stack; ``sections`` stand in the place of the file's own."""
    declared = {**read_stack_file(ROOT / "stacks" / f"Pulumi.{stack}.yaml"), **sections}
    config = {
        f"{PROJECT}:{name}": value if isinstance(value, str) else json.dumps(value)
        for name, value in declared.items()
    }
    return run(
        lambda: runpy.run_path(str(ROOT / "__main__.py")),
        preview=preview,
        config={
            **config,
            f"{PROJECT}:apiKeys": json.dumps({"chat": CANARY}),
            f"{PROJECT}:hubToken": HUB_CANARY,
        },
        secret_keys=[f"{PROJECT}:apiKeys", f"{PROJECT}:hubToken"],
        stack=stack,
        provider=None if preview else answer,
    )


@cache
def recorded(stack: str) -> Graph:
    """A committed stack as it is, built once for all tests that only read."""
    return build(stack)


def cluster(**keys: object) -> GcpCluster:
    """A cluster as a stack file writes it."""
    given = {"cloud": "gcp", "project": "acme-inference", "region": "europe-west4", **keys}
    return GcpCluster.model_validate(given)


def declare(
    spec: GcpCluster,
    *pools: NodePoolSpec,
    autoscaling: NodeAutoscalingSpec | None = None,
    groups: bool = False,
) -> Graph:
    """A cluster and pools, without models; with the controller of groups where it is asked for."""
    models = [model(**GROUP)] if groups else []

    def program() -> None:
        cluster = Cluster("cluster", ClusterArgs(cloud=GcpCloud(spec), models=models))
        autoscaler = ClusterAutoscaler(
            "autoscaler", ClusterAutoscalerArgs(cluster=cluster, spec=autoscaling or NodeAutoscalingSpec())
        )
        for pool in pools:
            GpuNodePool(pool.name, GpuNodePoolArgs(autoscaler=autoscaler, pool=pool))

    return run(program, provider=answer)


def google(graph: Graph) -> list[Registration]:
    """Everything that ends at Google."""
    return [item for item in graph if item.package == "gcp" and not item.is_provider]
