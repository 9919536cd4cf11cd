"""Every Kubernetes object of the cloud stacks is one that a real apiserver takes, Karpenter's own among them.

The ``EC2NodeClass`` is checked by the CRD of the very version that the stacks install, its CEL rules too; the
``NodePool`` by the CRD that the embedded cluster's Karpenter brings. Server-side dry runs: nothing is stored.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from elastic_vllm.clouds.aws.autoscaler import VERSION
from elastic_vllm.testing.registration import Graph
from fleet.embedded.layout import Layout
from fleet.kube.apiserver import ApiError, Apiserver, connect
from tests.aws import EVERY as AWS_STACKS
from tests.aws import EXISTING, MANAGED, execute, recorded
from tests.cluster.dry_runs import Body, body, objects, pods, ref_of, remove, try_out, try_pod
from tests.cluster.objects import apply
from tests.gcp import EXISTING as ON_EXISTING_GKE
from tests.gcp import STACKS as GCP_STACKS
from tests.gcp import build

pytestmark = pytest.mark.cluster
MODULE = f"github.com/aws/karpenter-provider-aws@v{VERSION}"
NAMESPACE = "inference"
GROUPS = "aws-dev with managed node groups"
STACKS = (*AWS_STACKS, GROUPS, *GCP_STACKS, ON_EXISTING_GKE)


@pytest.fixture(scope="module")
def crd(tmp_path_factory: pytest.TempPathFactory) -> Body:
    """The CRD of EC2NodeClass, from the module's source; skips where the module cannot be had."""
    try:
        done = subprocess.run(
            ["go", "mod", "download", "-json", MODULE],
            cwd=tmp_path_factory.mktemp("go"),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        pytest.skip(f"{MODULE} cannot be had: {problem}")
    found = json.loads(done.stdout or "{}")
    if "Dir" not in found:
        pytest.skip(f"{MODULE} cannot be had: {found.get('Error') or done.stderr}")
    return yaml.safe_load(
        (Path(found["Dir"]) / "pkg/apis/crds/karpenter.k8s.aws_ec2nodeclasses.yaml").read_text()
    )


@pytest.fixture(scope="module")
def api(cluster: Layout, crd: Body) -> Iterator[Apiserver]:
    served = connect(cluster.kubeconfig)
    (namespace,) = recorded("aws-dev").of_type("kubernetes:core/v1:Namespace")
    there = {ref_of(wanted): wanted for wanted in (crd, body(namespace))}
    for ref, wanted in there.items():
        apply(served, ref, wanted, force=True)
    deadline = time.monotonic() + 60
    while served.kind("karpenter.k8s.aws/v1", "EC2NodeClass") is None:
        assert time.monotonic() < deadline, "the CRD is not served"
        time.sleep(0.5)
    yield served
    for ref in there:
        remove(served, ref)


@cache
def graph_of(stack: str) -> Graph:
    if stack == GROUPS:
        return execute("aws-dev", cluster=MANAGED)
    return recorded(stack) if stack in AWS_STACKS else build(stack)


@pytest.mark.parametrize("stack", STACKS)
def test_every_object_is_accepted(api: Apiserver, stack: str) -> None:
    wanted = objects(graph_of(stack))
    kinds = {item.type.rpartition(":")[2] for item in wanted}
    assert kinds >= {"Deployment", "HorizontalPodAutoscaler", "NetworkPolicy", "PodDisruptionBudget"}
    assert ({"EC2NodeClass", "NodePool"} <= kinds) is (stack in AWS_STACKS)
    for item in wanted:
        try_out(api, body(item))


@pytest.mark.parametrize("stack", STACKS)
def test_so_are_the_pods_of_every_model_and_of_every_job(api: Apiserver, stack: str) -> None:
    wanted = list(pods(graph_of(stack)))
    fetched = set() if stack == EXISTING else {"prefetch"}  # its bucket has the weights
    assert {pod["spec"]["containers"][0]["name"] for pod in wanted} == {"vllm"} | fetched
    for pod in wanted:
        try_pod(api, NAMESPACE, pod)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("instanceStorePolicy", "RAID5", "Unsupported value"),
        ("amiSelectorTerms", [{"alias": "bottlerocket"}], "improperly formatted"),
        ("role", "node", "must specify exactly one"),
        ("subnetSelector", [], "field not declared in schema"),
        ("tags", {"karpenter.sh/nodepool": "x"}, "restricted tag"),
    ],
)
def test_a_class_that_karpenter_would_refuse_is_refused(
    api: Apiserver, key: str, value: object, says: str
) -> None:
    spoilt = body(recorded("aws-dev").named("l4-nodes-class"))
    spoilt["spec"][key] = value
    with pytest.raises(ApiError, match=says):
        try_out(api, spoilt)


def test_a_fetching_pod_that_might_be_root_is_refused(api: Apiserver) -> None:
    (pod,) = [pod for pod in pods(graph_of("gcp-dev")) if pod["spec"]["containers"][0]["name"] == "prefetch"]
    pod["spec"]["securityContext"].pop("runAsNonRoot")
    with pytest.raises(ApiError, match="runAsNonRoot"):
        try_pod(api, NAMESPACE, pod)
