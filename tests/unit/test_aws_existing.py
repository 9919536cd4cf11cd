"""A landing zone on AWS: what exists is taken as declared, and nothing of it is made, read or changed."""

import base64
import copy
import json
import re
import tomllib
from typing import Any

import pytest

from elastic_vllm.estimate.cost import envelope
from elastic_vllm.spec.finding import StackConfigError
from elastic_vllm.stack_file.config import parse, read_stack_file
from elastic_vllm.testing import record
from elastic_vllm.testing.registration import Graph
from elastic_vllm.testing.values import mapping
from tests.aws import EXISTING, HUB_CANARY, ROOT, execute, recorded
from tests.aws_api import calls, problems
from tests.manifests import inputs, strings

RAW = read_stack_file(ROOT / "stacks" / f"Pulumi.{EXISTING}.yaml")
SUBNETS = {"eu-central-1a": "subnet-0123456789abcdef0", "eu-central-1b": "subnet-0fedcba9876543210"}
NETWORK = {"existing": {"vpc": "vpc-0123456789abcdef0", "subnets": SUBNETS}}
IN_A_VPC = {"cloud": "aws", "region": "eu-central-1", "network": NETWORK}
"""A cluster of the stack's own in a network that exists."""
PROFILE = "KarpenterNodeInstanceProfile-platform"


def section(**keys: object) -> dict[str, Any]:
    """The ``cluster`` section of the committed stack, with some keys replaced."""
    found: Any = copy.deepcopy(RAW["cluster"])
    return {**found, **keys}


def existing(**keys: object) -> dict[str, Any]:
    """The same, with keys of the existing cluster replaced."""
    return section(existing={**section()["existing"], **keys})


def kinds(graph: Graph) -> set[str]:
    return {item.type for item in graph if item.package == "aws" and not item.is_provider}


def statements(graph: Graph, policy: str) -> list[Any]:
    """What a role's policy says."""
    return json.loads(inputs(graph, policy)["policy"])["Statement"]  # type: ignore[no-any-return]  # JSON


def key_of(what: str) -> str:
    return str(section()["encryption"][what])


def test_an_existing_cluster_gets_a_node_autoscaler_weights_and_models_and_nothing_else() -> None:
    graph = recorded(EXISTING)
    assert not [kind for kind in kinds(graph) if kind.startswith(("aws:ec2/", "aws:kms/"))]
    assert {kind for kind in kinds(graph) if kind.startswith("aws:eks/")} == {
        "aws:eks/accessEntry:AccessEntry",  # by which the GPU nodes may join
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
    }
    for item in graph:
        if item.type.startswith("aws:eks/"):
            assert item.inputs["clusterName"] == "platform"
    settings = inputs(graph, "autoscaler-karpenter")["values"]["settings"]
    assert settings["clusterName"] == "platform"
    assert settings["interruptionQueue"] == "elastic-vllm-aws-existing-karpenter"


def test_its_nodes_are_in_the_subnets_and_the_security_group_that_are_declared() -> None:
    spec = inputs(recorded(EXISTING), "l4-nodes-class")["spec"]
    assert spec["subnetSelectorTerms"] == [{"id": subnet} for subnet in SUBNETS.values()]
    assert spec["securityGroupSelectorTerms"] == [{"id": "sg-0123456789abcdef0"}]
    assert spec["tags"]["Name"] == "elastic-vllm-aws-existing-l4"


def test_beside_a_karpenter_of_the_cluster_only_pools_are_made() -> None:
    graph = execute(EXISTING, cluster=existing(nodeInstanceProfile=PROFILE))
    assert not graph.of_type("kubernetes:helm.sh/v3:Release")
    assert not [kind for kind in kinds(graph) if kind.startswith(("aws:sqs/", "aws:cloudwatch/"))]
    assert not graph.of_type("aws:eks/accessEntry:AccessEntry")
    bound = graph.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    assert {item.inputs["serviceAccount"] for item in bound} == {"chat"}
    assert inputs(graph, "l4-nodes-class")["spec"]["instanceProfile"] == PROFILE
    assert graph.of_type("kubernetes:karpenter.sh/v1:NodePool")


