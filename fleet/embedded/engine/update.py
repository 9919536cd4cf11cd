"""The second pass of a run: applies each object as its registration arrives."""

import threading
import time

from elastic_vllm.testing.errors import EngineError
from elastic_vllm.testing.monitor import Applied
from elastic_vllm.testing.registration import Registration
from elastic_vllm.testing.values import text
from fleet.embedded.engine import manifest as manifests
from fleet.embedded.engine.application import ConflictError, ImmutableError, apply, forcing
from fleet.embedded.engine.changes import Action, Change, differences
from fleet.embedded.engine.deletion import delete
from fleet.embedded.engine.inventory import Key, Member
from fleet.embedded.engine.manifest import Manifest
from fleet.embedded.engine.plan import Planner, refuse_replacement
from fleet.embedded.engine.session import Session, answer, refused
from fleet.embedded.engine.wait import Patience
from fleet.kube.apiserver import ApiError
from fleet.kube.objects import Object, metadata

_ATTEMPTS = 3
_DISCOVERY_SECONDS = 10


class Updater:
    """Answers registrations with the live objects that it makes of them. Called on several threads."""

    def __init__(self, session: Session, plan: Planner, patience: Patience) -> None:
        self._session = session
        self._plan = plan
        self._patience = patience
        self._lock = threading.Lock()
        self._defines_kinds = False
        self.members: dict[Key, Member] = {}

    def __call__(self, item: Registration) -> Applied:
        """Apply the registration's object and wait until it is ready."""
        self._await_kind(item)
        manifest = self._session.manifest(item)
        if manifest is None:
            return answer(item)
        self._claim(manifest)
        planned = self._plan.planned.get(manifest.ref.key)
        live = planned.live if planned else self._session.find(manifest)
        if live is not None and metadata(live).get("deletionTimestamp"):
            self._patience.until_gone(manifest.ref, live)
            live = None
        self._session.expect([manifest.member()])
        try:
            result = self._apply(manifest, live)
        except ApiError as error:
            raise refused(manifest, error) from None
        ready = self._patience.until_ready(manifest.ref, result)
        return Applied(id=manifest.ref.id, outputs=manifests.outputs(manifest, ready))

    def _claim(self, manifest: Manifest) -> None:
        """Two registrations of one object would undo one another."""
        with self._lock:
            if manifest.ref.key in self.members:
                raise EngineError(f"{manifest.registration.name} declares {manifest.ref} a second time")
            self.members[manifest.ref.key] = manifest.member()
            self._defines_kinds |= manifest.ref.kind == "CustomResourceDefinition"

    def _apply(self, manifest: Manifest, live: Object | None) -> Object:
        for attempt in range(_ATTEMPTS):
            if attempt:  # somebody wrote an ignored field between our reading and applying it
                live = self._session.api.get(manifest.ref)
            body, _ = manifests.desired(manifest, live, self._session.applyset)
            try:
                return self._applied(manifest, live, body)
            except ConflictError:
                if not manifest.registration.ignore_changes or attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def _applied(self, manifest: Manifest, live: Object | None, body: Object) -> Object:
        ref, urn = manifest.ref, manifest.registration.urn
        try:
            result = apply(self._session.api, ref, body)
        except ImmutableError as immutable:
            return self._replaced(manifest, body, immutable)
        fields = self._session.fields(manifest, differences(live, result.live)) if live is not None else ()
        action = Action.CREATE if live is None else Action.UPDATE if fields else Action.UNCHANGED
        note = result.note if fields else ""
        self._session.report(Change(action=action, ref=ref, urn=urn, fields=fields, note=note))
        return result.live

    def _replaced(self, manifest: Manifest, body: Object, immutable: ImmutableError) -> Object:
        """Delete, wait, create. A run killed in between finds no object and creates it."""
        refuse_replacement(manifest, immutable)
        ref, api = manifest.ref, self._session.api
        live = api.get(ref)
        fields = self._session.fields(manifest, forcing(body, live, immutable)) if live is not None else ()
        if live is not None:
            delete(api, ref, live)
            self._patience.until_gone(ref, live)
        fresh, _ = manifests.desired(manifest, None, self._session.applyset)
        result = apply(api, ref, fresh)
        change = Change(action=Action.REPLACE, ref=ref, urn=manifest.registration.urn, fields=fields)
        self._session.report(change)
        return result.live

    def _await_kind(self, item: Registration) -> None:
        """The apiserver announces a kind shortly after its definition is established."""
        version, kind = text(item.inputs.get("apiVersion")), text(item.inputs.get("kind"))
        deadline = time.monotonic() + _DISCOVERY_SECONDS
        while self._defines_kinds and kind and self._session.api.kind(version, kind) is None:
            if time.monotonic() > deadline:
                return
            time.sleep(0.1)
