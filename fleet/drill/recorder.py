"""Keeps a drill's record while it runs, from what it is given: it makes no request."""

from dataclasses import dataclass, field

from elastic_vllm.simulate.timeline import (
    Happening,
    Ledger,
    LedgerAt,
    MetricSample,
    ReplicaReady,
    ScaleChange,
    Second,
)
from fleet.drill.view import SCALED, View


@dataclass
class Recorder:
    """The growing record. All times are seconds since the traffic began."""

    seconds: list[Second] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    scale_changes: list[ScaleChange] = field(default_factory=list)
    metric_samples: list[MetricSample] = field(default_factory=list)
    ready: list[ReplicaReady] = field(default_factory=list)
    ledger_marks: list[LedgerAt] = field(default_factory=list)
    _view: View = field(default_factory=View)
    _phase: str = ""

    def begin(self, view: View) -> None:
        """What is there before the traffic: not a change."""
        self._view = view
        self._reached(0.0, view)

    def saw(self, t: float, view: View) -> None:
        """The cluster changed."""
        before, self._view = self._view, view
        if view.wanted != before.wanted:
            self.scale_changes.append(ScaleChange(t=t, before=before.wanted, after=view.wanted))
            self._tell(t, "replicas", SCALED[view.group_size > 1][1], f"{before.wanted} → {view.wanted}")
        if view.hpa_wants not in (None, before.hpa_wants):
            self._tell(t, "hpa", "HorizontalPodAutoscaler", f"wants {view.hpa_wants}")
        for name in sorted(set(view.nodes) - set(before.nodes)):
            self._tell(t, "node", name, f"{view.nodes[name]} registered")
        for name in sorted(set(before.nodes) - set(view.nodes)):
            self._tell(t, "node", name, f"{before.nodes[name]} gone")
        self._saw_pods(t, before, view)
        self._reached(t, view)

    def _saw_pods(self, t: float, before: View, view: View) -> None:
        for name, pod in sorted(view.replicas.items()):
            old = before.replicas.get(name)
            if old is None:
                self._tell(t, "pod", name, "created")
            elif pod.ready and not old.ready:
                self._tell(t, "pod", name, "ready")
            elif pod.leaving and not old.leaving:
                self._tell(t, "pod", name, "terminating")
        for name in sorted(set(before.replicas) - set(view.replicas)):
            self._tell(t, "pod", name, "gone")

    def _reached(self, t: float, view: View) -> None:
        highest = self.ready[-1].k if self.ready else 0
        self.ready += [ReplicaReady(k=k, t=t) for k in range(highest + 1, view.count("ready") + 1)]

    def fault(self, t: float, subject: str, text: str) -> None:
        """Something that the scenario did to the cluster."""
        self._tell(t, "fault", subject, text)

    def note(self, t: float, subject: str, text: str) -> None:
        """What came of an earlier fault; none by itself."""
        self._tell(t, "node", subject, text)

    def second(self, second: Second, ledger: Ledger) -> None:
        """One second is over."""
        if second.phase != self._phase:
            self._phase = second.phase
            self._tell(second.t, "phase", second.phase, "begins")
        self.seconds.append(second)
        self.ledger_marks.append(LedgerAt(t=second.t, ledger=ledger))

    def sampled(self, sample: MetricSample) -> None:
        """An answer of the metrics API; passed if the HPA could decide otherwise on it than on the last."""
        last = self.metric_samples[-1] if self.metric_samples else None
        if last is None or (last.replicas, last.pods) != (sample.replicas, sample.pods):
            self.metric_samples.append(sample)

    def _tell(self, t: float, kind: str, subject: str, text: str) -> None:
        self.happenings.append(
            Happening.model_validate({"t": t, "kind": kind, "subject": subject, "text": text})
        )
