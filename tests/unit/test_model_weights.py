"""What fills the bucket and who reads it: a Job for each revision, a token nobody sees, pods offline."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pulumi
import pulumi_kubernetes
import pytest

from elastic_vllm.catalog import engine_options
from elastic_vllm.clouds import Cloud, cloud_for
from elastic_vllm.clouds.base import Accounts, Bucket, ClusterAccess, Endpoint
from elastic_vllm.cluster import Cluster, ClusterArgs
from elastic_vllm.model_weights import ModelWeights, ModelWeightsArgs
from elastic_vllm.spec import LocalCluster, ModelSpec
from elastic_vllm.testing.monitor import run
from elastic_vllm.testing.registration import Graph
from elastic_vllm.testing.values import Secret
from elastic_vllm.vllm_deployment import VllmDeployment, VllmDeploymentArgs, encode
from elastic_vllm.weights import job
from elastic_vllm.weights.names import fetch_of
from tests.manifests import L4, LARGEST, inputs, kubernetes, model, names, plain, strings
from tests.recorded import reveal

CANARY = "hf_canary5e0c"
COMMIT, OTHER = "9cdc6310a8cb770ce18efaf4e9935334512aee45", "d464a056915e088a7621533813ed553ceea73a6e"
AGENT = Endpoint(cidr="169.254.170.23/32", port=80)
CHAT = model(revision=COMMIT)
EXPERT = model(name="expert", checkpoint=LARGEST, revision=OTHER, gpusPerReplica=8)
CLOUDS = Path(__file__).parents[2] / "components" / "elastic_vllm" / "clouds"


class OneBucket:
    """A cloud, and its cluster, with a bucket and nothing else that these tests ask for."""

    access: ClusterAccess

    def __init__(self) -> None:
        self.asked: list[Accounts] = []

    def cluster(self, name: str, opts: pulumi.ResourceOptions) -> "OneBucket":
        own = pulumi_kubernetes.Provider(f"{name}-provider", kubeconfig="kubeconfig", opts=opts)
        self.access = ClusterAccess(provider=own)
        return self

    def weights(self, name: str, accounts: Accounts, opts: pulumi.ResourceOptions) -> Bucket:
        del name, opts
        self.asked.append(accounts)
        return Bucket(
            address=pulumi.Output.from_input("s3://bucket"),
            environment={"AWS_REGION": "eu-central-1"},
            credentials=[AGENT],
            ready=[],
        )


def declare(
    *specs: ModelSpec, token: bool = False, preview: bool = False, cloud: object | None = None
) -> Graph:
    """The weights of these models, and the models."""

    def program() -> None:
        # Of the cloud and its cluster one method each is all that is called.
        cluster = Cluster("cluster", ClusterArgs(cloud=cast("Cloud", cloud or OneBucket())))
        args = ModelWeightsArgs(
            cluster=cluster,
            namespace="inference",
            models=specs,
            hub_token=pulumi.Output.secret(CANARY) if token else None,
        )
        weights = ModelWeights("weights", args)
        for spec in specs:
            VllmDeployment(
                spec.name,
                VllmDeploymentArgs(
                    namespace="inference", model=spec, placement=L4, weights=weights.of.get(spec.name)
                ),
                cluster.dependent_opts,
            )

    return run(program, preview=preview)


def jobs(graph: Graph) -> dict[str, Any]:
    """Every Job by its name on Kubernetes."""
    found = [inputs(graph, item.name) for item in graph.of_type("kubernetes:batch/v1:Job")]
    return {item["metadata"]["name"]: item for item in found}


def container(built: Mapping[str, Any]) -> Any:
    (only,) = built["spec"]["template"]["spec"]["containers"]
    return only


def variables(built: Mapping[str, Any]) -> dict[str, Any]:
    return {item["name"]: item.get("value", item.get("valueFrom")) for item in container(built)["env"]}


def test_each_revision_is_fetched_by_one_job_whoever_serves_it() -> None:
    twin = model(name="twin", revision=COMMIT)
    later = model(name="later", revision=OTHER)
    found = jobs(declare(CHAT, twin, later))
    assert sorted(name.rpartition("-")[0] for name in found) == [
        "prefetch-qwen3-vl-8b-instruct-fp8-9cdc6310",
        "prefetch-qwen3-vl-8b-instruct-fp8-d464a056",
    ]


def test_a_model_without_a_revision_takes_what_main_was() -> None:
    graph = declare(model())
    (built,) = jobs(graph).values()
    args = container(built)["args"]
    assert args[args.index("--revision") + 1] == "main"
    assert args[-1] == "s3://bucket/Qwen/Qwen3-VL-8B-Instruct-FP8/main"


def test_the_name_changes_with_what_is_run_and_not_with_the_token() -> None:
    def name(spec: ModelSpec, *, token: bool = False) -> str:
        return next(iter(jobs(declare(spec, token=token))))

    first = name(CHAT)
    assert name(CHAT) == first
    assert name(model(revision=COMMIT, replicas={"min": 2, "max": 3})) == first
    assert name(model(revision=COMMIT, engine={"image": "vllm/vllm-openai:v0.34.0"})) != first
    assert name(model(revision=OTHER)) != first


@pytest.mark.parametrize("checkpoint", [CHAT.checkpoint, LARGEST])
def test_names_are_short_enough_for_kubernetes(checkpoint: str) -> None:
    fetch = fetch_of(model(checkpoint=checkpoint, revision=COMMIT, gpusPerReplica=4))
    assert len(job.name(fetch, {}, token=None)) <= 63


def test_another_script_is_another_config_map_and_another_job(monkeypatch: pytest.MonkeyPatch) -> None:
    before = declare(CHAT)
    monkeypatch.setattr(job, "script", lambda: "print()")
    after = declare(CHAT)
    script = [inputs(graph, "weights-script") for graph in (before, after)]
    assert script[0]["metadata"]["name"] != script[1]["metadata"]["name"]
    assert script[1]["data"] == {"prefetch.py": "print()"}
    assert jobs(before).keys().isdisjoint(jobs(after))


def test_a_job_is_deleted_before_it_is_replaced_and_awaited_for_as_long_as_it_may_run() -> None:
    graph = declare(EXPERT)
    (item,) = graph.of_type("kubernetes:batch/v1:Job")
    assert item.delete_before_replace is True
    built = inputs(graph, item.name)
    deadline = built["spec"]["activeDeadlineSeconds"]
    assert built["metadata"]["annotations"] == {"pulumi.com/timeoutSeconds": str(deadline)}
    assert deadline > 237.5e9 / 25e6


def test_a_model_waits_for_its_own_weights_and_for_no_others() -> None:
    graph = declare(CHAT, EXPERT)
    jobs_of = {
        name: {urn for urn in graph.named(f"{name}-deployment").dependencies if "batch/v1:Job" in urn}
        for name in ("chat", "expert")
    }
    assert [len(urns) for urns in jobs_of.values()] == [1, 1]
    assert jobs_of["chat"].isdisjoint(jobs_of["expert"])
    assert "qwen3-vl-8b" in jobs_of["chat"].pop()


def test_the_token_reaches_the_fetching_pod_by_a_secret_alone() -> None:
    graph = declare(CHAT, token=True)
    held = inputs(graph, "weights-token")
    assert isinstance(held["data"], Secret)
    assert reveal(held["data"]) == {"token": encode(CANARY)}
    (built,) = jobs(graph).values()
    assert variables(built)["HF_TOKEN"] == {"secretKeyRef": {"key": "token", "name": "hub-token"}}
    seen = [text for item in graph for text in strings(item.inputs)] + list(strings(graph.outputs))
    assert len(seen) > 100
    assert not [text for text in seen if CANARY in text or encode(CANARY) in text]
    assert "HF_TOKEN" not in json.dumps(inputs(graph, "chat-deployment"))


def test_without_a_token_nothing_speaks_of_one() -> None:
    graph = declare(CHAT)
    (built,) = jobs(graph).values()
    assert "HF_TOKEN" not in variables(built)
    assert not graph.of_type("kubernetes:core/v1:Secret")


def test_the_fetching_pod_is_restricted_and_holds_no_token_of_kubernetes() -> None:
    (built,) = jobs(declare(CHAT)).values()
    pod = built["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(built)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert container(built)["image"] == CHAT.engine.image
    assert not [key for key in container(built)["resources"]["limits"] if "gpu" in key]
    assert "tolerations" not in pod


def test_its_network_policy_is_its_own_and_lets_nobody_in() -> None:
    graph = declare(CHAT)
    policy = inputs(graph, "weights-network")["spec"]
    (built,) = jobs(graph).values()
    labels = built["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert "ingress" not in policy
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    chat = inputs(graph, "chat-network")["spec"]["podSelector"]["matchLabels"]
    assert not chat.items() <= labels.items()


def test_pods_stream_offline_and_reach_their_credentials() -> None:
    graph = declare(CHAT)
    built = inputs(graph, "chat-deployment")
    address, *line = container(built)["args"]
    assert address == f"s3://bucket/{CHAT.checkpoint}/{COMMIT}"
    assert line[:4] == [
        "--load-format",
        "runai_streamer",
        "--model-loader-extra-config",
        '{"memory_limit":0}',
    ]
    list(engine_options.read(line))
    assert variables(built)["HF_HUB_OFFLINE"] == "1"
    assert variables(built)["AWS_REGION"] == "eu-central-1"
    egress = inputs(graph, "chat-network")["spec"]["egress"]
    assert {
        "ports": [{"port": 80, "protocol": "TCP"}],
        "to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}],
    } in egress


def test_the_gpus_of_one_replica_read_the_bucket_once() -> None:
    line = container(inputs(declare(EXPERT), "expert-deployment"))["args"]
    settings = json.loads(line[line.index("--model-loader-extra-config") + 1])
    assert settings == {"distributed": True, "memory_limit": 0}


def test_the_cloud_is_told_who_reads_and_who_writes() -> None:
    cloud = OneBucket()
    declare(CHAT, EXPERT, cloud=cloud)
    (accounts,) = cloud.asked
    assert accounts.readers == ["chat", "expert"]
    assert accounts.writer == "weights.prefetch"
    (built, _) = jobs(declare(CHAT, EXPERT)).values()
    assert built["spec"]["template"]["spec"]["serviceAccountName"] == accounts.writer


def test_no_model_can_have_the_name_of_the_account_that_writes() -> None:
    with pytest.raises(ValueError, match="name"):
        model(name="weights.prefetch")


def test_a_cloud_without_a_bucket_registers_nothing_and_pods_are_as_ever(kubeconfig: Path) -> None:
    local = cloud_for(LocalCluster(cloud="local"))
    graph = declare(CHAT, cloud=local, token=True)
    assert {item.name.partition("-")[0] for item in kubernetes(graph)} == {"chat"}
    assert container(inputs(graph, "chat-deployment"))["args"][0] == CHAT.checkpoint


def test_a_preview_registers_the_same_as_an_update() -> None:
    assert names(declare(CHAT, EXPERT, token=True, preview=True)) == names(declare(CHAT, EXPERT, token=True))


def test_the_spec_is_plain_data() -> None:
    built = plain(job.spec(fetch_of(CHAT), "s3://bucket/x", {"A": "b"}, token="hub-token"))
    assert built["template"]["spec"]["restart_policy"] == "Never"


@pytest.mark.parametrize("cloud", ["aws", "gcp", "local"])
def test_every_cloud_answers_in_a_file_of_the_same_name(cloud: str) -> None:
    assert (CLOUDS / cloud / "weights.py").is_file()


@pytest.mark.parametrize("revision", ["main", "v1", COMMIT[:12], COMMIT.upper(), ""])
def test_only_a_whole_commit_is_a_revision(revision: str) -> None:
    with pytest.raises(ValueError, match="revision"):
        model(revision=revision)


def test_files_of_code_are_no_part_of_what_is_fetched() -> None:
    from elastic_vllm.weights import prefetch  # noqa: PLC0415  # the script, here alone

    served: Sequence[str] = ("config.json", "merges.txt", "model.safetensors", "chat_template.jinja")
    assert all(map(prefetch.kept, served))
    assert not any(map(prefetch.kept, ("modeling.py", "model.bin", "a/config.json", "README.md")))
