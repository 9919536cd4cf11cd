"""Deletes members in the order that their dependencies allow, and only what still is the stack's."""

from collections.abc import Collection

from elastic_vllm.testing.values import text
from fleet.embedded.engine.changes import Action, Change
from fleet.embedded.engine.inventory import Member, deletion_layers
from fleet.embedded.engine.session import Session
from fleet.embedded.engine.wait import Patience
from fleet.kube.apiserver import Apiserver
from fleet.kube.objects import PART_OF, Object, Ref, label, metadata

_WITH_DEPENDANTS = ("apps", "batch")
"""API groups whose objects own pods: they count as gone once their pods are."""


def delete(api: Apiserver, ref: Ref, live: Object) -> None:
    """Ask for the deletion of this very object."""
    policy = "Foreground" if ref.group in _WITH_DEPENDANTS else "Background"
    api.delete(ref, uid=text(metadata(live).get("uid")), policy=policy)


def delete_members(session: Session, patience: Patience, members: Collection[Member]) -> None:
    """Delete all of them, each after what depends on it, and wait until they are gone."""
    homes = {member.ref.namespace for member in members if member.retain}
    for layer in deletion_layers(members):
        started = [(member, _start(session, member, homes)) for member in layer]
        for member, live in started:
            if live is not None:
                patience.until_gone(member.ref, live)
                session.report(Change(action=Action.DELETE, ref=member.ref, urn=member.urn))


def _start(session: Session, member: Member, homes: Collection[str]) -> Object | None:
    """Start a deletion; None where there is nothing to wait for."""
    live = session.api.get(member.ref)
    if live is None:
        return None
    if label(live, PART_OF) != session.applyset:
        _leave(session, member, "it is no longer this stack's")
        return None
    if reason := retention(member, homes):
        session.api.merge(member.ref, {"metadata": {"labels": {PART_OF: None}}})
        _leave(session, member, reason)
        return None
    delete(session.api, member.ref, live)
    return live


def retention(member: Member, homes: Collection[str]) -> str:
    """Why a member stays: it says so, or it is the namespace of one that does."""
    if member.retain:
        return "retainOnDelete"
    if member.ref.kind == "Namespace" and member.ref.name in homes:
        return "it holds what is retained"
    return ""


def _leave(session: Session, member: Member, reason: str) -> None:
    session.report(Change(action=Action.RETAIN, ref=member.ref, urn=member.urn, note=reason))
