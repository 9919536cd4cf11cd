"""Where the embedded cluster keeps its files on this machine. Reads the environment; writes nothing."""

import os
from pathlib import Path


class ClusterMissingError(RuntimeError):
    """There is no embedded cluster to talk to; the message says how to start one."""


def home() -> Path:
    """The state directory: ``ELASTIC_VLLM_HOME``, else a per-user data directory."""
    if named := os.environ.get("ELASTIC_VLLM_HOME"):
        return Path(named).expanduser()
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "elastic-vllm"


def kubeconfig() -> Path:
    """The embedded cluster's kubeconfig: ``ELASTIC_VLLM_KUBECONFIG``, else a file of the state directory."""
    if named := os.environ.get("ELASTIC_VLLM_KUBECONFIG"):
        return Path(named).expanduser()
    return home() / "kubeconfig"


def require_kubeconfig() -> Path:
    """The same path, and the promise that the file is there."""
    path = kubeconfig()
    if not path.is_file():
        raise ClusterMissingError(
            f"no embedded cluster: {path} does not exist; start one with `fleet cluster up`, "
            "or set ELASTIC_VLLM_KUBECONFIG to its kubeconfig"
        )
    return path
