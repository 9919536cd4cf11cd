"""The pod of one replica: bounded, unprivileged, offline, patient while loading and slow to go."""

import math
from typing import Any

import pytest

from elastic_vllm import catalog
from elastic_vllm.spec import ModelSpec
from elastic_vllm.vllm import quantity
from elastic_vllm.vllm.pod import template
from elastic_vllm.vllm.weights import Mounted
from tests.manifests import FP8_8B, L4, model, plain, strings

MIB = {"Gi": 1024, "Mi": 1}


def template_of(spec: ModelSpec, **keys: Any) -> Any:
    return plain(template(spec, L4, keys.pop("annotations", {}), **keys))


def pod_of(spec: ModelSpec, **keys: Any) -> Any:
    return template_of(spec, **keys)["spec"]


def container_of(spec: ModelSpec, **keys: Any) -> Any:
    return pod_of(spec, **keys)["containers"][0]


def mebibytes(written: str) -> int:
    return int(written[:-2]) * MIB[written[-2:]]


def volume(pod: Any, name: str) -> Any:
    return next(item for item in pod["volumes"] if item["name"] == name)


def test_gpus_and_memory_are_requested_and_limited_alike_and_cpu_is_not_limited() -> None:
    spec = model(gpusPerReplica=2, resources={"cpu": 6.5, "memoryGib": 24})
    assert container_of(spec)["resources"] == {
        "requests": {"cpu": "6500m", "memory": "24Gi", "nvidia.com/gpu": "2"},
        "limits": {"memory": "24Gi", "nvidia.com/gpu": "2"},
    }


@pytest.mark.parametrize("resources", [{}, {"memoryGib": 3, "shmGib": 2.5}, {"memoryGib": 64, "shmGib": 16}])
def test_memory_covers_shared_memory_which_counts_against_it(resources: dict[str, float]) -> None:
    pod = pod_of(model(resources=resources))
    shm = volume(pod, "shm")["empty_dir"]
    assert shm["medium"] == "Memory"
    assert mebibytes(shm["size_limit"]) < mebibytes(pod["containers"][0]["resources"]["limits"]["memory"])


def test_grace_is_the_sum_of_leaving_finishing_and_ending() -> None:
    pod = pod_of(model(drain={"propagationSeconds": 20, "finishSeconds": 200, "marginSeconds": 40}))
    container = pod["containers"][0]
    asleep = int(container["lifecycle"]["pre_stop"]["exec_"]["command"][-1])
    finishing = int(container["args"][container["args"].index("--shutdown-timeout") + 1])
    assert (asleep, finishing) == (20, 200)
    assert pod["termination_grace_period_seconds"] == asleep + finishing + 40


def test_the_pod_satisfies_every_rule_of_restricted() -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""
    pod = pod_of(model(), secret="chat-api-key", weights=Mounted(claim="weights"))
    container, as_whom = pod["containers"][0], pod["security_context"]
    assert as_whom["run_as_non_root"] is True
    assert as_whom["run_as_user"] == 2000
    assert as_whom["seccomp_profile"] == {"type": "RuntimeDefault"}
    assert container["security_context"]["allow_privilege_escalation"] is False
    assert container["security_context"]["capabilities"] == {"drop": ["ALL"]}
    assert "privileged" not in container["security_context"]
    kinds = {kind for item in pod["volumes"] for kind in item if kind != "name"}
    assert kinds <= {"config_map", "empty_dir", "persistent_volume_claim"}
    assert not {"host_network", "host_pid", "host_ipc"} & pod.keys()
    assert "host_port" not in container["ports"][0]


def test_the_images_own_user_may_write_to_its_volumes() -> None:
    context = pod_of(model())["security_context"]
    assert (context["run_as_group"], context["fs_group"]) == (0, 0)


def test_the_root_is_read_only_and_all_that_vllm_writes_is_on_a_volume() -> None:
    container = container_of(model())
    assert container["security_context"]["read_only_root_filesystem"] is True
    writable = {item["mount_path"] for item in container["volume_mounts"] if not item.get("read_only")}
    assert writable == {"/home/vllm/.cache", "/dev/shm", "/tmp"}
    caches = {
        item["value"]
        for item in container["env"]
        if item["name"] in ("HF_HOME", "VLLM_CACHE_ROOT", "TRITON_CACHE_DIR", "CUDA_CACHE_PATH")
    }
    assert len(caches) == 4
    assert all(path.startswith("/home/vllm/.cache/") for path in caches)


def test_every_mount_has_its_volume_and_every_volume_is_mounted() -> None:
    pod = pod_of(model())
    mounted = sorted(item["name"] for item in pod["containers"][0]["volume_mounts"])
    assert mounted == sorted(item["name"] for item in pod["volumes"])


