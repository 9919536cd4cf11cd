"""What a drill records: plain data, one JSON file, from which every picture and every verdict is made.

Times ``t`` are seconds since the traffic began. Nothing here computes.
"""

from typing import Literal

from pydantic import ConfigDict

from elastic_vllm.section import Section
from elastic_vllm.simulate.hpa import SYNC_SECONDS


class Record(Section):
    """Base of all that is recorded: camelCase in JSON, never changed once made, unknown keys refused."""

    model_config = ConfigDict(use_attribute_docstrings=False)


class Second(Record):
    """One second of the drill."""

    t: float
    phase: str
    offered_rps: float
    """Requests that clients sent in this second."""
    wanted: int
    """The Deployment's ``.spec.replicas``."""
    without_node: int
    loading: int
    ready: int
    leaving: int
    nodes: dict[str, int]
    """Registered nodes of the pool, by machine type."""
    running: int
    """Requests that engines work on, over all replicas."""
    waiting: int
    """Requests that wait in engines' queues."""
    ttft_p50: float | None
    ttft_p99: float | None
    """Seconds; over the requests whose first token came in the last ten seconds. None if there was none."""
    usd_per_hour: float
    usd: float
    """Spent so far on nodes, at the catalogue's price."""
    cpu_utilization: float | None
    """Per cent of the request, averaged over ready pods, as the load model set it."""


class Happening(Record):
    """Something worth a line: a replica, a node, a fault, an HPA event."""

    t: float
    kind: Literal["phase", "replicas", "pod", "node", "fault", "hpa"]
    subject: str
    text: str


class ScaleChange(Record):
    """A change of the Deployment's ``.spec.replicas``, from a watch."""

    t: float
    before: int
    after: int


class PodSample(Record):
    """One pod in one answer of the metrics API, with what the HPA also knows of it."""

    name: str
    cpu_millicores: float | None
    """None when the metrics API has nothing for it yet."""
    request_millicores: float
    phase: Literal["Pending", "Running", "Succeeded", "Failed"]
    ready: bool
    started_t: float | None
    """``status.startTime``; None before a node admitted it."""
    ready_changed_t: float | None
    """When the Ready condition last changed."""
    sampled_t: float | None
    """The metric's own timestamp: the end of its window."""
    window_seconds: float | None
    leaving: bool


class MetricSample(Record):
    """All pods of the model at one moment, as the HPA would find them."""

    t: float
    replicas: int
    """``.spec.replicas`` at that moment."""
    pods: tuple[PodSample, ...]


class ReplicaReady(Record):
    """When the number of ready replicas first reached ``k``."""

    k: int
    t: float


class Ledger(Record):
    """Where every request went. ``sent == answered + refused + aborted + in_flight``."""

    sent: int = 0
    answered: int = 0
    refused: int = 0
    """No replica was ready, or the queue was full: 503."""
    aborted: int = 0
    """Begun, and lost with its replica."""
    in_flight: int = 0


class LedgerAt(Record):
    """The ledger at a moment."""

    t: float
    ledger: Ledger


class Check(Record):
    """One line of the verdict."""

    id: str
    """Stable, as in ``ledger-balances``."""
    text: str
    bound: str
    measured: str
    passed: bool


class Assumption(Record):
    """A number of the load model that is not measured, with the ground it stands on."""

    name: str
    value: str
    basis: str


class Run(Record):
    """A whole drill."""

    stack: str
    model: str
    checkpoint: str
    pool: str
    machine: str
    usd_per_node_hour: float | None
    """With its disks; None where the catalogue has no price."""
    node_autoscaler: str
    """``Karpenter``, or ``Karpenter stand-in`` for a cloud that has its own."""
    scenario: str
    seed: int
    compression: float
    """Boot and load delays were divided by this; 1 is real time."""
    boot_seconds: float
    load_seconds: float
    """As simulated, after compression."""
    sync_period_seconds: float = SYNC_SECONDS
    min_replicas: int
    max_replicas: int
    headroom: int = 0
    """Places for replicas that placeholders keep warm."""
    ttft_slo_seconds: float
    error_rate_slo: float
    started_at: str
    """UTC, ISO 8601."""
    duration_seconds: float
    seconds: tuple[Second, ...]
    happenings: tuple[Happening, ...]
    scale_changes: tuple[ScaleChange, ...]
    metric_samples: tuple[MetricSample, ...]
    ready: tuple[ReplicaReady, ...]
    ledger: Ledger
    ledger_marks: tuple[LedgerAt, ...]
    """The ledger each second, for checks about a part of the run."""
    assumptions: tuple[Assumption, ...]
    checks: tuple[Check, ...] = ()
    """Filled in last, by the verdict."""

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    def to_json(self) -> str:
        """The run's file; the same run gives the same bytes."""
        return self.model_dump_json(by_alias=True, indent=1) + "\n"
