"""What a killed run leaves in the state of a local stack, and how the next run sets it right.

A killed CLI leaves its lock, and an entry for each operation that it had begun. The lock is removed once its
process is gone. An object whose creation had begun may exist or not: it is taken into the state if it does,
so that it is deleted if the program drops it.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pulumi import automation as auto

from elastic_vllm.spec.stack import PROJECT
from elastic_vllm.testing.values import mapping, text
from fleet.deploy.backend import state_file, states
from fleet.deploy.program import StackRef
from fleet.deploy.report import Reporter
from fleet.errors import DeployError
from fleet.kube.apiserver import Apiserver, connect
from fleet.kube.objects import Ref

PATIENCE_SECONDS = 120
"""How long a CLI may go on whose ``fleet`` was killed; it cancels by itself."""


def recover(stack: StackRef, opened: auto.Stack, reporter: Reporter) -> None:
    """Leave no lock and no pending operation of an earlier run. Call with the stack's own lock held."""
    if _unlock(stack, opened, reporter) or _pending(stack):
        _settle(stack, opened, reporter)


def _unlock(stack: StackRef, opened: auto.Stack, reporter: Reporter) -> bool:
    locks = list(_locks(stack))
    if not locks:
        return False
    for lock in locks:
        _await_end(lock, stack, reporter)
    if list(_locks(stack)):
        reporter.said("info", f"an earlier run of stack {stack.name} was killed: its lock is removed")
        opened.cancel()
    return True


def _locks(stack: StackRef) -> Iterator[Path]:
    folder = states(stack) / ".pulumi" / "locks" / "organization" / PROJECT / stack.name
    return folder.glob("*.json")


def _await_end(lock: Path, stack: StackRef, reporter: Reporter) -> None:
    """A CLI can outlive the ``fleet`` that started it, until it notices."""
    try:
        pid = json.loads(lock.read_text()).get("pid")
    except (FileNotFoundError, ValueError):
        return
    deadline = time.monotonic() + PATIENCE_SECONDS
    while isinstance(pid, int) and _runs_pulumi(pid) and lock.exists():
        reporter.progress(f"stack {stack.name}", f"an earlier run is ending (process {pid})")
        if time.monotonic() > deadline:
            raise DeployError(
                f"stack {stack.name} is being changed by process {pid}: "
                "wait until that is done, then run this again"
            )
        time.sleep(0.1)


def _runs_pulumi(pid: int) -> bool:
    """Whether the process is there and is a Pulumi CLI; where that cannot be read, that it is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    command = Path(f"/proc/{pid}/cmdline")
    return not command.exists() or b"pulumi" in command.read_bytes()


def _pending(stack: StackRef) -> bool:
    """Read from the file itself: to ask the CLI takes as long as a preview."""
    try:
        content = json.loads(state_file(stack).read_text())
    except (FileNotFoundError, ValueError):
        return False
    return bool(mapping(mapping(content.get("checkpoint")).get("latest")).get("pending_operations"))


def _settle(stack: StackRef, opened: auto.Stack, reporter: Reporter) -> None:
    """Take over what exists of the objects whose creation had begun; everything else is done again."""
    exported = opened.export_stack()
    deployment = dict(exported.deployment or {})
    pending = deployment.get("pending_operations") or []
    if not pending:
        return
    api = connect(stack.kubeconfig)
    known = {item["urn"] for item in deployment["resources"]}
    for operation in pending:
        resource = operation["resource"]
        name = resource["urn"].rpartition("::")[2]
        found = operation["type"] == "creating" and resource["urn"] not in known and _id(api, resource)
        if found:
            deployment["resources"].append({**resource, "id": found, "outputs": resource["inputs"]})
            known.add(resource["urn"])
        words = "it was made, and is taken over" if found else "it is done again"
        reporter.said("info", f"{operation['type']} {name} was interrupted: {words}")
    deployment["pending_operations"] = []
    opened.import_stack(auto.Deployment(exported.version, deployment))


def _id(api: Apiserver, resource: Mapping[str, Any]) -> str:
    """The id of the object in the cluster, if it is there."""
    inputs = mapping(resource.get("inputs"))
    described = mapping(inputs.get("metadata"))
    if not inputs.get("apiVersion"):
        return ""
    ref = Ref(
        api_version=text(inputs.get("apiVersion")),
        kind=text(inputs.get("kind")),
        namespace=text(described.get("namespace")),
        name=text(described.get("name")),
    )
    return ref.id if api.get(ref) is not None else ""
