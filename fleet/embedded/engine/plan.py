"""The first pass of a run: what the program wants, what is there, what would change. It writes nothing."""

import threading
from dataclasses import dataclass

from elastic_vllm.testing.errors import EngineError
from elastic_vllm.testing.monitor import Applied
from elastic_vllm.testing.registration import Registration
from fleet.embedded.engine import manifest as manifests
from fleet.embedded.engine.application import ImmutableError, apply, forcing
from fleet.embedded.engine.changes import Action, Change, differences
from fleet.embedded.engine.inventory import Key, Member
from fleet.embedded.engine.manifest import Manifest
from fleet.embedded.engine.session import Session, answer, refused
from fleet.kube.apiserver import ApiError
from fleet.kube.objects import Object, Ref, metadata


@dataclass(frozen=True)
class Planned:
    """A declared object and the live one."""

    manifest: Manifest
    live: Object | None


class Planner:
    """Answers a program's registrations with what is known before an update. Called on several threads."""

    def __init__(self, session: Session, *, dry_run: bool) -> None:
        self._session = session
        self._dry_run = dry_run
        self._lock = threading.Lock()
        self.planned: dict[Key, Planned] = {}

    def __call__(self, item: Registration) -> Applied:
        """Check the registration, look for its object and, in a dry run, tell what would change."""
        manifest = self._session.manifest(item)
        if manifest is None:
            return answer(item)
        live = self._session.find(manifest)
        self._remember(manifest, live)
        replaced = False
        if self._dry_run:
            try:
                change, live = self._change(manifest, live)
            except ApiError as error:
                raise refused(manifest, error) from None
            self._session.report(change)
            replaced = change.action == Action.REPLACE
        if live is None or replaced:
            return Applied(id="", outputs=manifests.outputs_before_creation(manifest))
        return Applied(id=manifest.ref.id, outputs=manifests.outputs(manifest, live))

    def members(self) -> list[Member]:
        """The members that the inventory has to list before anything is applied."""
        return [
            planned.manifest.member()
            for planned in self.planned.values()
            if self._session.api.kind(planned.manifest.ref.api_version, planned.manifest.ref.kind)
        ]

    def _remember(self, manifest: Manifest, live: Object | None) -> None:
        if not manifest.is_named:
            return
        with self._lock:
            other = self.planned.get(manifest.ref.key)
            if other:
                names = f"{other.manifest.registration.name} and {manifest.registration.name}"
                raise EngineError(f"{names} declare the same object, {manifest.ref}")
            self.planned[manifest.ref.key] = Planned(manifest, live)

    def _change(self, manifest: Manifest, live: Object | None) -> tuple[Change, Object | None]:
        """What an update would do, and the object as it would be."""
        body, unknown = manifests.desired(manifest, live, self._session.applyset)
        ref, urn = manifest.ref, manifest.registration.urn
        if live is None or metadata(live).get("deletionTimestamp"):
            if not unknown:
                self._validate_creation(ref, body)
            return Change(action=Action.CREATE, ref=ref, urn=urn), None
        try:
            result = apply(self._session.api, ref, body, dry_run=True)
        except ImmutableError as immutable:
            refuse_replacement(manifest, immutable)
            fields = self._session.fields(manifest, [*forcing(body, live, immutable), *unknown])
            return Change(action=Action.REPLACE, ref=ref, urn=urn, fields=fields), live
        changed = [c for c in differences(live, result.live) if c.path not in {u.path for u in unknown}]
        fields = self._session.fields(manifest, [*changed, *unknown])
        action = Action.UPDATE if fields else Action.UNCHANGED
        note = result.note if fields else ""
        return Change(action=action, ref=ref, urn=urn, fields=fields, note=note), result.live

    def _validate_creation(self, ref: Ref, body: Object) -> None:
        """Let the apiserver judge a new object, where its kind and its namespace are there already."""
        api = self._session.api
        if api.kind(ref.api_version, ref.kind) is None or not self._has_home(ref):
            return
        apply(api, ref, body, dry_run=True)

    def _has_home(self, ref: Ref) -> bool:
        if not ref.namespace:
            return True
        home = Ref(api_version="v1", kind="Namespace", namespace="", name=ref.namespace)
        planned = self.planned.get(home.key)
        return (planned.live if planned else self._session.api.get(home)) is not None


def refuse_replacement(manifest: Manifest, immutable: ImmutableError) -> None:
    """Stop where replacing an object would delete what is to be kept."""
    for option, value in (
        ("protect", manifest.registration.protect),
        ("retainOnDelete", manifest.registration.retain_on_delete),
    ):
        if value:
            raise EngineError(
                f"{manifest.ref} would have to be deleted and created, because {immutable} cannot change in "
                f"place, but it has {option}"
            )
