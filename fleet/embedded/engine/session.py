"""What all steps of one run of the engine share."""

import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from elastic_vllm.testing.errors import EngineError
from elastic_vllm.testing.monitor import Applied
from elastic_vllm.testing.registration import Registration
from elastic_vllm.testing.values import Secret
from fleet.embedded.engine import inventory as inventories
from fleet.embedded.engine import manifest as manifests
from fleet.embedded.engine.admission import Admission
from fleet.embedded.engine.changes import Change, FieldChange, Path, masked
from fleet.embedded.engine.inventory import Inventory, Key, Member
from fleet.embedded.engine.manifest import Manifest
from fleet.embedded.engine.program import StackRef
from fleet.embedded.engine.report import Redactor, SafeReporter
from fleet.kube.apiserver import ApiError, Apiserver, connect
from fleet.kube.objects import PART_OF, Object, Ref, field_managers, label

_PULUMI_CLI = "pulumi-kubernetes"


@dataclass
class Session:
    """One run on one stack: its connections, its inventory, and what it has found out."""

    stack: StackRef
    api: Apiserver
    reporter: SafeReporter
    redactor: Redactor
    admission: Admission
    inventory: Inventory
    changes: list[Change] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def applyset(self) -> str:
        """The id that marks the stack's objects."""
        return inventories.applyset_id(inventories.parent(self.stack.name))

    def report(self, change: Change) -> None:
        """Note a change and tell it."""
        with self._lock:
            self.changes.append(change)
        self.reporter.changed(change)

    def store(self, inventory: Inventory) -> None:
        """Write the inventory if it is another than the stored one."""
        if inventory.members != self.inventory.members or not self.inventory.resource_version:
            self.inventory = inventories.write(self.api, self.stack.name, inventory)

    def expect(self, members: Iterable[Member]) -> None:
        """Have these members in the stored inventory before they are applied."""
        with self._lock:
            self.store(self.inventory.with_members(members))

    def manifest(self, item: Registration) -> Manifest | None:
        """The object that an admitted registration declares; None for components and providers."""
        self.redactor.learn(item.inputs)
        self.admission.admit(item)
        if not item.custom or item.is_provider:
            return None
        manifest = manifests.build(self.api, item, self.admission.namespace(item))
        if manifest.holds_data:
            self.redactor.learn(Secret([item.inputs.get("data"), item.inputs.get("stringData")]))
            self.redactor.learn(Secret(manifest.body.get("data")))
        return manifest

    def find(self, manifest: Manifest) -> Object | None:
        """The live object, if this stack may have it."""
        live = self.api.get(manifest.ref) if manifest.is_named else None
        self._guard_import(manifest, live)
        if live is not None:
            self._guard_owner(manifest, live)
        return live

    def _guard_import(self, manifest: Manifest, live: Object | None) -> None:
        item, ref = manifest.registration, manifest.ref
        if item.import_id and item.import_id != ref.id:
            raise EngineError(f"{item.name} imports {item.import_id!r}, but declares {ref.id!r}")
        if item.import_id and live is None and ref.key not in self.inventory.members:
            raise EngineError(f"{item.name} imports {ref}, which is not in the cluster")

    def _guard_owner(self, manifest: Manifest, live: Object) -> None:
        ref, owner = manifest.ref, label(live, PART_OF)
        if owner and owner != self.applyset:
            raise _belongs_elsewhere(ref, owner, inventories.owner(self.api, owner))
        if owner or ref.key in self.inventory.members:
            return
        cli = sorted(name for name in field_managers(live) if name.startswith(_PULUMI_CLI))
        if cli:
            raise EngineError(
                f"stack {self.stack.name!r} is deployed by the Pulumi CLI ({cli[0]} manages {ref}): use "
                f"`--engine pulumi`, or give it up there first with `pulumi destroy -s {self.stack.name}`"
            )
        if not manifest.registration.import_id:
            raise EngineError(
                f"{ref} exists already and is not this stack's: delete it, give {manifest.registration.name} "
                f"another metadata.name, or take it over with ResourceOptions(import_={ref.id!r})"
            )

    def fields(self, manifest: Manifest, changes: Iterable[FieldChange]) -> tuple[FieldChange, ...]:
        """Field changes fit to be shown: what is or was a secret is hidden."""
        before = self.inventory.members.get(manifest.ref.key)
        paths: Collection[Path] = {*manifest.secret_paths, *(before.secret_paths if before else ())}
        return masked(changes, paths, data=manifest.holds_data)

    def removed(self, kept: Collection[Key]) -> list[Member]:
        """The members that the program declares no more; a protected one stops the run."""
        gone = [member for key, member in self.inventory.members.items() if key not in kept]
        refuse_protected(gone)
        return gone


def _belongs_elsewhere(ref: Ref, applyset: str, stack: str | None) -> EngineError:
    """Name the owner and the way out: an object is in one stack only."""
    if stack is None:
        return EngineError(
            f"{ref} belongs to another tool (its ApplySet is {applyset}): delete it there first"
        )
    step = f"`fleet destroy --stack {stack} --engine embedded` first"
    if ref.kind == "KWOKNodeClass":
        return EngineError(
            f"{ref} belongs to stack {stack!r}, and all local stacks share it, "
            f"so one of them can be deployed at a time: {step}"
        )
    if ref.namespace or ref.kind == "Namespace":
        step += ", or give this stack another `namespace`"
    return EngineError(f"{ref} belongs to stack {stack!r}: {step}")


def refuse_protected(members: Iterable[Member]) -> None:
    """Stop before a protected object would be deleted."""
    names = ", ".join(str(member.ref) for member in members if member.protect)
    if names:
        raise EngineError(f"protected, so not deleted: {names}; set protect=False and run `fleet up` first")


def open_session(stack: StackRef, reporter: SafeReporter) -> Session:
    """Connect to the stack's cluster and read its inventory."""
    told: set[str] = set()

    def warn(message: str) -> None:
        if message not in told:
            told.add(message)
            reporter.said("warning", message)

    for key in stack.secret_keys:
        reporter.redactor.learn_text(stack.config[key])
    api = connect(stack.kubeconfig, warn=warn)
    inventory = inventories.read(api, stack.name) or Inventory()
    return Session(stack, api, reporter, reporter.redactor, Admission(stack.kubeconfig), inventory)


def answer(item: Registration) -> Applied:
    """What a component or a provider gets back: itself."""
    return Applied(id=item.name if item.custom else "", outputs=item.inputs)


def refused(manifest: Manifest, error: ApiError) -> EngineError:
    """The apiserver's refusal, with the name of the object."""
    return EngineError(f"{manifest.ref}: {error}")