@pytest.mark.parametrize("autoscaler", ["karpenter", "cluster-autoscaler"])
def test_a_cluster_in_an_existing_network_makes_none(autoscaler: str) -> None:
    graph = execute("aws-dev", cluster={**IN_A_VPC, "nodeAutoscaler": autoscaler})
    assert {kind for kind in kinds(graph) if kind.startswith("aws:ec2/")} == {
        "aws:ec2/launchTemplate:LaunchTemplate"
    }
    (made,) = graph.of_type("aws:eks/cluster:Cluster")
    assert mapping(made.inputs["vpcConfig"])["subnetIds"] == [*SUBNETS.values()]
    for group in graph.of_type("aws:eks/nodeGroup:NodeGroup"):
        assert group.inputs["subnetIds"] == [*SUBNETS.values()]
    outputs: Any = graph.outputs["cluster"]
    assert outputs["network"] == "vpc-0123456789abcdef0"


def test_zones_are_those_of_the_subnets_in_the_order_that_zones_gives_them() -> None:
    c = {**SUBNETS, "eu-central-1c": "subnet-0c"}
    network = {"existing": {**NETWORK["existing"], "subnets": dict(reversed(c.items()))}}
    plain = parse({**RAW, "cluster": section(network=network)}).cluster.bill().zones
    assert plain == ("eu-central-1a", "eu-central-1b", "eu-central-1c")
    chosen = section(network=network, zones=["eu-central-1c", "eu-central-1a"])
    assert parse({**RAW, "cluster": chosen}).cluster.bill().zones == ("eu-central-1c", "eu-central-1a")


@pytest.mark.parametrize(
    ("cluster", "says"),
    [
        (section(kubernetes="1.36"), "cluster.kubernetes: decides a cluster of the stack's own"),
        (section(systemNodes=2), "cluster.systemNodes: decides"),
        (section(controlPlaneTier="tier-xl"), "cluster.controlPlaneTier: decides"),
        (section(admins=["arn:aws:iam::111122223333:role/ops"]), "cluster.admins: decides"),
        (section(nodeAutoscaler="cluster-autoscaler"), "cluster.nodeAutoscaler: an existing cluster gets"),
        (section(network={}), "cluster.network.existing: is missing"),
        (section(network={**NETWORK, "nat": "one"}), "cluster.network.nat: is for a VPC of the stack's own"),
        (section(network={**NETWORK, "vpc": "10.0.0.0/16"}), "cluster.network.vpc: is for a VPC"),
        (section(zones=["eu-central-1c"]), r"cluster.zones\[0\]: eu-central-1c has no subnet"),
        (
            section(network={"existing": {"vpc": "vpc-0", "subnets": {"eu-west-1a": "subnet-0"}}}),
            "cluster.network.existing.subnets: 'eu-west-1a' is no zone of eu-central-1",
        ),
        (
            {**IN_A_VPC, "network": {"existing": {"vpc": "vpc-0", "subnets": {"eu-central-1a": "subnet-0"}}}},
            "cluster.network.existing.subnets: EKS wants two zones",
        ),
        (existing(endpoint="platform"), "cluster.existing.endpoint"),
        ({**IN_A_VPC, "proxy": {"https": "http://p:1"}}, "cluster.bucket: the Job that fetches weights"),
        (
            {
                **IN_A_VPC,
                "proxy": {"https": "http://p:1"},
                "bucket": "b01",
                "nodeAutoscaler": "cluster-autoscaler",
            },
            "cluster.nodeAutoscaler: cluster-autoscaler goes through no proxy",
        ),
        (section(proxy={"https": "http://user:secret@p:1"}), "cluster.proxy.https"),
        (section(caBundle="MIIB"), "cluster.caBundle"),
        (section(encryption={"secrets": key_of("disks")}), "cluster.encryption.secrets: the existing"),
        (section(encryption={"disks": "alias/ours"}), "cluster.encryption.disks"),
    ],
)
def test_what_has_no_effect_or_no_place_is_refused(cluster: dict[str, Any], says: str) -> None:
    with pytest.raises(StackConfigError, match=says):
        parse({**RAW, "cluster": cluster})


def test_one_zone_is_enough_for_nodes_of_an_existing_cluster() -> None:
    assert parse({**RAW, "cluster": section(zones=["eu-central-1b"])}).cluster.bill().zones == (
        "eu-central-1b",
    )


