"""Where a stack's state is: on this machine for the embedded cluster, in the user's backend for clouds."""

import os
import secrets
import subprocess
from pathlib import Path

import yaml
from pulumi import automation as auto

from elastic_vllm.spec.stack import PROJECT
from elastic_vllm.testing.values import mapping, text
from fleet.deploy.program import CloudStack, StackRef
from fleet.deploy.tools import Tools
from fleet.errors import DeployError, FleetError
from fleet.kube.apiserver import connect
from fleet.kube.objects import Ref, metadata

_QUIET = {"PULUMI_SKIP_UPDATE_CHECK": "true"}


def folder(home: Path) -> Path:
    """What Pulumi keeps in the state directory, for this user only."""
    return home / "pulumi"


def states(stack: StackRef) -> Path:
    """The backend of a cluster. By the cluster's uid: one that is made anew knows nothing of the old."""
    ref = Ref(api_version="v1", kind="Namespace", namespace="", name="kube-system")
    uid = text(metadata(connect(stack.kubeconfig).get(ref) or {}).get("uid"))
    return folder(stack.home) / "state" / uid


def state_file(stack: StackRef) -> Path:
    """The state of one stack."""
    return states(stack) / ".pulumi" / "stacks" / PROJECT / f"{stack.name}.json"


def exists(stack: StackRef) -> bool:
    """Whether anything of the stack was ever deployed to this cluster, and not destroyed since."""
    return state_file(stack).is_file()


def open_local(stack: StackRef, tools: Tools) -> auto.Stack:
    """Select the stack in its folder, with the configuration that it has now."""
    place = folder(stack.home)
    work = place / "work" / stack.name
    state = states(stack)
    for each in (place, work, state):
        each.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_config(work / f"Pulumi.{stack.name}.yaml", stack)
    opened = auto.create_or_select_stack(
        stack.name,
        project_name=PROJECT,
        program=stack.program,
        opts=auto.LocalWorkspaceOptions(
            work_dir=str(work),
            pulumi_home=str(tools.home),
            pulumi_command=tools.command,
            project_settings=auto.ProjectSettings(PROJECT, "python", main=str(work)),
            env_vars={
                **_QUIET,
                # Without files of attributes beside the state's: those are not written atomically, and a kill
                # between leaves a state that cannot be read.
                "PULUMI_BACKEND_URL": f"file://{state}?metadata=skip",
                "PULUMI_CONFIG_PASSPHRASE": _passphrase(place / "passphrase"),
                "PULUMI_CONFIG_PASSPHRASE_FILE": "",
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            },
        ),
    )
    for key in stack.secret_keys:
        _set_secret(opened, key, stack.config[key])
    return opened


def open_cloud(stack: CloudStack, tools: Tools) -> auto.Stack:
    """Select the stack in the backend that the user is logged in to; a stack is never made here."""
    try:
        return auto.select_stack(
            stack.name,
            project_name=PROJECT,
            program=stack.program,
            opts=auto.LocalWorkspaceOptions(
                work_dir=str(stack.root), pulumi_command=tools.command, env_vars=_QUIET
            ),
        )
    except auto.StackNotFoundError:
        raise FleetError(
            f"the Pulumi backend has no stack {stack.name}",
            f"`pulumi stack init {stack.name}`, or log in to the backend that has it",
        ) from None
    except auto.CommandError as error:
        raise DeployError(f"stack {stack.name}: {last_error(error)}") from None


def last_error(error: auto.CommandError) -> str:
    """What the CLI printed as its error."""
    lines = [line.strip() for line in str(error).splitlines()]
    found = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return found[0] if found else " ".join(line for line in lines if line)


def _write_config(path: Path, stack: StackRef) -> None:
    """The plain sections; secrets follow through the CLI. The salt of the passphrase stays what it is."""
    before = mapping(yaml.safe_load(path.read_text())) if path.is_file() else {}
    plain = {key: value for key, value in stack.config.items() if key not in stack.secret_keys}
    kept = {key: value for key, value in before.items() if key != "config"}
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(yaml.safe_dump({**kept, "config": plain}))
    unfinished.replace(path)


def _set_secret(stack: auto.Stack, key: str, value: str) -> None:
    """Encrypt a value into the configuration. By stdin: other users can read a command line."""
    workspace = stack.workspace
    done = subprocess.run(
        [workspace.pulumi_command.command, "config", "set", "--secret", key, "--stack", stack.name],
        input=value,
        text=True,
        cwd=workspace.work_dir,
        env={**os.environ, **workspace.env_vars, "PULUMI_HOME": str(workspace.pulumi_home)},
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise DeployError(f"{key} cannot be encrypted: {done.stderr.strip()}")


def _passphrase(path: Path) -> str:
    """What the state's secrets are encrypted with: made once, readable by this user only."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    except FileExistsError:
        pass
    return path.read_text()
