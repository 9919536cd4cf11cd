"""What the Google Cloud stacks would send, against Google's own discovery documents."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace

import pytest

from elastic_vllm.testing.registration import Registration
from elastic_vllm.testing.values import mapping
from tests.gcp import EXISTING, ROOT, STACKS, cluster, declare, google, recorded
from tests.gcp_discovery import UnconsumedInputError, problems, request
from tests.manifests import pool

NODE_POOL = "gcp:container/nodePool:NodePool"
CLUSTER = "gcp:container/cluster:Cluster"
HELD = {"name": "ours", "zone": "europe-west4-b"}
IMAGE = "projects/acme-inference/global/images/vllm-0-33-0"


def wrong(planned: Registration) -> list[str]:
    call, body = request(planned)
    return list(problems(call.api, call.schema, body, planned.name))


def changed(planned: Registration, path: str, value: object) -> Registration:
    """The registration with one input put in, replaced, or (with ``None``) taken out."""

    def put(inputs: Mapping[str, object], keys: list[str]) -> Mapping[str, object]:
        head, *rest = keys
        if rest and isinstance(inputs[head], list):
            (only,) = [mapping(item) for item in inputs[head]]  # type: ignore[attr-defined]  # a list, as asked
            return {**inputs, head: [put(only, rest)]}
        if rest:
            return {**inputs, head: put(mapping(inputs[head]), rest)}
        without = {key: item for key, item in inputs.items() if key != head}
        return without if value is None else {**inputs, head: value}

    return replace(planned, inputs=put(planned.inputs, path.split(".")))


@pytest.fixture(scope="module")
def planned() -> dict[str, Registration]:
    graph = declare(cluster(), pool(machine="g2-standard-8", capacity="spot"))
    return {item.name: item for item in graph}


@pytest.mark.parametrize("stack", STACKS)
def test_every_resource_of_a_stack_is_one_that_google_describes(stack: str) -> None:
    resources = google(recorded(stack))
    assert len(resources) > 15
    assert [problem for item in resources for problem in wrong(item)] == []


@pytest.mark.parametrize(
    "keys",
    [
        {"accelerator": "a100-80", "gpusPerNode": 8},
        {"accelerator": "b200", "gpusPerNode": 8, "capacity": "spot"},
        {"accelerator": "l4", "gpusPerNode": 4, "capacity": "spot-then-on-demand", "minNodes": 1},
        {"accelerator": "a100-40"},
        {"accelerator": "h200", "gpusPerNode": 8, "capacity": "flex-start"},
        {"accelerator": "h100", "capacity": "reserved", "reservation": HELD},
    ],
)
def test_every_kind_of_pool_is_one_that_google_describes(keys: dict[str, object]) -> None:
    graph = declare(
        cluster(regional=True, authorizedNetworks=["203.0.113.0/24"], imageDisk=IMAGE), pool(**keys)
    )
    assert [problem for item in google(graph) for problem in wrong(item)] == []


def test_what_a_company_asks_of_its_machines_is_what_google_describes() -> None:
    lent = {
        "network": "projects/acme-host/global/networks/shared",
        "subnetwork": "projects/acme-host/regions/europe-west4/subnetworks/gke",
        "pods": "gke-pods",
        "services": "gke-services",
    }
    key = "projects/acme-keys/locations/europe-west4/keyRings/inference/cryptoKeys/gke"
    graph = declare(
        cluster(
            network={"existing": lent},
            encryption={"secrets": key, "disks": key},
            fleetProject="acme-fleet",
            labels={"cost-center": "ml-7"},
            networkTags=["gke-gpu"],
        ),
        pool(),
    )
    planned = [*google(graph), *google(recorded(EXISTING))]
    assert [problem for item in planned for problem in wrong(item)] == []


def test_windows_of_upgrades_and_webhooks_are_what_google_describes() -> None:
    upgrades = {
        "window": {"days": ["sat", "sun"], "start": "02:00", "hours": 6},
        "exclusions": [{"name": "holidays", "first": "2026-12-14", "until": "2027-01-04"}],
    }
    graph = declare(cluster(maintenance=upgrades, privateNetworks=["10.20.0.0/16"]), groups=True)
    assert [problem for item in google(graph) for problem in wrong(item)] == []


@pytest.mark.parametrize(
    ("name", "path", "value", "says"),
    [
        ("l4-nodes", "autoscaling.locationPolicy", "ANYWHERE", "'ANYWHERE' is not one of"),
        ("l4-nodes", "nodeConfig.taints.effect", "NoSchedule", "'NoSchedule' is not one of"),
        ("l4-nodes", "nodeConfig.guestAccelerators.count", "one", "no number in a string"),
        ("l4-nodes", "initialNodeCount", "1", "'1' is no integer"),
        ("cluster-gke", "releaseChannel.channel", "WEEKLY", "'WEEKLY' is not one of"),
        ("cluster-gke", "monitoringConfig.enableComponents", ["GPU"], "'GPU' is not one of"),
        ("cluster-gke", "enableShieldedNodes", "yes", "'yes' is no boolean"),
        ("cluster-nat", "logConfig.filter", "ERRORS", "'ERRORS' is not one of"),
        ("cluster-secrets-key", "purpose", "ENCRYPT", "'ENCRYPT' is not one of"),
    ],
)
def test_a_wrong_value_is_caught(
    planned: dict[str, Registration], name: str, path: str, value: object, says: str
) -> None:
    assert wrong(planned[name]) == []
    (found,) = wrong(changed(planned[name], path, value))
    assert says in found


@pytest.mark.parametrize(
    ("name", "path", "says"),
    [
        ("l4-nodes", "nodeConfig.taints.effect", "effect: NodeTaint is nothing without it"),
        ("l4-nodes", "nodeConfig.guestAccelerators.type", "acceleratorType: AcceleratorConfig is nothing"),
        (
            "l4-nodes",
            "nodeConfig.guestAccelerators.gpuDriverInstallationConfig",
            "gpuDriverInstallationConfig: AcceleratorConfig is nothing without it",
        ),
        ("l4-nodes", "autoscaling.totalMaxNodeCount", "totalMaxNodeCount: NodePoolAutoscaling is nothing"),
        ("cluster-gke", "network", "network: Cluster is nothing without it"),
        ("cluster-gke", "databaseEncryption.keyName", "keyName: DatabaseEncryption is nothing without it"),
        ("cluster-subnetwork", "ipCidrRange", "ipCidrRange: Subnetwork is nothing without it"),
    ],
)
def test_a_missing_member_is_caught(
    planned: dict[str, Registration], name: str, path: str, says: str
) -> None:
    (found,) = wrong(changed(planned[name], path, None))
    assert says in found


@pytest.mark.parametrize("path", ["nodeConfig.gpuDriver", "autoscaling.minimum", "labels"])
def test_an_input_that_nothing_checks_is_caught(planned: dict[str, Registration], path: str) -> None:
    with pytest.raises(UnconsumedInputError, match=f"l4-nodes.{path} is consumed by no rule"):
        request(changed(planned["l4-nodes"], path, "x"))


def test_a_resource_that_nothing_checks_is_caught(planned: dict[str, Registration]) -> None:
    stray = replace(planned["l4-nodes"], type="gcp:sql/user:User")
    with pytest.raises(UnconsumedInputError, match="nothing checks a gcp:sql/user:User"):
        request(stray)


def test_a_member_of_what_is_described_in_place_is_caught() -> None:
    body = {
        "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": "yes", "for": "ever"}},
        "location": "EU",
    }
    found = list(problems("storage.v1", "Bucket", body))
    at = ".iamConfiguration.uniformBucketLevelAccess"
    assert found == [
        f"{at}.enabled: 'yes' is no boolean",
        f"{at}.for: uniformBucketLevelAccess has no such member",
    ]


def test_a_member_that_only_google_sets_and_one_that_it_lacks_are_caught() -> None:
    body = {"cluster": {"status": "RUNNING", "gpus": 8}}
    found = "\n".join(problems("container.v1", "CreateClusterRequest", body))
    assert ".cluster.status: only Google sets it" in found
    assert ".cluster.gpus: Cluster has no such member" in found


def test_only_the_sdk_of_the_cloud_in_use_is_imported() -> None:
    program = f"""
import sys
from tests.gcp import build
for stack in {STACKS!r}:
    build(stack, preview=True)
    print(*sorted({{name.split('.')[0] for name in sys.modules if name.startswith('pulumi_')}}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.splitlines() == ["pulumi_gcp pulumi_kubernetes"] * len(STACKS)
