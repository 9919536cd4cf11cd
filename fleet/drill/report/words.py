"""What the page, the picture and the terminal say about a run, so that all three say the same."""

from elastic_vllm.simulate.timeline import Happening, Ledger, Run

SIMULATED = (
    "Machines, containers and their CPU use are simulated; the requests, and the engines that answer them, "
    "are computed from a load model."
)
REAL = "Kubernetes, its HPA and scheduler, the node autoscaler and metrics-server are real."
_STAND_IN = ": on a real cluster, the cloud's own node autoscaler does this work"


def title(run: Run) -> str:
    """What ran, in a few words."""
    return f"Drill {run.scenario} on stack {run.stack}"


def compression(run: Run) -> str:
    """How far the delays are from those of a cloud; every form of the report shows this line."""
    delays = f"machines boot in {run.boot_seconds:g} s, models load in {run.load_seconds:g} s"
    if run.compression == 1:
        return f"Real time: {delays}, as the catalogue says"
    return f"Boot and load delays divided by {run.compression:g}: {delays}"


def facts(run: Run) -> list[tuple[str, str]]:
    """What was played, on what."""
    price = "no price" if run.usd_per_node_hour is None else f"{run.usd_per_node_hour:g} USD per node hour"
    autoscaler = run.node_autoscaler + (_STAND_IN if "stand-in" in run.node_autoscaler else "")
    return [
        ("Model", f"{run.model}: {run.checkpoint}"),
        ("Pool", f"{run.pool}: {run.machine}, {price}"),
        ("Replicas", f"{run.min_replicas} to {run.max_replicas}"),
        ("Node autoscaler", autoscaler),
        (
            "SLO",
            f"first token within {run.ttft_slo_seconds:g} s, errors below {100 * run.error_rate_slo:g} %",
        ),
        ("Scenario", f"{run.scenario}, seed {run.seed}"),
        ("Began", f"{run.started_at}, {run.duration_seconds:.0f} s of traffic"),
    ]


def verdict(run: Run) -> str:
    """All checks in one sentence. A run without checks was not judged, and does not count as passed."""
    total, failed = len(run.checks), sum(not check.passed for check in run.checks)
    if not total:
        return "Not judged: the run has no check"
    if failed:
        return f"{failed} of {total} checks failed"
    return f"All {total} checks passed"


def outcome(run: Run) -> str:
    """What happened, in one sentence."""
    if not run.seconds:
        return "Nothing was recorded."
    ready = _course([second.ready for second in run.seconds])
    nodes = _course([sum(second.nodes.values()) for second in run.seconds])
    priced = run.usd_per_node_hour is not None
    cost = f"{run.seconds[-1].usd:.2f} USD" if priced else "Cost unknown: the machine has no price"
    return (
        f"{run.ledger.sent:,} requests in {run.duration_seconds:.0f} s. Ready replicas {ready}, "
        f"nodes {nodes}. {cost}."
    )


def ledger(of: Ledger) -> str:
    """Where every request went."""
    return (
        f"sent {of.sent:,} = answered {of.answered:,} + refused {of.refused:,} + aborted {of.aborted:,} "
        f"+ in flight {of.in_flight:,}"
    )


def faults(run: Run) -> list[Happening]:
    """What the scenario did to the cluster, in order; marked in the charts by its number, from 1."""
    return [each for each in run.happenings if each.kind == "fault"]


def _course(counts: list[int]) -> str:
    """``1 → 10 → 1``: first, highest, last."""
    return " → ".join(str(count) for count in (counts[0], max(counts), counts[-1]))
