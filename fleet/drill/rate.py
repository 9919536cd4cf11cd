"""Whether a watch of ``.spec.replicas`` kept to a policy's rate of scaling up.

By the policy's own definition: no moment has more replicas than its policies allow from what there were a
period before. A second either way is allowed for: the watch tells of a change a little after it happens.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from elastic_vllm.simulate.hpa.behavior import up_limit
from elastic_vllm.simulate.timeline import ScaleChange
from elastic_vllm.spec.scaling import Behavior, PolicyStep

TOLERANCE_SECONDS = 1.0


@dataclass(frozen=True)
class Rise:
    """A change upward, and the replicas that were allowed at that moment."""

    change: ScaleChange
    allowed: int

    @property
    def excess(self) -> int:
        """Replicas more than allowed; not positive where the rate was kept."""
        return self.change.after - self.allowed


def rises(changes: Sequence[ScaleChange], behavior: Behavior, min_replicas: int) -> list[Rise]:
    """Every change upward. Up to the minimum any step is allowed: bounds have no rate."""
    found = []
    for place, change in enumerate(changes):
        if change.after <= change.before:
            continue
        earlier = _History(changes[:place], change)
        limit = up_limit(behavior, earlier.most_ago)
        found.append(Rise(change, max(change.before if limit is None else limit, min_replicas)))
    return found


@dataclass(frozen=True)
class _History:
    """What there was before a change."""

    earlier: Sequence[ScaleChange]
    change: ScaleChange

    def most_ago(self, seconds: float) -> int:
        """Max replicas within a second of that long ago."""
        t = self.change.t - seconds
        counts = [self.earlier[0].before if self.earlier else self.change.before]
        for change in self.earlier:
            if change.t <= t - TOLERANCE_SECONDS:
                counts = [change.after]
            elif change.t <= t + TOLERANCE_SECONDS:
                counts.append(change.after)
        return max(counts)


def in_words(behavior: Behavior) -> str:
    """``at most 2 replicas per 30 s``."""
    if behavior.select_policy == "Disabled":
        return "none: scaling up is disabled"
    steps = [_step(step) for step in behavior.policies]
    if len(steps) == 1:
        return f"at most {steps[0]}"
    which = "most" if behavior.select_policy == "Max" else "least"
    return f"at most the {which} of {', '.join(steps)}"


def _step(step: PolicyStep) -> str:
    unit = ("replica" if step.value == 1 else "replicas") if step.type == "Pods" else "%"
    return f"{step.value} {unit} per {step.period_seconds} s"
