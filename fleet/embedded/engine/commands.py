"""The embedded engine: deploys a stack's program to the embedded cluster without the Pulumi CLI."""

import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from elastic_vllm.testing import monitor
from elastic_vllm.testing.errors import EngineError
from elastic_vllm.testing.monitor import Provider
from elastic_vllm.testing.registration import Graph
from fleet.embedded.engine import inventory as inventories
from fleet.embedded.engine.changes import Action, Change
from fleet.embedded.engine.deletion import delete, delete_members, retention
from fleet.embedded.engine.inventory import Member
from fleet.embedded.engine.lock import stack_lock
from fleet.embedded.engine.plan import Planner
from fleet.embedded.engine.program import StackRef
from fleet.embedded.engine.report import Held, Redactor, Reporter, SafeReporter
from fleet.embedded.engine.session import Session, open_session, refuse_protected
from fleet.embedded.engine.update import Updater
from fleet.embedded.engine.wait import Patience
from fleet.kube.apiserver import connect


@dataclass(frozen=True)
class Outcome:
    """What a run did, or would do, and what the stack exports (secrets still marked)."""

    changes: tuple[Change, ...]
    outputs: Mapping[str, object]

    def count(self, action: Action) -> int:
        """How many objects this happened to."""
        return sum(change.action == action for change in self.changes)


def preview(stack: StackRef, *, reporter: Reporter) -> Outcome:
    """What ``up`` would do. Writes nothing."""

    def work(safe: SafeReporter) -> Outcome:
        session = open_session(stack, safe)
        planner = Planner(session, dry_run=True)
        graph = _preview(session, planner)
        gone = session.removed(set(planner.planned))
        homes = {member.ref.namespace for member in gone if member.retain}
        for member in gone:
            reason = retention(member, homes)
            action = Action.RETAIN if reason else Action.DELETE
            session.report(Change(action=action, ref=member.ref, urn=member.urn, note=reason))
        return _outcome(session, graph)

    return _one_error(reporter, work)


def up(stack: StackRef, *, reporter: Reporter) -> Outcome:
    """Make the cluster what the program declares: apply, wait, then delete what it declares no more."""

    def work(safe: SafeReporter) -> Outcome:
        session = open_session(stack, safe)
        planner = Planner(session, dry_run=False)
        _run(session, planner, preview=True, log=_drop)
        session.removed(set(planner.planned))
        session.expect(planner.members())
        stop = threading.Event()
        updater = Updater(session, planner, Patience(session.api, safe, stop))
        graph = _run(session, updater, preview=False, stop=stop, log=safe.said)
        gone = session.removed(set(updater.members))
        delete_members(session, Patience(session.api, safe, threading.Event()), gone)
        session.store(session.inventory.only(updater.members.values()))
        return _outcome(session, graph)

    with stack_lock(stack.home, stack.name):
        return _one_error(reporter, work)


def destroy(stack: StackRef, *, reporter: Reporter) -> Outcome:
    """Delete all that the stack owns, and its inventory last."""

    def work(safe: SafeReporter) -> Outcome:
        session = open_session(stack, safe)
        owned = list(session.inventory.members.values())
        refuse_protected(owned)
        delete_members(session, Patience(session.api, safe, threading.Event()), owned)
        parent = inventories.parent(stack.name)
        live = session.api.get(parent)
        if live is not None:
            delete(session.api, parent, live)
        return _outcome(session, Graph())

    with stack_lock(stack.home, stack.name):
        return _one_error(reporter, work)


def members(kubeconfig: Path, stack: str) -> list[Member]:
    """What the embedded engine has in the cluster for this stack."""
    found = inventories.read(connect(kubeconfig), stack)
    return [found.members[key] for key in sorted(found.members)] if found else []


def owner(kubeconfig: Path, stack: str) -> str | None:
    """``embedded`` if this engine deployed the stack to the cluster; the Pulumi CLI must then keep off."""
    return "embedded" if inventories.read(connect(kubeconfig), stack) is not None else None


def _run(
    session: Session,
    provider: Provider,
    *,
    preview: bool,
    log: Callable[[str, str], None],
    stop: threading.Event | None = None,
) -> Graph:
    stack = session.stack
    return monitor.run(
        stack.program,
        preview=preview,
        config=stack.config,
        secret_keys=stack.secret_keys,
        stack=stack.name,
        provider=provider,
        stop=stop,
        log=log,
    )


def _preview(session: Session, planner: Planner) -> Graph:
    held = Held(session.reporter)
    try:
        return _run(session, planner, preview=True, log=held.said)
    finally:
        held.release()


def _drop(_severity: str, _message: str) -> None:
    """The first of two passes says nothing that the second does not say."""


def _outcome(session: Session, graph: Graph) -> Outcome:
    changes = sorted(session.changes, key=lambda change: change.urn)
    return Outcome(tuple(changes), graph.outputs)


def _one_error(reporter: Reporter, work: Callable[[SafeReporter], Outcome]) -> Outcome:
    """Whatever goes wrong leaves as one ``EngineError`` that holds no secret and no other exception."""
    redactor = Redactor()
    try:
        return work(SafeReporter(reporter, redactor))
    except Exception as error:  # noqa: BLE001  # a program may raise anything
        message = redactor.hide(_describe(error))
    raise EngineError(message)


def _describe(error: Exception) -> str:
    """An error of ours, or one that our own code words for people, as it is; else also where it happened."""
    home = type(error).__module__.partition(".")[0]
    if home in ("fleet", "stacks", "components"):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"the program failed: {type(error).__name__}: {error}{where}"
