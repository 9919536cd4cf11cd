"""A plan with what it changes against another revision."""

from pathlib import Path

from fleet.errors import bug
from fleet.plan import difference
from fleet.plan.models import Difference, Plan
from fleet.plan.revision import NotComparableError, Revision, unpacked


def against(plan: Plan, root: Path, ref: str) -> Plan:
    """The plan and its difference to the stack at ``ref``."""
    with unpacked(root, ref) as revision:
        return compared(plan, revision)


def compared(plan: Plan, revision: Revision) -> Plan:
    """Likewise, for a revision that is unpacked already. A plan that cannot be compared says why."""
    try:
        return _compared(plan, revision)
    except NotComparableError as reason:
        note = str(reason)
    except Exception as problem:  # noqa: BLE001  # the plan itself, and those of other stacks, are whole
        note = bug(problem)
    return _with(plan, Difference(ref=revision.ref, commit=revision.commit, comparable=False, note=note))


def _compared(plan: Plan, revision: Revision) -> Plan:
    before = revision.plan(plan.stack) if revision.has(plan.stack) else Plan(stack=plan.stack)
    is_new = not revision.has(plan.stack)
    comparable = bool(plan.resources) and (is_new or bool(before.resources))
    return _with(
        plan,
        Difference(
            ref=revision.ref,
            commit=revision.commit,
            note=_note(plan, before, revision, is_new=is_new),
            comparable=comparable,
            resources=difference.resources(before.resources, plan.resources) if comparable else (),
            findings_gained=difference.gained(before.findings, plan.findings),
            findings_lost=difference.gained(plan.findings, before.findings),
            cost_before=before.cost.total if before.cost else None,
        ),
    )


def _note(plan: Plan, before: Plan, revision: Revision, *, is_new: bool) -> str:
    if not plan.resources:
        return "The program stops at the errors, so there is no graph to compare."
    if is_new:
        return f"{revision.ref} has no stack {plan.stack}: all of it is new."
    if not before.resources:
        return f"At {revision.ref} the program stopped at errors, so there is no graph to compare with."
    return ""


def _with(plan: Plan, found: Difference) -> Plan:
    return plan.model_copy(update={"difference": found})
