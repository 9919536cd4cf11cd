"""Stacks on what a company has: a network, a cluster, keys; the stack makes and bills none of it."""

import json
from pathlib import Path

import pytest

from elastic_vllm.clouds.gcp import weights
from elastic_vllm.clouds.gcp.deployer import commands, roles
from elastic_vllm.clouds.gcp.identity import NODE_ROLES
from elastic_vllm.spec import GcpCluster
from elastic_vllm.stack_file.config import StackConfigError, parse
from elastic_vllm.stack_file.parsing import validate
from elastic_vllm.testing.registration import Graph
from tests.gcp import EXISTING, build, cluster, declare, google, recorded
from tests.manifests import Golden, inputs, names, normalised, pool

NODES = "gke-nodes@acme-inference.iam.gserviceaccount.com"
PLATFORM = {"name": "platform", "endpoint": "gke-1a2b3c4d5e6f-123456789012.europe-west4.gke.goog"}
SHARED = {
    "network": "projects/acme-host/global/networks/shared",
    "subnetwork": "projects/acme-host/regions/europe-west4/subnetworks/gke",
    "pods": "gke-pods",
    "services": "gke-services",
}
KEY = "projects/acme-keys/locations/europe-west4/keyRings/inference/cryptoKeys/"
SECTION = {"cloud": "gcp", "project": "acme-inference", "region": "europe-west4"}
L4 = {"name": "l4", "accelerator": "l4", "maxNodes": 1}


def kinds(graph: Graph) -> list[str]:
    return sorted(item.type.rpartition(":")[2] for item in google(graph))


def refused(**keys: object) -> str:
    with pytest.raises(StackConfigError) as caught:
        parse({"cluster": {**SECTION, **keys}, "pools": [L4]})
    return str(caught.value)


def on_existing(**keys: object) -> str:
    return refused(**{"existing": PLATFORM, "nodeServiceAccount": NODES, **keys})


def existing_cluster() -> GcpCluster:
    return cluster(existing=PLATFORM, nodeServiceAccount=NODES)


def printed(**keys: object) -> str:
    return "\n".join(commands(cluster(**keys), NODE_ROLES))


def test_the_stack_on_a_cluster_that_exists_is_the_graph_that_was_reviewed(golden: Golden) -> None:
    golden(f"{EXISTING}.json", normalised(recorded(EXISTING), Path("no kubeconfig of a file")))


def test_on_a_cluster_that_exists_there_are_only_pools_and_weights() -> None:
    assert kinds(recorded(EXISTING)) == ["Bucket", *["BucketIAMMember"] * 3, *["NodePool"] * 2]


def test_a_preview_of_it_registers_the_same_resources_as_an_update() -> None:
    assert names(build(EXISTING, preview=True)) == names(recorded(EXISTING))


def test_its_objects_go_to_that_cluster_by_name_and_without_a_key() -> None:
    provider = inputs(recorded(EXISTING), "cluster-provider")
    assert provider["clusterIdentifier"] == "projects/acme-inference/locations/europe-west4/clusters/platform"
    (entry,) = json.loads(str(provider["kubeconfig"].value))["clusters"]
    assert entry["cluster"] == {"server": f"https://{PLATFORM['endpoint']}"}


def test_its_pools_join_that_cluster_in_the_zones_of_the_stack_file() -> None:
    for item in recorded(EXISTING).of_type("gcp:container/nodePool:NodePool"):
        given = inputs(recorded(EXISTING), item.name)
        assert (given["cluster"], given["location"]) == ("platform", "europe-west4")
        assert given["nodeLocations"] == ["europe-west4-a", "europe-west4-b", "europe-west4-c"]
        assert given["nodeConfig"]["serviceAccount"] == NODES


def test_a_cluster_in_one_zone_is_found_in_that_zone() -> None:
    spec = cluster(existing=PLATFORM, nodeServiceAccount=NODES, zones=["europe-west4-a", "europe-west4-b"])
    graph = declare(spec, pool())
    assert inputs(graph, "l4-nodes")["location"] == "europe-west4-a"


