"""A GKE cluster as it is planned: private, closed unless opened, and only as large as the stack file says."""

import json
from typing import Any

import pytest

from elastic_vllm.clouds import groups
from elastic_vllm.clouds.gcp import access, nodes
from elastic_vllm.clouds.gcp.naming import label_value
from elastic_vllm.clouds.meanings import meanings
from elastic_vllm.spec import GcpCluster
from elastic_vllm.stack_file.config import StackConfigError, parse
from elastic_vllm.testing.registration import Graph
from elastic_vllm.testing.values import Secret
from tests.gcp import cluster, declare, google
from tests.manifests import inputs, pool


def planned(**keys: object) -> Any:  # Any: inputs nest as deep as Google likes
    return inputs(declare(cluster(**keys)), "cluster-gke")


def refused(**keys: object) -> str:
    section = {"cloud": "gcp", "project": "acme-inference", "region": "europe-west4", **keys}
    pools = [{"name": "l4", "accelerator": "l4", "maxNodes": 1}]
    with pytest.raises(StackConfigError) as caught:
        parse({"cluster": section, "pools": pools})
    return str(caught.value)


def test_the_way_in_is_a_name_that_iam_guards_and_no_address_is_open() -> None:
    given = planned()
    assert given["controlPlaneEndpointsConfig"] == {"dnsEndpointConfig": {"allowExternalTraffic": True}}
    assert given["privateClusterConfig"]["enablePrivateEndpoint"] is True
    assert given["masterAuthorizedNetworksConfig"] == {"cidrBlocks": [], "gcpPublicCidrsAccessEnabled": False}


def test_who_is_listed_reaches_the_control_plane_and_nobody_else() -> None:
    given = planned(authorizedNetworks=["203.0.113.0/24", "198.51.100.7/32"])
    assert given["privateClusterConfig"]["enablePrivateEndpoint"] is False
    blocks = given["masterAuthorizedNetworksConfig"]["cidrBlocks"]
    assert [block["cidrBlock"] for block in blocks] == ["203.0.113.0/24", "198.51.100.7/32"]


def test_ranges_behind_a_vpn_reach_the_private_address_and_open_no_public_one() -> None:
    given = planned(privateNetworks=["10.20.0.0/16"])
    private = given["privateClusterConfig"]
    assert private["enablePrivateEndpoint"] is True
    assert private["masterGlobalAccessConfig"] == {"enabled": True}
    blocks = given["masterAuthorizedNetworksConfig"]["cidrBlocks"]
    assert [block["cidrBlock"] for block in blocks] == ["10.20.0.0/16"]


@pytest.mark.parametrize("inside", ["10.20.0.0/16", "172.16.4.0/24", "192.168.1.0/24", "100.64.0.0/16"])
def test_a_private_range_opens_no_public_address(inside: str) -> None:
    assert f"cluster.authorizedNetworks[0]: {inside} is private" in refused(authorizedNetworks=[inside])


def test_a_control_plane_that_nothing_could_deploy_to_is_refused() -> None:
    assert "cluster.dnsEndpoint: false without authorizedNetworks" in refused(dnsEndpoint=False)


