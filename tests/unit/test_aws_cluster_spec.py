"""What a stack file may say of an EKS cluster, and what each refusal tells."""

import pytest
from pydantic import ValidationError

from elastic_vllm.spec import AwsCluster
from elastic_vllm.testing.values import mapping
from tests.aws import execute
from tests.manifests import inputs


def cluster(**keys: object) -> AwsCluster:
    return AwsCluster.model_validate({"cloud": "aws", "region": "eu-central-1", **keys})


def test_three_zones_are_taken_when_none_are_named() -> None:
    assert cluster().node_zones == ("eu-central-1a", "eu-central-1b", "eu-central-1c")
    assert cluster(zones=("eu-central-1c", "eu-central-1a")).node_zones == ("eu-central-1c", "eu-central-1a")


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"region": "cn-north-1"}, "is in a cloud apart"),
        ({"zones": ("eu-west-2a", "eu-central-1b")}, "'eu-west-2a' is no zone of eu-central-1"),
        ({"zones": ("eu-central-1a", "eu-central-1a")}, "is in the list already"),
        ({"zones": ("eu-central-1a",)}, "EKS wants two zones or more"),
        ({"authorizedNetworks": ("0.0.0.0/0",)}, "opens the control plane to the world"),
        ({"hpaSyncSeconds": 10}, "above the standard tier only"),
        ({"hpaSyncSeconds": 5, "controlPlaneTier": "tier-xl"}, "greater than or equal to 10"),
        ({"network": {"vpc": "10.0.0.0/24"}}, "take a /16 to a /20"),
        ({"network": {"vpc": "8.0.0.0/16"}}, "is not private"),
        ({"tags": {"aws:team": "vision"}}, "belongs to AWS"),
        ({"tags": {"karpenter.sh/nodepool": "x"}}, "belongs to AWS, Kubernetes or Karpenter"),
        ({"admins": ("arn:aws:iam::1:role/x",)}, "should match pattern"),
        ({"admins": ("arn:aws:iam::111122223333:role/x",) * 2}, "is in the list already"),
        ({"systemNodes": 1}, "greater than or equal to 2"),
    ],
)
def test_what_eks_would_refuse_later_is_refused_at_once(keys: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        cluster(**keys)


def test_without_authorized_networks_the_control_plane_has_no_public_address() -> None:
    graph = execute("aws-dev", preview=True, cluster={"cloud": "aws", "region": "eu-central-1"})
    (found,) = graph.of_type("aws:eks/cluster:Cluster")
    reach = mapping(found.inputs["vpcConfig"])
    assert (reach["endpointPublicAccess"], reach["endpointPrivateAccess"]) == (False, True)
    assert "publicAccessCidrs" not in reach


def test_each_zone_has_its_own_way_out_where_the_stack_says_so() -> None:
    section = {"cloud": "aws", "region": "eu-central-1", "zones": ["eu-central-1a", "eu-central-1b"]}
    one = execute("aws-dev", preview=True, cluster=section)
    each = execute("aws-dev", preview=True, cluster={**section, "network": {"nat": "per-zone"}})
    gateways = [graph.of_type("aws:ec2/natGateway:NatGateway") for graph in (one, each)]
    assert [len(found) for found in gateways] == [1, 2]


def test_tags_of_the_stack_file_join_those_of_the_stack() -> None:
    section = {"cloud": "aws", "region": "eu-central-1", "tags": {"team": "vision"}}
    graph = execute("aws-dev", preview=True, cluster=section)
    tags = inputs(graph, "l4-nodes-class")["spec"]["tags"]
    assert {"team": "vision", "app": "elastic-vllm", "stack": "aws-dev"}.items() <= tags.items()