def test_a_controller_of_groups_opens_no_firewall_that_is_not_the_stack_s() -> None:
    for keys in ({"network": {"existing": SHARED}}, {"existing": PLATFORM, "nodeServiceAccount": NODES}):
        graph = declare(cluster(**keys), groups=True)
        assert graph.named("cluster-groups")
        assert "Firewall" not in kinds(graph)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("authorizedNetworks", ["203.0.113.0/24"]),
        ("dnsEndpoint", True),
        ("encryption", {"secrets": "google"}),
        ("fleetProject", "acme-fleet"),
        ("maintenance", {"window": {"start": "02:00"}}),
        ("network", {"existing": SHARED}),
        ("privateNetworks", ["10.0.0.0/8"]),
        ("releaseChannel", "stable"),
        ("systemMachine", "e2-standard-4"),
    ],
)
def test_a_key_that_says_how_a_cluster_is_made_is_refused_on_one_that_exists(key: str, value: object) -> None:
    named = "encryption.secrets" if key == "encryption" else key
    assert f"cluster.{named}: has no effect with cluster.existing" in on_existing(**{key: value})


def test_a_cluster_that_exists_has_an_account_for_its_nodes() -> None:
    assert "cluster.nodeServiceAccount: is missing" in refused(existing=PLATFORM)


def test_an_address_is_no_name_of_a_control_plane() -> None:
    assert "cluster.existing.endpoint" in on_existing(existing={**PLATFORM, "endpoint": "198.51.100.7"})


def test_in_a_network_that_exists_the_cluster_uses_its_ranges_and_nothing_of_a_network_is_made() -> None:
    graph = declare(cluster(network={"existing": SHARED}))
    assert not {"Network", "Subnetwork", "Router", "RouterNat", "Firewall"} & {*kinds(graph)}
    given = inputs(graph, "cluster-gke")
    assert (given["network"], given["subnetwork"]) == (SHARED["network"], SHARED["subnetwork"])
    assert given["ipAllocationPolicy"] == {
        "clusterSecondaryRangeName": "gke-pods",
        "servicesSecondaryRangeName": "gke-services",
    }


@pytest.mark.parametrize("key", ["nodes", "pods", "services"])
def test_a_network_that_exists_has_its_own_ranges(key: str) -> None:
    text = refused(network={"existing": SHARED, key: "10.64.0.0/16"})
    assert f"cluster.network.{key}: is not used with network.existing" in text


def test_a_subnetwork_of_another_region_is_refused() -> None:
    elsewhere = {**SHARED, "subnetwork": "projects/acme-host/regions/us-east1/subnetworks/gke"}
    assert "cluster.network.existing.subnetwork: projects/acme-host" in refused(
        network={"existing": elsewhere}
    )


def test_the_size_of_a_range_that_exists_is_not_judged() -> None:
    pools = [{**L4, "name": name, "maxNodes": 1000} for name in ("one", "two")]
    for network, judged in (({"existing": SHARED}, False), ({}, True)):
        config = validate({"cluster": {**SECTION, "network": network}, "pools": pools})
        assert any(finding.id == "too-few-addresses" for finding in config.cluster.check(config)) is judged


def test_a_control_plane_without_a_name_is_reached_from_the_network_that_exists() -> None:
    assert cluster(dnsEndpoint=False, network={"existing": SHARED}).dns_endpoint is False


def test_what_exists_is_neither_billed_nor_counted() -> None:
    own = cluster()
    lent, existing = cluster(network={"existing": SHARED}), existing_cluster()
    assert set(own.bill().fixed) - set(lent.bill().fixed) == {"nat-machine", "public-address"}
    assert existing.bill().fixed == {}
    assert [demand.who for demand in lent.other_demand()] == ["system nodes"]
    assert list(existing.other_demand()) == []


def test_the_shared_vpc_s_project_grants_google_s_accounts_what_gke_asks_for() -> None:
    lines = printed(network={"existing": SHARED})
    assert "projects add-iam-policy-binding acme-host" in lines
    assert "--role=roles/container.hostServiceAgentUser" in lines
    assert lines.count("subnets add-iam-policy-binding gke --region=europe-west4 --project=acme-host") == 2
    assert lines.count("--role=roles/compute.networkUser") == 2
    assert "roles/compute.networkAdmin" not in lines
    assert "hostServiceAgentUser" not in printed()


def test_on_a_cluster_that_exists_the_deployer_has_two_roles() -> None:
    assert roles(existing_cluster()) == ["roles/container.admin", "roles/storage.admin"]


