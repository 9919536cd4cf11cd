"""What ``VllmDeployment`` registers: which objects, under whom, by which provider, and where the key goes."""

import base64
import json

import pulumi
import pulumi_kubernetes
import pytest

from elastic_vllm.spec import ModelSpec
from elastic_vllm.testing.monitor import run
from elastic_vllm.testing.registration import Graph
from elastic_vllm.testing.values import Secret, mapping
from elastic_vllm.vllm import deployment, routes
from elastic_vllm.vllm_deployment import VllmDeployment, VllmDeploymentArgs, encode
from tests.manifests import GROUP, L4, inputs, kubernetes, model, names, plain, strings
from tests.recorded import reveal

CANARY = "sk-canary-7f3a"


def deploy(spec: ModelSpec, *, api_key: bool = False, preview: bool = False, key: str = CANARY) -> Graph:
    def program() -> None:
        provider = pulumi_kubernetes.Provider("own", kubeconfig="kubeconfig")
        args = VllmDeploymentArgs(
            namespace="inference",
            model=spec,
            placement=L4,
            api_key=pulumi.Output.secret(key) if api_key else None,
        )
        built = VllmDeployment(spec.name, args, pulumi.ResourceOptions(providers=[provider], protect=True))
        pulumi.export("endpoint", built.endpoint)

    return run(program, preview=preview)


def test_a_model_is_six_objects_and_a_seventh_with_a_key() -> None:
    without = [item.name for item in kubernetes(deploy(model()))]
    assert sorted(without) == [
        "chat-account",
        "chat-deployment",
        "chat-disruption",
        "chat-gate",
        "chat-network",
        "chat-service",
    ]
    with_key = [item.name for item in kubernetes(deploy(model(), api_key=True))]
    assert set(with_key) - set(without) == {"chat-key"}


def test_every_object_is_a_child_of_the_component_and_inherits_its_provider_and_protection() -> None:
    graph = deploy(model(), api_key=True)
    component = graph.named("chat")
    assert component.type == "elastic-vllm:serving:VllmDeployment"
    for item in kubernetes(graph):
        assert item.parent == component.urn
        assert item.provider_urn.endswith("::own")
        assert item.protect is True


def test_every_object_is_named_by_the_stack_file_and_carries_the_models_labels() -> None:
    graph = deploy(model(name="describe"), api_key=True)
    for item in kubernetes(graph):
        metadata = inputs(graph, item.name)["metadata"]
        assert metadata["name"] in (
            "describe",
            "describe-api-key",
            routes.config_name(model(name="describe")),
        )
        assert metadata["namespace"] == "inference"
        assert metadata["labels"] == {
            "app.kubernetes.io/instance": "describe",
            "app.kubernetes.io/name": "vllm",
            "app.kubernetes.io/part-of": "elastic-vllm",
        }


def test_a_preview_registers_the_same_names_as_an_update() -> None:
    assert names(deploy(model(), api_key=True, preview=True)) == names(deploy(model(), api_key=True))


def test_two_runs_register_the_same_inputs() -> None:
    first, second = deploy(model(), api_key=True), deploy(model(), api_key=True)
    assert {item.urn: item.inputs for item in first} == {item.urn: item.inputs for item in second}
    assert len(first) == 9


def test_two_models_meet_in_no_object() -> None:
    def program() -> None:
        for name in ("chat", "describe"):
            args = VllmDeploymentArgs(namespace="inference", model=model(name=name), placement=L4)
            VllmDeployment(name, args)

    graph = run(program)
    objects = [(item.type, inputs(graph, item.name)["metadata"]["name"]) for item in kubernetes(graph)]
    assert len(objects) == len(set(objects)) == 12


def test_the_deployment_waits_for_all_that_its_pods_refer_to() -> None:
    deployed = deploy(model(), api_key=True).named("chat-deployment")
    for needed in ("chat-account", "chat-network", "chat-key"):
        assert any(urn.endswith(f"::{needed}") for urn in deployed.dependencies)


@pytest.mark.parametrize(
    ("replicas", "declared"),
    [({"min": 1, "max": 10}, None), ({"min": 3, "max": 3}, 3), ({"min": 1, "max": 1}, 1)],
)
def test_replicas_are_declared_only_where_no_autoscaler_owns_them(
    replicas: dict[str, int], declared: int | None
) -> None:
    spec = inputs(deploy(model(replicas=replicas)), "chat-deployment")["spec"]
    assert ("replicas" in spec) is (declared is not None)
    assert spec.get("replicas") == declared


