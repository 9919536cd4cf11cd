"""The container that serves: image, command line, environment, probes, resources, mounts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from elastic_vllm.spec import ModelSpec
from elastic_vllm.vllm import routes, startup
from elastic_vllm.vllm.arguments import PORT, arguments
from elastic_vllm.vllm.inputs import AS_DECLARED, PodInputs
from elastic_vllm.vllm.weights import Weights, command_line, variables

if TYPE_CHECKING:
    from pulumi_kubernetes.core.v1 import (
        ContainerArgsDict,
        EnvVarArgsDict,
        ProbeArgsDict,
        ResourceRequirementsArgsDict,
        SecurityContextArgsDict,
        VolumeMountArgsDict,
    )

NAME = "vllm"
HOME = "/home/vllm"
CACHE = f"{HOME}/.cache"
MODELS = "/models"
API_KEY = "api-key"
"""The key inside the Secret."""


def container(
    model: ModelSpec,
    gpu_resource: str,
    budget: int,
    secret: str | None,
    weights: Weights | None,
    *,
    given: PodInputs = AS_DECLARED,
) -> ContainerArgsDict:
    """The vLLM server of one replica; ``secret`` names the Secret with the API key, if clients need one."""
    return {
        "name": NAME,
        "image": given.image_of(model),
        "args": command_line(arguments(model), model, weights, given.revision_of(model)),
        "env": environment(budget, secret, {**variables(weights), **_development(model)}),
        "ports": [{"name": "http", "container_port": PORT, "protocol": "TCP"}],
        "resources": resources(model, gpu_resource, given),
        "startup_probe": health(startup.PROBE_PERIOD_SECONDS, startup.probe_failures(budget)),
        "readiness_probe": health(5, 3),
        "liveness_probe": health(10, 6),
        "lifecycle": {"pre_stop": {"exec_": {"command": pre_stop_command(model.drain.propagation_seconds)}}},
        "security_context": security(),
        "volume_mounts": mounts(),
    }


def _development(model: ModelSpec) -> Mapping[str, str]:
    """vLLM has its routes for sleep in its development mode alone; the gate closes the others of that."""
    return {"VLLM_SERVER_DEV_MODE": "1"} if model.engine.sleep_mode else {}


def pre_stop_command(seconds: int) -> list[str]:
    """The ``preStop`` command: tells the gate by a file, then waits until endpoints have dropped the pod.

    SIGTERM comes after it. The seconds are the last word of the command, where the simulation reads them.
    """
    return ["/bin/sh", "-c", 'touch "$ELASTIC_VLLM_DRAIN_FILE"; exec sleep "$0"', str(seconds)]


def environment(budget: int, secret: str | None, more: Mapping[str, str]) -> list[EnvVarArgsDict]:
    """Variables by name. Nothing is ever loaded from the hub; caches are on writable volumes."""
    plain: Mapping[str, str] = {
        **more,
        "CUDA_CACHE_PATH": f"{CACHE}/nv",
        "DO_NOT_TRACK": "1",
        "ELASTIC_VLLM_DRAIN_FILE": "/tmp/leaving",  # noqa: S108  # a file of the pod, on its own volume
        "HF_HOME": f"{CACHE}/huggingface",
        "HF_HUB_CACHE": MODELS,
        "HF_HUB_OFFLINE": "1",
        "HOME": HOME,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": routes.FOLDER,
        "TRANSFORMERS_OFFLINE": "1",
        "TRITON_CACHE_DIR": f"{CACHE}/triton",
        "VLLM_CACHE_ROOT": f"{CACHE}/vllm",
        "VLLM_ENGINE_READY_TIMEOUT_S": str(startup.engine_ready_seconds(budget)),
        # Longer than a load balancer keeps an idle connection: it never sends into one just closed.
        "VLLM_HTTP_TIMEOUT_KEEP_ALIVE": "75",
        "VLLM_NO_USAGE_STATS": "1",
    }
    return by_name(plain, {} if secret is None else {"VLLM_API_KEY": (secret, API_KEY)})


def by_name(plain: Mapping[str, str], secrets: Mapping[str, tuple[str, str]]) -> list[EnvVarArgsDict]:
    """Variables sorted by name; ``secrets`` gives for each the Secret and the key in it."""
    variables: dict[str, EnvVarArgsDict] = {
        name: {"name": name, "value": value} for name, value in plain.items()
    }
    for name, (secret, key) in secrets.items():
        variables[name] = {"name": name, "value_from": {"secret_key_ref": {"name": secret, "key": key}}}
    return [variables[name] for name in sorted(variables)]


def resources(
    model: ModelSpec, gpu_resource: str, given: PodInputs = AS_DECLARED
) -> ResourceRequirementsArgsDict:
    """GPUs and memory are limits too; CPU is not, because a throttled engine stalls its GPU."""
    bounded = {gpu_resource: str(model.gpus_per_node), "memory": given.memory_of(model)}
    return {"requests": {"cpu": given.cpu_of(model), **bounded}, "limits": bounded}


def health(period_seconds: int, failures: int) -> ProbeArgsDict:
    """A probe of ``/health``, which needs no key and stays 200 while vLLM drains.

    The port opens only when the engine is up, so the same path tells loading, ready and dead apart.
    """
    return {
        "http_get": {"path": "/health", "port": "http", "scheme": "HTTP"},
        "period_seconds": period_seconds,
        "timeout_seconds": 5,
        "failure_threshold": failures,
    }


def security() -> SecurityContextArgsDict:
    """What Pod Security ``restricted`` asks of a container, and a read-only root besides."""
    return {
        "allow_privilege_escalation": False,
        "capabilities": {"drop": ["ALL"]},
        "read_only_root_filesystem": True,
    }


def mounts() -> list[VolumeMountArgsDict]:
    """Where the pod's volumes appear; the server only reads its weights."""
    return [
        {"name": "cache", "mount_path": CACHE},
        {"name": "gate", "mount_path": routes.FOLDER, "read_only": True},
        {"name": "models", "mount_path": MODELS, "read_only": True},
        {"name": "shm", "mount_path": "/dev/shm"},  # noqa: S108  # a mount of the container, no file of ours
        {"name": "tmp", "mount_path": "/tmp"},  # noqa: S108
    ]