def test_keys_of_ones_own_encrypt_secrets_disks_and_bucket_and_none_is_made() -> None:
    keys = {"secrets": KEY + "etcd", "disks": KEY + "disks", "bucket": KEY + "bucket"}
    graph = build("gcp-dev", cluster={**SECTION, "encryption": keys})
    assert not {"KeyRing", "CryptoKey", "CryptoKeyIAMMember", "ServiceIdentity"} & {*kinds(graph)}
    gke = inputs(graph, "cluster-gke")
    assert gke["databaseEncryption"] == {"state": "ENCRYPTED", "keyName": keys["secrets"]}
    assert inputs(graph, "weights-bucket")["encryption"] == {"defaultKmsKeyName": keys["bucket"]}
    pools = [inputs(graph, item.name) for item in graph.of_type("gcp:container/nodePool:NodePool")]
    assert {node["nodeConfig"]["bootDiskKmsKey"] for node in [gke, *pools]} == {keys["disks"]}
    lines = printed(encryption=keys)
    assert lines.count("--role=roles/cloudkms.cryptoKeyEncrypterDecrypter") == 3
    assert "roles/cloudkms.admin" not in lines


def test_google_s_own_encryption_takes_no_key() -> None:
    graph = declare(cluster(encryption={"secrets": "google"}))
    assert inputs(graph, "cluster-gke")["databaseEncryption"] == {"state": "DECRYPTED"}
    assert "KeyRing" not in kinds(graph)


def test_a_key_of_another_region_is_refused() -> None:
    key = KEY.replace("europe-west4", "us-east1") + "etcd"
    assert "cluster.encryption.disks: projects/acme-keys" in refused(encryption={"disks": key})


BUCKET = {"bucket": "acme-models", "projectNumber": 123456789012}


def test_weights_in_a_bucket_that_exists_are_read_from_there_and_nothing_is_fetched() -> None:
    graph = build("gcp-dev", cluster={**SECTION, **BUCKET})
    assert "Bucket" not in kinds(graph)
    assert not graph.of_type("kubernetes:batch/v1:Job")
    assert "weights-network" not in {item.name for item in graph}
    (served,) = inputs(graph, "chat-deployment")["spec"]["template"]["spec"]["containers"]
    assert any(word.startswith("gs://acme-models/Qwen/Qwen3-VL-8B-Instruct-FP8/") for word in served["args"])


def test_only_models_may_read_it_by_the_number_of_the_project() -> None:
    graph = build("gcp-dev", cluster={**SECTION, **BUCKET})
    granted = [
        inputs(graph, item.name) for item in graph.of_type("gcp:storage/bucketIAMMember:BucketIAMMember")
    ]
    assert {grant["bucket"] for grant in granted} == {"acme-models"}
    assert {grant["role"] for grant in granted} == {*weights.READ}
    pool = "projects/123456789012/locations/global/workloadIdentityPools/acme-inference.svc.id.goog"
    assert {grant["member"] for grant in granted} == {
        f"principal://iam.googleapis.com/{pool}/subject/ns/inference/sa/chat"
    }


def test_the_deployer_then_reaches_that_bucket_alone() -> None:
    lines = printed(**BUCKET)
    assert "storage buckets add-iam-policy-binding gs://acme-models" in lines
    assert "roles/storage.admin" not in lines


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"bucket": "acme-models"}, "cluster.projectNumber: is missing"),
        ({"projectNumber": 1}, "cluster.projectNumber: has no effect without cluster.bucket"),
        ({**BUCKET, "encryption": {"bucket": KEY + "b"}}, "cluster.encryption.bucket: has no effect"),
    ],
)
def test_a_bucket_that_exists_takes_the_project_s_number_and_no_key(
    keys: dict[str, object], says: str
) -> None:
    assert says in refused(**keys)


def test_labels_tags_and_fleet_are_on_what_takes_them() -> None:
    tags = ["gke-gpu", "egress-proxy"]
    graph = declare(
        cluster(labels={"cost-center": "ml-7"}, networkTags=tags, fleetProject="acme-fleet"), pool()
    )
    gke = inputs(graph, "cluster-gke")
    pools = [inputs(graph, item.name) for item in graph.of_type("gcp:container/nodePool:NodePool")]
    assert gke["fleet"] == {"project": "acme-fleet"}
    assert all(node["nodeConfig"]["tags"] == tags for node in [gke, *pools])
    marked = [gke["resourceLabels"], inputs(graph, "cluster-secrets-key")["labels"]]
    marked += [node["nodeConfig"]["resourceLabels"] for node in pools]
    assert {labels["cost-center"] for labels in marked} == {"ml-7"}


def test_the_stack_s_own_labels_are_not_for_others() -> None:
    assert "cluster.labels.stack: is the stack's own label" in refused(labels={"stack": "mine"})