def test_the_service_account_the_secret_and_the_selector_are_those_of_the_objects() -> None:
    graph = deploy(model(), api_key=True)
    template = inputs(graph, "chat-deployment")["spec"]["template"]
    assert template["spec"]["serviceAccountName"] == inputs(graph, "chat-account")["metadata"]["name"]
    key = next(item for item in template["spec"]["containers"][0]["env"] if item["name"] == "VLLM_API_KEY")
    secret = inputs(graph, "chat-key")
    assert key["valueFrom"]["secretKeyRef"]["name"] == secret["metadata"]["name"]
    assert key["valueFrom"]["secretKeyRef"]["key"] in mapping(reveal(secret["data"]))
    labels = template["metadata"]["labels"].items()
    for name in ("chat-service", "chat-disruption", "chat-network", "chat-deployment"):
        spec = inputs(graph, name)["spec"]
        selector = spec.get("selector", spec.get("podSelector"))
        assert selector.get("matchLabels", selector).items() <= labels


def test_the_key_is_secret_on_the_wire_and_in_nothing_but_the_secrets_data() -> None:
    graph = deploy(model(), api_key=True)
    data = inputs(graph, "chat-key")["data"]
    assert isinstance(data, Secret)
    assert reveal(data) == {"api-key": base64.b64encode(CANARY.encode()).decode()}
    seen = [text for item in graph for text in strings(item.inputs)]
    seen += list(strings(graph.outputs)) + [json.dumps(item.inputs, default=repr) for item in graph]
    for form in (CANARY, encode(CANARY)):
        assert not [text for text in seen if form in text]


def test_a_key_that_is_no_secret_of_pulumis_becomes_one() -> None:
    def program() -> None:
        args = VllmDeploymentArgs(namespace="inference", model=model(), placement=L4, api_key=CANARY)
        VllmDeployment("chat", args)

    assert isinstance(inputs(run(program), "chat-key")["data"], Secret)


@pytest.mark.parametrize("shape", [{}, {**GROUP, "name": "chat"}], ids=["pods", "groups"])
def test_another_key_rolls_the_pods_and_the_same_one_does_not(shape: dict[str, object]) -> None:
    def pods(key: str) -> list[object]:
        graph = deploy(model(**shape), api_key=True, key=key)
        return [item.inputs["spec"] for item in graph if item.name in {"chat-deployment", "chat-groups"}]

    first, second = pods(CANARY), pods("sk-another-0b61")
    assert first == pods(CANARY)
    assert first != second
    assert "[secret]" in repr(first), "not even the digest is plain in state"


def test_pulumi_waits_for_the_deployment_as_long_as_a_rollout_may_take_and_not_for_the_service() -> None:
    graph = deploy(model(replicas={"min": 2, "max": 4}))
    deployed = inputs(graph, "chat-deployment")
    waits = int(deployed["metadata"]["annotations"]["pulumi.com/timeoutSeconds"])
    assert waits == 2 * deployed["spec"]["progressDeadlineSeconds"]
    assert inputs(graph, "chat-service")["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}


def test_the_endpoint_is_the_service_inside_the_cluster() -> None:
    assert deploy(model()).outputs["endpoint"] == "http://chat.inference.svc:8000/v1"


def test_the_service_reaches_the_port_that_vllm_opens() -> None:
    graph = deploy(model())
    (port,) = inputs(graph, "chat-service")["spec"]["ports"]
    container = inputs(graph, "chat-deployment")["spec"]["template"]["spec"]["containers"][0]
    assert port["targetPort"] == container["ports"][0]["name"]
    assert port["port"] == container["ports"][0]["containerPort"]
    assert str(port["port"]) == container["args"][container["args"].index("--port") + 1]


def test_a_rollout_never_takes_a_replica_before_it_brought_one() -> None:
    strategy = inputs(deploy(model()), "chat-deployment")["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def test_one_replica_at_a_time_may_be_evicted_and_no_drain_waits_for_a_broken_one() -> None:
    budget = plain(deployment.disruption_budget_spec("chat"))
    assert budget["max_unavailable"] == 1
    assert budget["unhealthy_pod_eviction_policy"] == "AlwaysAllow"
    assert "min_available" not in budget