def test_every_volume_on_a_disk_or_in_memory_is_bounded_except_the_weights() -> None:
    unbounded = [
        item["name"]
        for item in pod_of(model())["volumes"]
        if "empty_dir" in item and "size_limit" not in item["empty_dir"]
    ]
    assert unbounded == ["models"]


def test_the_server_only_reads_its_weights() -> None:
    pod = pod_of(model(), weights=Mounted(claim="weights"))
    claim = {"claim_name": "weights", "read_only": True}
    assert volume(pod, "models")["persistent_volume_claim"] == claim
    mount = next(m for m in pod["containers"][0]["volume_mounts"] if m["name"] == "models")
    assert mount == {"name": "models", "mount_path": "/models", "read_only": True}


def test_the_hub_is_never_asked_and_nobody_is_told() -> None:
    env = {item["name"]: item.get("value") for item in container_of(model())["env"]}
    assert env["HF_HUB_OFFLINE"] == env["TRANSFORMERS_OFFLINE"] == "1"
    assert env["VLLM_NO_USAGE_STATS"] == env["DO_NOT_TRACK"] == "1"
    assert env["HF_HUB_CACHE"] == "/models"


def test_variables_stand_in_the_order_of_their_names() -> None:
    named = [item["name"] for item in container_of(model(), secret="chat-api-key")["env"]]
    assert named == sorted(named)


def test_the_api_key_is_read_from_its_secret_and_only_when_there_is_one() -> None:
    env = {item["name"]: item for item in container_of(model(), secret="chat-api-key")["env"]}
    reference = {"name": "chat-api-key", "key": "api-key"}
    assert env["VLLM_API_KEY"] == {
        "name": "VLLM_API_KEY",
        "value_from": {"secret_key_ref": reference},
    }
    assert "VLLM_API_KEY" not in set(strings(container_of(model())["env"]))


def test_no_service_of_the_namespace_and_no_token_reach_the_pod() -> None:
    pod = pod_of(model())
    assert pod["enable_service_links"] is False
    assert pod["automount_service_account_token"] is False


def test_probes_ask_for_health_which_needs_no_key() -> None:
    container = container_of(model(requireApiKey=True), secret="chat-api-key")
    for probe in ("startup_probe", "readiness_probe", "liveness_probe"):
        assert container[probe]["http_get"]["path"] == "/health"
        assert container[probe]["http_get"]["port"] == container["ports"][0]["name"]


def test_a_busy_replica_leaves_the_service_well_before_it_is_killed() -> None:
    container = container_of(model())
    ready, live = container["readiness_probe"], container["liveness_probe"]
    assert ready["period_seconds"] * ready["failure_threshold"] * 2 <= (
        live["period_seconds"] * live["failure_threshold"]
    )


def test_karpenter_leaves_a_loading_replica_alone_and_one_that_has_loaded_not() -> None:
    """Longer, and a replica with answers in flight stays on a machine that is about to be taken away."""
    built = template_of(model(), annotations={"elastic-vllm.dev/load-seconds": "20"})
    loading = math.ceil(catalog.engine_seconds("l4", 1) + catalog.weights_seconds(FP8_8B))
    assert built["metadata"]["annotations"] == {
        "elastic-vllm.dev/load-seconds": "20",
        "karpenter.sh/do-not-disrupt": f"{loading}s",
    }


def test_a_simulation_says_itself_how_long_a_replica_loads() -> None:
    built = template_of(model(), annotations={"karpenter.sh/do-not-disrupt": "3s"})
    assert built["metadata"]["annotations"] == {"karpenter.sh/do-not-disrupt": "3s"}


def test_replicas_of_one_revision_are_spread_over_zones_and_nodes_when_that_is_possible() -> None:
    spread = pod_of(model())["topology_spread_constraints"]
    assert {item["topology_key"] for item in spread} == {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    }
    for item in spread:
        assert item["when_unsatisfiable"] == "ScheduleAnyway"
        assert item["match_label_keys"] == ["pod-template-hash"]


def test_the_pod_goes_where_its_placement_says() -> None:
    pod = pod_of(model())
    assert pod["node_selector"] == {"pool": "l4"}
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]


@pytest.mark.parametrize(
    ("written", "value"),
    [("12Gi", 12), ("1536Mi", 1.5), ("128Mi", 0.125)],
)
def test_memory_is_written_as_the_apiserver_prints_it(written: str, value: float) -> None:
    assert quantity.gibibytes(value) == written


@pytest.mark.parametrize(("written", "value"), [("3", 3.0), ("2500m", 2.5), ("500m", 0.5)])
def test_cpu_is_written_as_the_apiserver_prints_it(written: str, value: float) -> None:
    assert quantity.cores(value) == written
