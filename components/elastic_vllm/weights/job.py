"""The Job that fetches one revision, and whom its pod may talk to. Pure.

It runs once: its name carries a hash of all that it is made of, and the script does nothing where the weights
are complete. It needs no GPU, so the taint of GPU nodes keeps it off them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from elastic_vllm import catalog, labels
from elastic_vllm.vllm import network
from elastic_vllm.vllm.container import by_name
from elastic_vllm.vllm.container import security as container_security
from elastic_vllm.vllm.pod import security as pod_security
from elastic_vllm.vllm.pod import with_pull_secrets
from elastic_vllm.vllm.quantity import gibibytes
from elastic_vllm.weights.names import ACCOUNT, Fetch, hashed

if TYPE_CHECKING:
    import pulumi
    from pulumi_kubernetes.batch.v1 import JobSpecArgsDict
    from pulumi_kubernetes.core.v1 import ContainerArgsDict, EnvVarArgsDict, PodSpecArgsDict, VolumeArgsDict
    from pulumi_kubernetes.networking.v1 import NetworkPolicySpecArgsDict

    from elastic_vllm.clouds.base import Endpoint
    from elastic_vllm.placement import Resolver

SCRIPT = "prefetch.py"
SCRIPTS = "/scripts"
SCRATCH = "/scratch"
SCRATCH_GIB = 16
"""For one file at a time; the largest of these checkpoints have ten gigabytes."""
MEMORY_GIB = 2
ATTEMPTS = 6
"""The first may come before the cloud knows of the pod's identity: seconds on EKS, minutes on GKE."""
TOKEN = "token"  # noqa: S105  # the key inside the Secret
SLOWEST_GB_PER_SECOND = 0.02
"""A fetch slower than this is taken for stuck."""
ALLOWANCE_SECONDS = 1800
"""For the image to be pulled, and for attempts that failed."""


def script() -> str:
    """The script itself, as it is mounted."""
    return Path(__file__).with_name(SCRIPT).read_text(encoding="utf-8")


def script_name() -> str:
    """The ConfigMap that holds it."""
    return f"prefetch-script-{hashed({SCRIPT: script()})}"


def selector() -> Mapping[str, str]:
    """What tells these pods from those of models."""
    return {"app.kubernetes.io/component": "prefetch", "app.kubernetes.io/name": "weights"}


def deadline_seconds(fetch: Fetch) -> int:
    """When to give up."""
    return ALLOWANCE_SECONDS + round(catalog.models()[fetch.checkpoint].weights_gb / SLOWEST_GB_PER_SECOND)


def spec(
    fetch: Fetch, to: pulumi.Input[str], environment: Mapping[str, str], *, token: str | None
) -> JobSpecArgsDict:
    """The Job; ``token`` names the Secret with the hub's token, if there is one."""
    pod: PodSpecArgsDict = {
        "automount_service_account_token": False,
        "containers": [container(fetch, to, environment, token=token)],
        "enable_service_links": False,
        "restart_policy": "Never",
        "security_context": pod_security(),
        "service_account_name": ACCOUNT,
        "volumes": volumes(),
    }
    return {
        "active_deadline_seconds": deadline_seconds(fetch),
        "backoff_limit": ATTEMPTS,
        "template": {
            "metadata": {"labels": {**selector(), **labels.shared()}},
            "spec": with_pull_secrets(pod, fetch.pull_secrets),
        },
    }


def name(fetch: Fetch, environment: Mapping[str, str], *, token: str | None) -> str:
    """The Job's own name. The bucket is left out of the hash: AWS and Google name it when it is made."""
    return f"{fetch.name}-{hashed({'spec': spec(fetch, '', environment, token=token)})}"


def container(
    fetch: Fetch, to: pulumi.Input[str], environment: Mapping[str, str], *, token: str | None
) -> ContainerArgsDict:
    """The serving image, so that there is no second one to mirror and to scan; it has both clouds' SDKs."""
    bounded = {"ephemeral-storage": gibibytes(SCRATCH_GIB), "memory": gibibytes(MEMORY_GIB)}
    return {
        "name": "prefetch",
        "image": fetch.image,
        "command": ["python3", f"{SCRIPTS}/{SCRIPT}"],
        "args": ["--checkpoint", fetch.checkpoint, "--revision", fetch.revision, "--to", to],
        "env": variables(environment, token),
        "resources": {"requests": {"cpu": "250m", **bounded}, "limits": bounded},
        "security_context": container_security(),
        "volume_mounts": [
            {"name": "scratch", "mount_path": SCRATCH},
            {"name": "scripts", "mount_path": SCRIPTS, "read_only": True},
        ],
    }


def variables(environment: Mapping[str, str], token: str | None) -> list[EnvVarArgsDict]:
    """By name. Plain HTTP downloads take little memory, whatever the file; Xet's do not."""
    plain = {
        **environment,
        "HF_HOME": f"{SCRATCH}/huggingface",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
        "HOME": SCRATCH,
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": SCRATCH,
    }
    return by_name(plain, {} if token is None else {"HF_TOKEN": (token, TOKEN)})


def volumes() -> list[VolumeArgsDict]:
    """Room for one file, and the script."""
    return [
        {"name": "scratch", "empty_dir": {"size_limit": gibibytes(SCRATCH_GIB)}},
        {"name": "scripts", "config_map": {"name": script_name()}},
    ]


def network_spec(credentials: Sequence[Endpoint], resolvers: Sequence[Resolver]) -> NetworkPolicySpecArgsDict:
    """Nothing in. Out: names, its own credentials, and the hub and the bucket over HTTPS."""
    return {
        "egress": [network.names(resolvers), *network.endpoints(credentials), network.public(443)],
        "pod_selector": {"match_labels": selector()},
        "policy_types": ["Ingress", "Egress"],
    }