@pytest.mark.parametrize("world", ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1"])
def test_the_world_is_refused(world: str) -> None:
    assert f"cluster.authorizedNetworks[0]: {world} opens the control plane" in refused(
        authorizedNetworks=[world]
    )


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"zones": ["us-east1-b"]}, "cluster.zones[0]: 'us-east1-b' is no zone of europe-west4"),
        ({"zones": ["europe-west4-a"] * 2}, "cluster.zones[1]: 'europe-west4-a' is in the list already"),
        (
            {"controlPlaneZone": "europe-west4-c"},
            "cluster.controlPlaneZone: 'europe-west4-c' is not one of zones",
        ),
        (
            {"controlPlaneZone": "europe-west4-b", "regional": True},
            "cluster.controlPlaneZone: is not used with regional",
        ),
        ({"network": {"pods": "10.0.0.0/14"}}, "cluster.network.pods: 10.0.0.0/14 overlaps nodes"),
        (
            {"network": {"controlPlane": "172.16.0.0/24"}},
            "cluster.network.controlPlane: 172.16.0.0/24 is not a /28",
        ),
        (
            {"network": {"services": "10.8.0.0/29"}},
            "cluster.network.services: 10.8.0.0/29 is too small",
        ),
        (
            {"maintenance": {"window": {"start": "02:00", "days": ["sat"]}}},
            "cluster.maintenance.window.hours: 4 hours a week are too few",
        ),
        (
            {
                "maintenance": {
                    "window": {"start": "02:00"},
                    "exclusions": [{"name": "x", "first": "2026-12-01", "until": "2026-12-01"}],
                }
            },
            "cluster.maintenance.exclusions[0].until: 2026-12-01 is not after first",
        ),
        (
            {
                "maintenance": {
                    "window": {"start": "02:00"},
                    "exclusions": [
                        {"name": "x", "first": "2026-11-01", "until": "2026-12-15", "scope": "no-upgrades"}
                    ],
                }
            },
            "cluster.maintenance.exclusions[0].until: GKE stops every upgrade for 30 days at most",
        ),
        ({"network": {"nodes": "203.0.113.0/24"}}, "cluster.network.nodes: 203.0.113.0/24 is not private"),
        ({"network": {"nodes": "8.8.0.0/20"}}, "cluster.network.nodes: 8.8.0.0/20 is not private"),
        ({"network": {"nodes": "10.0.0.1/20"}}, "cluster.network.nodes: '10.0.0.1/20' is not an IPv4 range"),
        ({"authorizedNetworks": ["office"]}, "cluster.authorizedNetworks[0]: 'office' is not an IPv4 range"),
    ],
)
def test_places_and_ranges_that_cannot_be_are_refused(keys: dict[str, object], says: str) -> None:
    assert says in refused(**keys)


@pytest.mark.parametrize(
    ("keys", "location", "others"),
    [
        ({}, "europe-west4-b", None),
        ({"zones": ["europe-west4-a", "europe-west4-c"]}, "europe-west4-a", ["europe-west4-c"]),
        ({"zones": ["europe-west4-c", "europe-west4-a"]}, "europe-west4-a", ["europe-west4-c"]),
        (
            {"zones": ["europe-west4-a", "europe-west4-b"], "controlPlaneZone": "europe-west4-b"},
            "europe-west4-b",
            ["europe-west4-a"],
        ),
        ({"regional": True, "zones": ["europe-west4-a"]}, "europe-west4", ["europe-west4-a"]),
    ],
)
def test_a_control_plane_is_in_a_zone_or_in_the_region(
    keys: dict[str, object], location: str, others: list[str] | None
) -> None:
    given = planned(**keys)
    assert (given["location"], given.get("nodeLocations")) == (location, others)


def test_no_node_has_a_public_address_and_all_have_a_way_out() -> None:
    graph = declare(cluster())
    assert inputs(graph, "cluster-gke")["privateClusterConfig"]["enablePrivateNodes"] is True
    assert inputs(graph, "cluster-system")["networkConfig"] == {"enablePrivateNodes": True}
    assert inputs(graph, "cluster-nat")["router"] == "cluster-router-1a2b3c4"
    assert inputs(graph, "cluster-subnetwork")["privateIpGoogleAccess"] is True


def test_pods_and_services_have_the_ranges_of_the_stack_file() -> None:
    graph = declare(cluster(network={"pods": "10.64.0.0/14", "services": "10.96.0.0/20"}))
    ranges = {
        item["rangeName"]: item["ipCidrRange"]
        for item in inputs(graph, "cluster-subnetwork")["secondaryIpRanges"]
    }
    policy = inputs(graph, "cluster-gke")["ipAllocationPolicy"]
    assert ranges[policy["clusterSecondaryRangeName"]] == "10.64.0.0/14"
    assert ranges[policy["servicesSecondaryRangeName"]] == "10.96.0.0/20"


