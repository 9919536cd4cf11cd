"""A registration as the Kubernetes object it declares."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from elastic_vllm.testing.errors import EngineError
from elastic_vllm.testing.registration import Registration
from elastic_vllm.testing.values import UNKNOWN, Secret, Unknown, contains, mapping, reveal, text
from fleet.embedded.engine import property_path
from fleet.embedded.engine.changes import MISSING, FieldChange, Path, item_key, marked_paths, steps
from fleet.embedded.engine.inventory import Member
from fleet.kube.apiserver import Apiserver
from fleet.kube.objects import PART_OF, Object, Ref

_OF_THE_SERVER = {
    "uid": UNKNOWN,
    "resourceVersion": UNKNOWN,
    "creationTimestamp": UNKNOWN,
    "generation": UNKNOWN,
}


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What the program wants. ``body`` has secrets in the clear, ``UNKNOWN`` where a preview cannot know."""

    registration: Registration
    ref: Ref
    body: Object
    secret_paths: tuple[Path, ...]

    @property
    def is_named(self) -> bool:
        """Whether name and namespace are known; in a preview they may depend on what is not there yet."""
        return str(UNKNOWN) not in (self.ref.name, self.ref.namespace)

    @property
    def holds_data(self) -> bool:
        """Whether the object is a Secret, whose data is secret without any mark."""
        return self.ref.kind == "Secret" and not self.ref.group

    def member(self) -> Member:
        """What the inventory keeps of it."""
        item = self.registration
        return Member(
            ref=self.ref,
            urn=item.urn,
            dependencies=item.dependencies,
            protect=item.protect or False,
            retain=item.retain_on_delete or False,
            secret_paths=self.secret_paths,
        )


def build(api: Apiserver, registration: Registration, namespace: str) -> Manifest:
    """Read the registration. ``namespace`` is the provider's, for namespaced objects that name none."""
    inputs = _without_nulls({key: value for key, value in registration.inputs.items() if key != "status"})
    body = mapping(reveal(inputs))
    metadata = mapping(body.get("metadata"))
    name = metadata.get("name")
    if not name:
        raise EngineError(
            f"{registration.name} ({registration.type}) has no metadata.name: the engine makes no names up"
        )
    ref = Ref(
        api_version=text(body.get("apiVersion")),
        kind=text(body.get("kind")),
        namespace=_namespace(api, body, namespace),
        name=str(name),
    )
    placed = {**metadata, **({"namespace": ref.namespace} if ref.namespace else {})}
    return Manifest(
        registration=registration,
        ref=ref,
        body=_with_schema_names(_with_data({**body, "metadata": placed})),
        secret_paths=tuple(sorted(set(marked_paths(inputs, Secret)))),
    )


def _namespace(api: Apiserver, body: Object, default: str) -> str:
    kind = api.kind(text(body.get("apiVersion")), text(body.get("kind")))
    named = mapping(body.get("metadata")).get("namespace")
    if kind is None:
        return str(named or "")
    return str(named or default) if kind.namespaced else ""


def _with_data(body: Object) -> Object:
    """A Secret's ``stringData`` as ``data``: an applied ``stringData`` is never read back, so never equal."""
    if body.get("kind") != "Secret" or "stringData" not in body:
        return body
    strings = body["stringData"]
    data = UNKNOWN if isinstance(strings, Unknown) else {k: _base64(v) for k, v in mapping(strings).items()}
    rest = {key: value for key, value in body.items() if key != "stringData"}
    return {**rest, "data": {**mapping(body.get("data")), **data} if isinstance(data, dict) else data}


def _with_schema_names(body: Object) -> Object:
    """A definition's schema with names that Pulumi spells otherwise: ``x-kubernetes-…``, ``$ref``."""
    if body.get("kind") != "CustomResourceDefinition":
        return body
    return mapping(_schema_names(body))


def _schema_names(value: object) -> object:
    if isinstance(value, Mapping):
        return {_schema_name(key): _schema_names(item) for key, item in value.items()}
    return [_schema_names(item) for item in value] if isinstance(value, list) else value