def test_only_the_gpu_nodes_are_billed_and_counted_and_the_rest_is_said() -> None:
    config = parse(RAW)
    cost = envelope(config)
    assert cost.fixed_usd_per_hour == 0
    assert [text for text in cost.excluded if "existing" in text] == [
        "the existing cluster: its control plane and its own nodes",
        "the existing network and its ways out",
    ]
    assert list(config.cluster.other_demand()) == []
    own = parse({**RAW, "cluster": IN_A_VPC})
    assert {"nat-gateway", "endpoint"}.isdisjoint(own.cluster.bill().fixed)
    assert "control-plane-standard" in own.cluster.bill().fixed


def test_weights_that_are_in_a_bucket_are_read_and_nothing_is_fetched() -> None:
    graph = recorded(EXISTING)
    assert not [kind for kind in kinds(graph) if kind.startswith("aws:s3/")]
    assert not graph.of_type("kubernetes:batch/v1:Job")
    assert not [text for item in graph for text in strings(item.inputs) if HUB_CANARY in text]
    pod = inputs(graph, "chat-deployment")["spec"]["template"]["spec"]
    (command,) = [text for text in strings(pod) if text.startswith("s3://")]
    checkpoint = "Qwen/Qwen3-VL-8B-Instruct-FP8/9cdc6310a8cb770ce18efaf4e9935334512aee45"
    assert command == f"s3://acme-models/{checkpoint}"
    look, read, decrypt = statements(graph, "weights-reader-policy")
    assert (look["Action"], look["Resource"]) == (["s3:ListBucket"], ["arn:aws:s3:::acme-models"])
    assert (read["Action"], read["Resource"]) == (["s3:GetObject"], ["arn:aws:s3:::acme-models/*"])
    assert (decrypt["Action"], decrypt["Resource"]) == (["kms:Decrypt"], [key_of("bucket")])
    bound = graph.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    assert {item.inputs["serviceAccount"] for item in bound} == {"karpenter", "chat"}