def test_nodes_have_the_roles_that_gke_asks_for_and_no_others() -> None:
    graph = declare(cluster())
    grants = [inputs(graph, item.name) for item in graph.of_type("gcp:projects/iAMMember:IAMMember")]
    assert {grant["member"] for grant in grants} == {"serviceAccount:nodes@example.invalid"}
    assert sorted(grant["role"] for grant in grants) == meanings("gcp").value("node-roles")
    # Google's default account, which may do nearly anything, is on no node, not even at first.
    for name in ("cluster-gke", "cluster-system"):
        assert inputs(graph, name)["nodeConfig"]["serviceAccount"] == "nodes@example.invalid"


def test_the_pool_that_passes_boots_securely_as_every_other_pool_does() -> None:
    graph = declare(cluster(), pool())
    for name in ("cluster-gke", "cluster-system", "l4-nodes"):
        shielded = inputs(graph, name)["nodeConfig"]["shieldedInstanceConfig"]
        assert shielded == {"enableIntegrityMonitoring": True, "enableSecureBoot": True}


def test_secrets_are_encrypted_by_a_key_that_gke_may_use_before_it_has_to() -> None:
    graph = declare(cluster())
    assert inputs(graph, "cluster-gke")["databaseEncryption"] == {
        "keyName": "id-of-cluster-secrets-key",
        "state": "ENCRYPTED",
    }
    assert graph.named("cluster-secrets-key-grant").urn in graph.named("cluster-gke").dependencies


def test_the_live_size_of_no_pool_is_fought_over() -> None:
    graph = declare(cluster())
    for item in graph.of_type("gcp:container/nodePool:NodePool"):
        assert {"initialNodeCount", "nodeCount"} <= set(item.ignore_changes)
    assert graph.named("cluster-gke").ignore_changes == ("nodeConfig",)


@pytest.mark.parametrize("protect", [False, True])
def test_protection_is_as_the_stack_file_says(protect: bool) -> None:
    graph = declare(cluster(protect=protect))
    gke = graph.named("cluster-gke")
    assert (gke.protect or False, gke.inputs["deletionProtection"]) == (protect, protect)
    assert (graph.named("cluster-network").protect or False) is protect


def test_the_kubeconfig_leads_to_the_cluster_and_holds_no_key() -> None:
    provider = inputs(declare(cluster()), "cluster-provider")
    assert isinstance(provider["kubeconfig"], Secret)
    config = json.loads(str(provider["kubeconfig"].value))
    (entry,), (user,) = config["clusters"], config["users"]
    # No authority of the cluster's own: the certificate of the name is a public one.
    assert entry["cluster"] == {"server": "https://gke-1a2b3c4.europe-west4.gke.goog"}
    assert user["user"]["exec"]["command"] == access.PLUGIN
    assert set(user["user"]) == {"exec"}
    assert provider["clusterIdentifier"] == "id-of-cluster-gke"


def test_without_the_name_the_kubeconfig_has_the_address_and_its_authority() -> None:
    graph = declare(cluster(dnsEndpoint=False, authorizedNetworks=["203.0.113.0/24"]))
    given = inputs(graph, "cluster-gke")["controlPlaneEndpointsConfig"]
    assert given == {"dnsEndpointConfig": {"allowExternalTraffic": False}}
    (entry,) = json.loads(str(inputs(graph, "cluster-provider")["kubeconfig"].value))["clusters"]
    assert entry["cluster"] == {"server": "https://198.51.100.7", "certificate-authority-data": "Q0E="}


