"""What a drill proved: each check with its bound, what was measured, and whether it passed.

Judged from the record alone, so a stored run can be judged again. A check that the run could not show
(nothing was sent, a replica never came) was not passed: a drill that proves nothing must not end well.
Time to first token is reported everywhere, and a check only where ``Expectations.hold_ttft`` says so: a
reactive policy loses it in every steep rise, by the time that a node and a model need.
"""

from dataclasses import dataclass
from itertools import pairwise

from elastic_vllm.simulate.timeline import Check, Ledger, LedgerAt, Run
from elastic_vllm.spec import ScalingSpec
from fleet.drill import bounds, rate
from fleet.drill.setting import nodes_needed


@dataclass(frozen=True, kw_only=True)
class Expectations:
    """What the scenario plans, which the record cannot know."""

    planned_replicas: int
    """What the peak's demand needs. Not cut to the stack's maximum: a stack that stops short of it fails."""
    replicas_per_node: int = 1
    """Or parts of them, where a replica has several nodes."""
    nodes_per_replica: int = 1
    idle_nodes: int = 0
    """Nodes that the pool keeps even when empty."""
    settled_by: float
    """Seconds since the traffic began by which everything has to be given back."""
    headroom: int = 0
    """Places for replicas that placeholders keep warm, beside every replica."""
    hold_ttft: bool = False
    """The TTFT objective is a check of this drill, at every moment of it."""

    def nodes_for(self, replicas: int) -> int:
        """Nodes that are there for so many replicas."""
        pods = replicas * self.nodes_per_replica + self.headroom
        return nodes_needed(pods, self.replicas_per_node, self.idle_nodes)


def judge(run: Run, scaling: ScalingSpec, expectations: Expectations) -> Run:
    """The run with its checks filled in."""
    checks = [
        ledger_balances(run),
        reaches_planned(run, expectations.planned_replicas),
        *replicas_in_time(run, scaling),
        scale_up_policy(run, scaling),
        refused_after_peak(run, expectations.planned_replicas),
        nothing_aborted(run),
        nodes_at_peak(run, expectations),
        returns_to_min(run, expectations),
    ]
    if expectations.hold_ttft:
        checks.append(ttft_slo(run))
    return run.model_copy(update={"checks": tuple(checks)})


def ledger_balances(run: Run) -> Check:
    """Every request is somewhere, at every moment, and none comes back."""
    marks = [*run.ledger_marks, LedgerAt(t=run.duration_seconds, ledger=run.ledger)]
    measured = next((_imbalance(mark) for mark in marks if _imbalance(mark)), "")
    measured = measured or next((_shrunk(*pair) for pair in pairwise(marks) if _shrunk(*pair)), "")
    return Check(
        id="ledger-balances",
        text="every request is answered, refused, aborted or in flight",
        bound="sent = answered + refused + aborted + in flight, each second",
        measured=measured or ("nothing was sent" if not run.ledger.sent else _sum(run.ledger)),
        passed=not measured and run.ledger.sent > 0,
    )


def _sum(of: Ledger) -> str:
    return f"{of.sent:,} = {of.answered:,} + {of.refused:,} + {of.aborted:,} + {of.in_flight:,}"


def _imbalance(mark: LedgerAt) -> str:
    ledger = mark.ledger
    parts = (ledger.answered, ledger.refused, ledger.aborted, ledger.in_flight)
    if ledger.sent == sum(parts) and min(parts) >= 0:
        return ""
    return f"at {mark.t:.1f} s: {_sum(ledger).replace('=', '≠')}"


def _shrunk(before: LedgerAt, after: LedgerAt) -> str:
    for name in ("sent", "answered", "refused", "aborted"):
        was, now = getattr(before.ledger, name), getattr(after.ledger, name)
        if now < was:
            return f"{name} fell from {was:,} to {now:,} by {after.t:.1f} s"
    return ""


def reaches_planned(run: Run, planned: int) -> Check:
    """The scenario's peak is met."""
    at = _ready_at(run, planned)
    most = max((ready.k for ready in run.ready), default=0)
    return Check(
        id="reaches-planned",
        text="as many replicas are Ready as the scenario's peak needs",
        bound=f"{_replicas(planned)} Ready",
        measured=f"{planned} Ready at {at:.1f} s" if at is not None else f"{most} Ready at most",
        passed=at is not None,
    )


def replicas_in_time(run: Run, scaling: ScalingSpec) -> list[Check]:
    """Each replica that was asked for is Ready when ``bounds`` says."""
    return [_in_time(run, since) for since in bounds.asked(run, scaling)]


def _in_time(run: Run, since: bounds.Asked) -> Check:
    bound, at = bounds.bound(run, since), _ready_at(run, since.k)
    boot = "its node warm" if bounds.is_warm(run, since) else f"boot {run.boot_seconds:g} s"
    asked = "asked for" if since.by_algorithm else "set by the controller before the algorithm asked,"
    return Check(
        id=f"replica-{since.k}-in-time",
        text=f"replica {since.k} is Ready in time",
        bound=(
            f"by {bound:.1f} s: {asked} at {since.t:.1f} s, {boot}, "
            f"load {run.load_seconds:g} s, {bounds.SLACK_SECONDS:g} s"
        ),
        measured=f"{at:.1f} s" if at is not None else f"not Ready in {run.duration_seconds:.1f} s",
        passed=at is not None and at <= bound,
    )