def _schema_name(name: str) -> str:
    if name.startswith("x_kubernetes_"):
        return name.replace("_", "-")
    return f"${name[1:]}" if name in ("_ref", "_schema") else name


def _base64(value: object) -> object:
    return base64.b64encode(str(value).encode()).decode() if not isinstance(value, Unknown) else value


def _without_nulls(value: object) -> dict[str, object]:
    cleaned = _clean(value)
    return cleaned if isinstance(cleaned, dict) else {}


def _clean(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _clean(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return Secret(_clean(value.value)) if isinstance(value, Secret) else value


def desired(manifest: Manifest, live: Object | None, applyset: str) -> tuple[Object, tuple[FieldChange, ...]]:
    """What to apply, and the fields that a preview cannot know, which keep their live values meanwhile."""
    body = manifest.body
    if live is not None:
        body = property_path.keep(body, live, manifest.registration.ignore_changes)
    unknowns = tuple(_unknown_fields((), body, live if live is not None else {}))
    filled = _filled(body, live if live is not None else {})
    metadata = {k: v for k, v in mapping(mapping(filled).get("metadata")).items() if k not in _APPLIED_NEVER}
    labels = {**mapping(metadata.get("labels")), PART_OF: applyset}
    return {**mapping(filled), "metadata": {**metadata, "labels": labels}}, unknowns


_APPLIED_NEVER = frozenset({"managedFields", "resourceVersion", "uid", "creationTimestamp", "generation"})


def _counterparts(wanted: object, live: object) -> Iterator[tuple[str, object, object]]:
    """Each part of a mapping or list with its path step and its live counterpart."""
    if isinstance(wanted, Mapping):
        for key, item in wanted.items():
            yield key, item, mapping(live).get(key, MISSING)
    elif isinstance(wanted, list):
        others = live if isinstance(live, list) else []
        by_step = dict(zip(steps(others), others, strict=True))
        same = item_key(wanted) == item_key(others)
        for step, item in zip(steps(wanted), wanted, strict=True):
            yield step, item, by_step.get(step, MISSING) if same else MISSING


def _unknown_fields(path: Path, wanted: object, live: object) -> Iterator[FieldChange]:
    if isinstance(wanted, Unknown):
        yield FieldChange(path, live, UNKNOWN)
    for step, item, other in _counterparts(wanted, live):
        yield from _unknown_fields((*path, step), item, other)


def _filled(wanted: object, live: object) -> object:
    if not contains(wanted, Unknown):
        return wanted
    if isinstance(wanted, Unknown):
        return live
    parts = [(step, _filled(item, other)) for step, item, other in _counterparts(wanted, live)]
    known = [(step, item) for step, item in parts if item is not MISSING]
    return dict(known) if isinstance(wanted, Mapping) else [item for _, item in known]


def outputs(manifest: Manifest, live: Object) -> dict[str, object]:
    """What the program may read of the object; what came in secret goes out secret, and a Secret's data."""
    registration = manifest.registration
    metadata = {k: v for k, v in mapping(live.get("metadata")).items() if k != "managedFields"}
    secret = {key for key, value in registration.inputs.items() if contains(value, Secret)}
    secret |= set(registration.additional_secret_outputs)
    if manifest.holds_data:
        secret |= {"data", "stringData"}
    values = {**live, "metadata": metadata}
    return {key: Secret(value) if key in secret else value for key, value in values.items()}


def outputs_before_creation(manifest: Manifest) -> dict[str, object]:
    """What a preview knows of an object that is not there: its declaration, and that the rest is unknown."""
    body = {**manifest.body, "status": UNKNOWN}
    body["metadata"] = {**mapping(body["metadata"]), **_OF_THE_SERVER}
    if manifest.ref.kind == "Service":
        body["spec"] = {"clusterIP": UNKNOWN, "clusterIPs": UNKNOWN, **mapping(body.get("spec"))}
    return outputs(manifest, body)