def test_everything_is_in_the_project_and_region_of_the_stack_file() -> None:
    graph = declare(cluster(project="acme-other", region="us-east1"))
    provider = inputs(graph, "cluster-gcp")
    assert (provider["project"], provider["region"]) == ("acme-other", "us-east1")
    assert inputs(graph, "cluster-gke")["workloadIdentityConfig"] == {
        "workloadPool": "acme-other.svc.id.goog"
    }
    for item in google(graph):
        given = inputs(graph, item.name)
        assert given.get("region", "us-east1") == "us-east1"
        assert given.get("location", "us-east1").startswith("us-east1")


@pytest.mark.parametrize(
    ("stack", "label"), [("gcp-dev", "gcp-dev"), ("Team.A/dev", "team-a-dev"), ("x" * 80, "x" * 63)]
)
def test_a_stack_s_name_becomes_a_label_that_google_takes(stack: str, label: str) -> None:
    assert label_value(stack) == label


def test_the_first_zone_is_b_where_none_is_named() -> None:
    assert GcpCluster(cloud="gcp", project="acme-inference", region="us-east1").node_zones == ("us-east1-b",)


def test_system_nodes_are_one_in_each_zone_and_may_be_a_few_more() -> None:
    graph: Graph = declare(
        cluster(regional=True, zones=["europe-west4-a", "europe-west4-c"], systemMachine="n2-standard-2")
    )
    system = inputs(graph, "cluster-system")
    assert (system["initialNodeCount"], system["nodeConfig"]["machineType"]) == (1, "n2-standard-2")
    assert system["autoscaling"]["totalMinNodeCount"] == 2
    assert system["autoscaling"]["totalMaxNodeCount"] == 4
    assert "taints" not in system["nodeConfig"]


@pytest.mark.parametrize("pods", ["100.64.0.0/14", "240.0.0.0/14"])
def test_pods_may_have_addresses_that_only_the_network_uses(pods: str) -> None:
    assert cluster(network={"pods": pods}).network.pods == pods


def test_upgrades_come_in_the_window_and_leave_the_nodes_alone_in_an_exclusion() -> None:
    given = planned(
        releaseChannel="extended",
        maintenance={
            "window": {"days": ["sun", "sat"], "start": "22:30", "hours": 6},
            "exclusions": [{"name": "holidays", "first": "2026-12-14", "until": "2027-01-04"}],
        },
    )
    assert given["releaseChannel"] == {"channel": "EXTENDED"}
    assert given["maintenancePolicy"] == {
        "recurringWindow": {
            "startTime": "2024-01-06T22:30:00Z",
            "endTime": "2024-01-07T04:30:00Z",
            "recurrence": "FREQ=WEEKLY;BYDAY=SA,SU",
        },
        "maintenanceExclusions": [
            {
                "exclusionName": "holidays",
                "startTime": "2026-12-14T00:00:00Z",
                "endTime": "2027-01-04T00:00:00Z",
                "exclusionOptions": {"scope": "NO_MINOR_OR_NODE_UPGRADES"},
            }
        ],
    }
    assert "maintenancePolicy" not in planned()


def test_a_floor_without_machines_fails_before_the_two_hours_of_the_provider() -> None:
    graph = declare(cluster(), pool())
    for name in ("cluster-system", "l4-nodes"):
        assert graph.named(name).create_timeout == nodes.TIMEOUTS.create == "45m"


def test_the_control_plane_reaches_every_webhook_of_a_controller_that_is_installed() -> None:
    graph = declare(cluster(), groups=True)
    (rule,) = [inputs(graph, item.name) for item in graph.of_type("gcp:compute/firewall:Firewall")]
    known = meanings("gcp").value("control-plane-ports")
    assert isinstance(known, list)
    assert groups.WEBHOOK_PORT not in known
    assert rule["allows"] == [{"protocol": "tcp", "ports": [str(groups.WEBHOOK_PORT)]}]
    assert rule["sourceRanges"] == ["172.16.0.0/28"]
    assert rule["network"] == "id-of-cluster-network"
    opened = graph.named("cluster-groups-webhook").urn
    assert opened in graph.named("cluster-groups").dependencies
    assert not declare(cluster()).of_type("gcp:compute/firewall:Firewall")
