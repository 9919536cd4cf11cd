"""Which program is deployed, for which stack, with which configuration."""

import json
import os
import re
import runpy
import sys
from collections.abc import Callable, Mapping
from contextlib import chdir
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from elastic_vllm.project import stacks_folder
from elastic_vllm.spec.stack import PROJECT, SECRETS
from elastic_vllm.stack_file.files import document
from elastic_vllm.testing.values import mapping
from fleet.errors import DeployError


@dataclass(frozen=True, kw_only=True)
class StackRef:
    """A stack on the embedded cluster, its program and its configuration."""

    name: str
    program: Callable[[], None]
    kubeconfig: Path
    home: Path
    """The state directory: the stack's state, its passphrase and its lock lie there."""
    config: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Full keys and values, as the Pulumi CLI passes them: JSON for all that is no string."""
    secret_keys: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CloudStack:
    """A stack on a cloud: backend, login and passphrase are the user's, the CLI reads the stack file."""

    name: str
    program: Callable[[], None]
    root: Path
    """The folder of Pulumi.yaml."""


def stack_ref(
    name: str, *, root: Path, kubeconfig: Path, home: Path, stand_ins: Mapping[str, str] | None = None
) -> StackRef:
    """The stack of this name in a project: its ``__main__.py`` and ``Pulumi.<name>.yaml``.

    ``stand_ins`` are secrets by their full keys that replace the stack's own, for a run that needs none.
    """
    config, secret_keys = read_config(stacks_folder(root) / f"Pulumi.{name}.yaml", stand_ins)
    return StackRef(
        name=name,
        program=partial(run_file, root),
        kubeconfig=kubeconfig,
        home=home,
        config=config,
        secret_keys=secret_keys,
    )


def run_file(root: Path) -> None:
    """Run a project's ``__main__.py`` in this process, in the project's folder as Pulumi does."""
    for place in (str(root), str(root / "components")):
        if place not in sys.path:
            sys.path.insert(0, place)
    with chdir(root):
        runpy.run_path(str(root / "__main__.py"), run_name="__main__")


def read_config(
    path: Path, stand_ins: Mapping[str, str] | None = None
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The configuration in a stack file, and which of its keys are secret.

    Values that are encrypted, in whole or in part, come from the environment: the embedded cluster's state
    has a passphrase of its own. So do API keys where the file names none.
    """
    content = mapping(document(path))
    config = dict(stand_ins or {})
    secret_keys = [*config]
    for short, value in {**_given_keys(), **mapping(content.get("config"))}.items():
        key = short if ":" in short else f"{PROJECT}:{short}"
        if key in config:
            continue
        if _has_secure(value):
            config[key] = _secret(path, key)
            secret_keys.append(key)
        else:
            config[key] = value if isinstance(value, str) else json.dumps(value)
    return config, tuple(secret_keys)


def _given_keys() -> dict[str, object]:
    """The section of API keys, as the CLI would write it, where the environment has them."""
    key = f"{PROJECT}:{SECRETS}"
    return {key: {"secure": ""}} if secret_variable(key) in os.environ else {}


def secret_variable(key: str) -> str:
    """The environment variable that holds a secret: ``apiKeys`` is in ELASTIC_VLLM_SECRET_API_KEYS."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", key.rpartition(":")[2])
    return f"ELASTIC_VLLM_SECRET_{re.sub(r'[^A-Za-z0-9]', '_', words).upper()}"


def _secret(path: Path, key: str) -> str:
    variable = secret_variable(key)
    value = os.environ.get(variable)
    if value is None:
        raise DeployError(
            f"{path.name}: {key} is encrypted with a passphrase or key of your own, which the embedded "
            "cluster's state does not use: "
            f"set {variable} to its whole value (JSON unless it is a string)"
        )
    return value


def _has_secure(value: object) -> bool:
    if isinstance(value, list):
        return any(_has_secure(item) for item in value)
    return set(mapping(value)) == {"secure"} or any(_has_secure(item) for item in mapping(value).values())