def test_disks_under_a_key_of_yours_are_launched_by_who_may_use_it() -> None:
    graph = recorded(EXISTING)
    found = inputs(graph, "l4-nodes-class")["spec"]["blockDeviceMappings"]
    assert {disk["ebs"]["kmsKeyID"] for disk in found} == {key_of("disks")}
    asked = {one["Sid"]: one for one in statements(graph, "autoscaler-controller-policy")}
    use, grant = asked["UseDiskKey"], asked["GrantDiskKey"]
    assert use["Resource"] == grant["Resource"] == [key_of("disks")]
    assert {"kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom"} <= set(use["Action"])
    assert grant["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}


@pytest.mark.parametrize("autoscaler", ["karpenter", "cluster-autoscaler"])
def test_each_key_of_yours_takes_the_place_of_another(autoscaler: str) -> None:
    key = "arn:aws:kms:eu-central-1:111122223333:key"
    keys = {name: f"{key}/{name}" for name in ("secrets", "disks", "bucket")}
    graph = execute("aws-dev", cluster={**IN_A_VPC, "encryption": keys, "nodeAutoscaler": autoscaler})
    assert "aws:kms/key:Key" not in kinds(graph)
    (made,) = graph.of_type("aws:eks/cluster:Cluster")
    assert mapping(made.inputs["encryptionConfig"])["provider"] == {"keyArn": keys["secrets"]}
    assert statements(graph, "cluster-secrets-use")[0]["Resource"] == [keys["secrets"]]
    templates = graph.of_type("aws:ec2/launchTemplate:LaunchTemplate")
    assert len(templates) == (1 if autoscaler == "karpenter" else 2)
    for template in templates:
        disks: Any = template.inputs["blockDeviceMappings"]
        assert {disk["ebs"]["kmsKeyId"] for disk in disks} == {keys["disks"]}
    (rule,) = inputs(graph, "weights-bucket-encryption")["rules"]
    assert rule["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"] == keys["bucket"]
    assert statements(graph, "weights-reader-policy")[-1]["Action"] == ["kms:Decrypt"]
    assert statements(graph, "weights-writer-policy")[-1]["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    for item in graph:
        if item.package == "aws" and not item.is_provider:
            assert [found for call in calls(item) for found in problems(call)] == [], item.name


def test_a_program_of_ones_own_streams_from_a_bucket_as_the_documentation_says() -> None:
    """The blocks of docs/components.md, in one program."""
    page = (ROOT / "docs" / "components.md").read_text(encoding="utf-8")
    (block,) = [text for text in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "Streamed(" in text]
    example = (ROOT / "docs" / "example" / "__main__.py").read_text(encoding="utf-8")
    before, after = block.split("VllmDeploymentArgs(")
    program = example.replace("vllm = VllmDeployment(", f"reader = 'arn'\n{before}\nvllm = VllmDeployment(")
    program = program.replace("placement=l4)", "placement=l4, weights=weights)")
    assert after.rstrip() == "namespace=space, model=chat, placement=l4, weights=weights)"
    assert program.count("weights=weights") == 1
    name = "qwen-on-my-cluster"
    graph = record(lambda: exec(program, {}), project=name, config={f"{name}:kubeconfig": "k"})
    (item,) = [each for each in graph if each.type == "kubernetes:apps/v1:Deployment"]
    assert any("/Qwen/Qwen3-VL-8B-Instruct-FP8/" in text for text in strings(item.inputs))


@pytest.mark.parametrize("autoscaler", ["karpenter", "cluster-autoscaler"])
def test_charts_and_their_images_come_from_the_mirrors_that_are_named(autoscaler: str) -> None:
    mirrors = {"charts": "oci://registry.example.com/charts", "images": "registry.example.com/mirror"}
    # Two nodes for each replica, so that the controller of groups is installed, too.
    pool = {"name": "l4", "accelerator": "l4", "gpusPerNode": 4, "maxNodes": 4}
    group = {"gpusPerReplica": 8, "nodesPerReplica": 2, "pool": "l4", "replicas": {"min": 1, "max": 2}}
    model = {"name": "chat", "checkpoint": "Qwen/Qwen3-VL-32B-Instruct", **group}
    cluster = {**IN_A_VPC, "mirrors": mirrors, "nodeAutoscaler": autoscaler}
    graph = execute("aws-dev", cluster=cluster, pools=[pool], models=[model])
    releases = graph.of_type("kubernetes:helm.sh/v3:Release")
    assert len(releases) == (3 if autoscaler == "karpenter" else 2)
    for item in releases:
        assert str(item.inputs["chart"]).startswith("oci://registry.example.com/charts/"), item.name
        assert not item.inputs.get("repositoryOpts"), item.name
    said = {text for item in releases for text in strings(item.inputs["values"]) if "example.com" in text}
    ours = "karpenter/controller" if autoscaler == "karpenter" else "autoscaling/cluster-autoscaler"
    assert said == {f"registry.example.com/mirror/{path}" for path in ("lws/lws", ours)}


PROXY = {"https": "http://proxy.example.com:3128", "noProxy": [".eu-central-1.amazonaws.com"]}
CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
BEHIND = {"proxy": PROXY, "caBundle": CA, "bucket": "acme-models"}


def test_gpu_nodes_and_system_nodes_go_out_by_the_proxy_and_trust_the_authority() -> None:
    graph = execute("aws-dev", cluster={**IN_A_VPC, **BEHIND})
    (template,) = graph.of_type("aws:ec2/launchTemplate:LaunchTemplate")
    system = base64.b64decode(str(template.inputs["userData"])).decode()
    for text in (system, inputs(graph, "l4-nodes-class")["spec"]["userData"]):
        settings = tomllib.loads(text)["settings"]
        assert settings["network"]["https-proxy"] == PROXY["https"]
        # Neither credentials nor the cluster itself are asked for through it.
        assert {"169.254.0.0/16", "100.64.0.0/10", *PROXY["noProxy"]} <= {*settings["network"]["no-proxy"]}
        (authority,) = settings["pki"].values()
        assert authority["trusted"] is True
        assert base64.b64decode(authority["data"]).decode() == CA


def test_karpenter_asks_aws_by_the_proxy_and_the_api_server_without() -> None:
    graph = execute(EXISTING, cluster=section(proxy=PROXY))
    given = inputs(graph, "autoscaler-karpenter")["values"]["controller"]["env"]
    said = {item["name"]: item["value"] for item in given}
    assert said["HTTPS_PROXY"] == PROXY["https"]
    assert {"10.0.0.0/8", "169.254.0.0/16", ".svc", *PROXY["noProxy"]} <= {*said["NO_PROXY"].split(",")}
