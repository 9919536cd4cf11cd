"""Runs a stack's program once, in this process, and keeps what it declares: no cluster, network or secret.

Ids and names that only a provider could give stand as what they are, ``<cluster-vpc.id>``: a policy that
names one is compared to the letter, and is not merely unknown.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from pydantic import JsonValue

from elastic_vllm.clouds.local.home import kubeconfig
from elastic_vllm.spec.stack import PROJECT, SECRETS, StackConfig
from elastic_vllm.testing.monitor import Applied, run
from elastic_vllm.testing.registration import Graph, Registration
from elastic_vllm.testing.request import STACK_TYPE, urn_type
from elastic_vllm.testing.values import Secret, Unknown
from fleet.deploy.program import run_file
from fleet.plan.document import Resource

_LEARNT = ("arn", "email", "member", "name", "url")
"""Outputs that a cloud's provider computes and that other resources embed in text."""


def record(root: Path, stack: str, raw: Mapping[str, object], config: StackConfig) -> tuple[Resource, ...]:
    """Every resource of the stack, sorted by URN. Each model that asks for a key is given a made-up one."""
    given = {f"{PROJECT}:{name}": _as_the_cli(value) for name, value in raw.items()}
    keys = {model.name: "a key" for model in config.models if model.require_api_key}
    with _short_traces():
        graph = run(
            partial(run_file, root),
            preview=True,
            config={**given, f"{PROJECT}:{SECRETS}": json.dumps(keys)},
            secret_keys=[f"{PROJECT}:{SECRETS}"],
            stack=stack,
            provider=_answer,
        )
    components = _components(graph)
    made = (_resource(item, components) for item in graph if item.custom)
    return tuple(sorted(made, key=lambda resource: resource.urn))


@contextmanager
def _short_traces() -> Iterator[None]:
    """The SDK sends its call stack with each registration; to collect that takes a tenth of the time."""
    before = getattr(sys, "tracebacklimit", None)
    sys.tracebacklimit = 1
    try:
        yield
    finally:
        del sys.tracebacklimit
        if before is not None:
            sys.tracebacklimit = before


def _as_the_cli(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _answer(item: Registration) -> Applied:
    """Outputs that the program may read of a resource: its inputs, and placeholders for computed names."""
    if not item.custom:
        return Applied(id="", outputs=item.inputs)
    if item.package == "kubernetes" or item.is_provider:
        return Applied(id=_of(item, "id"), outputs=item.inputs)
    learnt = {key: _of(item, key) for key in _LEARNT}
    return Applied(id=_of(item, "id"), outputs={**learnt, **item.inputs})


def _of(item: Registration, output: str) -> str:
    return f"<{item.name}.{output}>"


def _components(graph: Graph) -> dict[str, str]:
    """The name of the outermost component around each component."""
    called: dict[str, str] = {}
    for item in graph:  # a parent is registered before its children
        if not item.custom:
            called[item.urn] = called.get(item.parent, f"{item.type.rpartition(':')[2]} {item.name}")
    return called


def _resource(item: Registration, components: Mapping[str, str]) -> Resource:
    reads = {urn for urns in item.property_dependencies.values() for urn in urns}
    local = str(kubeconfig())
    return Resource(
        urn=item.urn,
        type=item.type,
        name=item.name,
        component=components.get(item.parent, ""),
        protect=bool(item.protect),
        retain=bool(item.retain_on_delete),
        ignore_changes=item.ignore_changes,
        aliases=tuple(former_urn(item, alias) for alias in item.aliases),
        reads=tuple(sorted(reads)),
        properties={key: _plain(value, local) for key, value in item.inputs.items()},
    )


def _plain(value: object, local: str) -> JsonValue:
    """A property as JSON has it, without its secrets. ``local`` is the kubeconfig's path on this machine."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item, local) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, local) for item in value]
    if isinstance(value, Secret | Unknown):
        return str(value)
    if value == local:  # a path of this machine has no place in a pull request
        return "<kubeconfig>"
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def former_urn(item: Registration, alias: str) -> str:
    """An alias as a URN; parts that it leaves out are the resource's own."""
    if alias.startswith("urn:"):
        return alias
    said = dict(part.split("=", 1) for part in alias.split(","))
    stack, project, _, name = item.urn.split("::", 3)
    above = "" if said.get("noParent") == "True" else said.get("parentUrn") or item.parent
    kind = said.get("type", item.type)
    qualified = f"{urn_type(above)}${kind}" if above and urn_type(above) != STACK_TYPE else kind
    return f"{stack}::{said.get('project', project)}::{qualified}::{said.get('name', name)}"