def scale_up_policy(run: Run, scaling: ScalingSpec) -> Check:
    """The watch shows no faster rise than the policy allows."""
    rises = rate.rises(run.scale_changes, scaling.scale_up, run.min_replicas)
    worst = max(rises, key=lambda rise: rise.excess, default=None)
    return Check(
        id="scale-up-policy",
        text="replicas are added no faster than the policy allows",
        bound=f"{rate.in_words(scaling.scale_up)}, within {rate.TOLERANCE_SECONDS:g} s",
        measured="no replica was added"
        if worst is None
        else f"{worst.change.before} to {worst.change.after} replicas at {worst.change.t:.1f} s, "
        f"where {worst.allowed} were allowed",
        passed=worst is None or worst.excess <= 0,
    )


def refused_after_peak(run: Run, planned: int) -> Check:
    """With the planned replicas there, (nearly) no request is refused."""
    passed, measured = False, f"{_replicas(planned)} never Ready"
    at = _ready_at(run, planned)
    if at is not None:
        start = next((mark.ledger for mark in run.ledger_marks if mark.t >= at), run.ledger)
        refused, sent = run.ledger.refused - start.refused, run.ledger.sent - start.sent
        share = refused / sent if sent else 1.0
        passed = share < run.error_rate_slo
        measured = f"{refused:,} of {sent:,} ({share:.3%})" if sent else f"nothing was sent after {at:.1f} s"
    return Check(
        id="refused-after-peak",
        text="once the last planned replica is Ready, requests are not refused",
        bound=f"below {run.error_rate_slo:.3%}",
        measured=measured,
        passed=passed,
    )


def nothing_aborted(run: Run) -> Check:
    """No request is lost with its replica: scaling down drains, and a fault must give notice."""
    measured = f"{run.ledger.aborted:,} of {run.ledger.sent:,}"
    first = next((mark.t for mark in run.ledger_marks if mark.ledger.aborted), None)
    if run.ledger.aborted and first is not None:
        faults = [
            f"{one.subject} {one.text}" for one in run.happenings if one.kind == "fault" and one.t <= first
        ]
        measured += f", first by {first:.1f} s" + (f", after fault: {faults[-1]}" if faults else "")
    return Check(
        id="nothing-aborted",
        text="no request is aborted with its replica",
        bound="0 requests",
        measured=measured,
        passed=run.ledger.aborted == 0,
    )


def nodes_at_peak(run: Run, expectations: Expectations) -> Check:
    """No machine is bought that no replica needed.

    Replicas that terminate still hold their places, and a fault may leave its node registered, or kept
    for what drains, while the one in its place is there already. A node that is empty and not yet given back
    is within the bound: it held a replica of the peak.
    """
    replicas = max((second.wanted + second.leaving for second in run.seconds), default=0)
    faults = sum(one.kind == "fault" for one in run.happenings)
    needed = expectations.nodes_for(replicas)
    most = max((sum(second.nodes.values()) for second in run.seconds), default=0)
    spare = f", and 1 for each fault: {faults}" if faults else ""
    return Check(
        id="nodes-at-peak",
        text="there are never more nodes than max replicas need",
        bound=f"{_nodes(needed)} for {_replicas(replicas)} wanted or leaving{spare}",
        measured=f"{_nodes(most)} at most" if run.seconds else "nothing was recorded",
        passed=bool(run.seconds) and most <= needed + faults,
    )


def returns_to_min(run: Run, expectations: Expectations) -> Check:
    """The end is the minimum, with nothing left over."""
    low = run.min_replicas
    nodes = expectations.nodes_for(low)
    last = run.seconds[-1] if run.seconds else None
    measured, passed = "nothing was recorded", False
    if last is not None:
        others = last.without_node + last.loading + last.leaving
        found = sum(last.nodes.values())
        given_back = (last.wanted, last.ready, others, found) == (low, low, 0, nodes)
        passed = given_back and last.t <= expectations.settled_by
        measured = (
            f"{last.ready} Ready, {others} not, on {_nodes(found)}; {last.wanted} wanted at {last.t:.0f} s"
        )
    return Check(
        id="returns-to-min",
        text="the drill ends with min replicas and only the nodes that they need",
        bound=f"{low} Ready, 0 not, on {_nodes(nodes)}; {low} wanted, by {expectations.settled_by:.0f} s",
        measured=measured,
        passed=passed,
    )


def ttft_slo(run: Run) -> Check:
    """The first token comes in time for 99 of 100, in every ten seconds."""
    slow = [(second.ttft_p99, second.t) for second in run.seconds if second.ttft_p99 is not None]
    above = sum(p99 > run.ttft_slo_seconds for p99, _ in slow)
    worst = max(slow, default=None)
    return Check(
        id="ttft-slo",
        text="time to first token keeps its objective all the time",
        bound=f"p99 of each ten seconds at most {run.ttft_slo_seconds:g} s",
        measured=f"{worst[0]:.2f} s at worst, at {worst[1]:.1f} s; above for {above} s"
        if worst
        else "no answer",
        passed=worst is not None and not above,
    )


def _ready_at(run: Run, k: int) -> float | None:
    """When ``k`` replicas were first Ready."""
    return min((ready.t for ready in run.ready if ready.k >= k), default=None)


def _replicas(count: int) -> str:
    return "1 replica" if count == 1 else f"{count} replicas"


def _nodes(count: int) -> str:
    return "1 node" if count == 1 else f"{count} nodes"
