"""What a stack owns in the cluster, kept there as an ApplySet (KEP-3659).

The parent is a ConfigMap; each member carries the set's id as a label. The parent is written before a member
is first applied and lists a superset of the members while a run is under way: whatever a killed run made,
the next one knows. Only names and options are kept, never a value.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace

from elastic_vllm.testing.errors import EngineError
from elastic_vllm.testing.values import items, mapping, text
from fleet.kube.apiserver import Apiserver
from fleet.kube.objects import Object, Ref, label, metadata

NAMESPACE = "default"
"""Where the parent lives: a namespace that is always there and no stack can own."""
_PREFIX = "elastic-vllm-"
_ID = "applyset.kubernetes.io/id"
_TOOLING = "applyset.kubernetes.io/tooling"
_GROUP_KINDS = "applyset.kubernetes.io/contains-group-kinds"
_NAMESPACES = "applyset.kubernetes.io/additional-namespaces"

Key = tuple[str, str, str, str]


@dataclass(frozen=True, kw_only=True)
class Member:
    """One object of the set, with what deleting it later needs to know."""

    ref: Ref
    urn: str
    dependencies: tuple[str, ...] = ()
    protect: bool = False
    retain: bool = False
    secret_paths: tuple[tuple[str, ...], ...] = ()
    """Where the object holds secrets, so that their old values stay masked after the program drops them."""


@dataclass(frozen=True)
class Inventory:
    """The members by key, and the parent's version that they were read from."""

    members: Mapping[Key, Member] = field(default_factory=dict)
    resource_version: str = ""

    def with_members(self, more: Iterable[Member]) -> "Inventory":
        """The superset that is stored while a run is under way."""
        return replace(self, members={**self.members, **{member.ref.key: member for member in more}})

    def only(self, members: Iterable[Member]) -> "Inventory":
        """What is stored after a run: these members and no others."""
        return replace(self, members={member.ref.key: member for member in members})


def parent(stack: str) -> Ref:
    """The ConfigMap that holds a stack's inventory."""
    return Ref(api_version="v1", kind="ConfigMap", namespace=NAMESPACE, name=f"{_PREFIX}{stack}")


def applyset_id(ref: Ref) -> str:
    """The id that KEP-3659 prescribes for a set with this parent."""
    digest = hashlib.sha256(f"{ref.name}.{ref.namespace}.{ref.kind}.{ref.group}".encode()).digest()
    return f"applyset-{base64.urlsafe_b64encode(digest).decode().rstrip('=')}-v1"


def read(api: Apiserver, stack: str) -> Inventory | None:
    """The stack's inventory; None when this engine has nothing of that stack in the cluster."""
    ref = parent(stack)
    live = api.get(ref)
    if live is None:
        return None
    if label(live, _ID) != applyset_id(ref):
        raise EngineError(f"{ref} exists and is no inventory of this engine: rename it or the stack")
    entries = json.loads(text(mapping(live.get("data")).get("members")) or "[]")
    members = [_member(mapping(entry)) for entry in items(entries)]
    return Inventory({m.ref.key: m for m in members}, text(metadata(live).get("resourceVersion")))


def owner(api: Apiserver, applyset: str) -> str | None:
    """The stack whose objects carry this id; None when no parent in the cluster has it."""
    found = api.list("v1", "ConfigMap", NAMESPACE, labelSelector=f"{_ID}={applyset}")
    stacks = [text(metadata(item).get("name")).removeprefix(_PREFIX) for item in found]
    return next((stack for stack in stacks if applyset_id(parent(stack)) == applyset), None)


def write(api: Apiserver, stack: str, inventory: Inventory) -> Inventory:
    """Store the inventory; if somebody else stored one since it was read, the apiserver refuses."""
    ref = parent(stack)
    body = _body(ref, inventory)
    if inventory.resource_version:
        body["metadata"] = {**mapping(body["metadata"]), "resourceVersion": inventory.resource_version}
    stored = api.apply(ref, body, force=True)
    return replace(inventory, resource_version=text(metadata(stored).get("resourceVersion")))


def _body(ref: Ref, inventory: Inventory) -> dict[str, object]:
    members = [inventory.members[key] for key in sorted(inventory.members)]
    group_kinds = {f"{m.ref.kind}.{m.ref.group}".rstrip(".") for m in members}
    namespaces = {m.ref.namespace for m in members} - {"", ref.namespace}
    return {
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        "metadata": {
            "name": ref.name,
            "namespace": ref.namespace,
            "labels": {_ID: applyset_id(ref)},
            "annotations": {
                _TOOLING: "elastic-vllm/v1",
                _GROUP_KINDS: ",".join(sorted(group_kinds)),
                _NAMESPACES: ",".join(sorted(namespaces)),
            },
        },
        "data": {"members": json.dumps([asdict(m) for m in members], indent=1, sort_keys=True)},
    }


def _member(entry: Object) -> Member:
    ref = {key: text(value) for key, value in mapping(entry.get("ref")).items()}
    return Member(
        ref=Ref(**ref),
        urn=text(entry.get("urn")),
        dependencies=tuple(text(urn) for urn in items(entry.get("dependencies"))),
        protect=entry.get("protect") is True,
        retain=entry.get("retain") is True,
        secret_paths=tuple(
            tuple(text(part) for part in items(path)) for path in items(entry.get("secret_paths"))
        ),
    )


def deletion_layers(members: Iterable[Member]) -> list[list[Member]]:
    """The order to delete in: each layer only after all that depends on it is gone."""
    left = {member.ref.key: member for member in members}
    layers: list[list[Member]] = []
    while left:
        needed = {key for member in left.values() for key in _needs(member, left)}
        layer = sorted(set(left) - needed) or sorted(left)  # what depends on itself in a circle goes at once
        layers.append([left.pop(key) for key in layer])
    return layers


def _needs(member: Member, others: Mapping[Key, Member]) -> set[Key]:
    """What the member declared it depends on, and what no Kubernetes object can be without."""
    return {
        key
        for key, other in others.items()
        if other.ref.key != member.ref.key
        and (other.urn in member.dependencies or _is_home(other.ref, member.ref))
    }


def _is_home(other: Ref, ref: Ref) -> bool:
    if other.kind == "Namespace":
        return other.name == ref.namespace
    return other.kind == "CustomResourceDefinition" and other.name.partition(".")[2] == ref.group
