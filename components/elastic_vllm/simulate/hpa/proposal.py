"""How many replicas one metric asks for. Pure functions of numbers; values and targets in thousandths.

The arithmetic is the controller's to the last digit: utilization is cut to a whole per cent and an average
to a whole thousandth before they are compared with the target.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from typing import Protocol

from elastic_vllm.simulate.hpa.pods import Groups

INT32_MAX = 2**31 - 1
_UNITS = {
    "m": Decimal("0.001"),
    "": Decimal(1),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "Ki": Decimal(1024),
    "Mi": Decimal(1024) ** 2,
    "Gi": Decimal(1024) ** 3,
    "Ti": Decimal(1024) ** 4,
}
_NANO_DIGITS = 6
"""A quantity has no finer digits than nano-units: millionths of a thousandth."""


class MetricError(Exception):
    """A metric from which no number of replicas follows, and why."""


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """How far usage may be from its target without a change; one for each direction."""

    up: float = 0.1
    down: float = 0.1

    def covers(self, ratio: float) -> bool:
        """Whether the ratio of usage to target asks for no change."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


class Target(Protocol):
    """What usage per pod is compared with."""

    def ratio(self, values: Mapping[str, int]) -> float:
        """Usage of these pods over their target."""

    def if_missing(self, pod: str) -> int:
        """The usage assumed of an unmeasured pod when the measured ones ask for fewer."""


@dataclass(frozen=True)
class Utilization:
    """Per cent of what the pods request."""

    percent: int
    requests: Mapping[str, int]

    def ratio(self, values: Mapping[str, int]) -> float:
        """In whole per cent of all requests together, not the mean of the pods' own per cent."""
        known = [name for name in values if name in self.requests]
        requested = sum(self.requests[name] for name in known)
        if requested == 0:
            raise MetricError("the measured pods request nothing of the resource")
        return sum(values[name] for name in known) * 100 // requested / self.percent

    def if_missing(self, pod: str) -> int:
        """All that it requests; for a target above 100 %, the target."""
        return self.requests[pod] * max(100, self.percent) // 100


@dataclass(frozen=True)
class AverageValue:
    """Thousandths per pod."""

    milli: int

    def ratio(self, values: Mapping[str, int]) -> float:
        """The mean over the target."""
        return sum(values.values()) // len(values) / self.milli

    def if_missing(self, pod: str) -> int:  # noqa: ARG002  # the same for every pod
        """The target itself."""
        return self.milli


def of_pods(
    current: int, groups: Groups, values: Mapping[str, int], target: Target, tolerance: Tolerance
) -> int:
    """Replicas for a metric measured at each pod (Resource, ContainerResource, Pods)."""
    measured = {name: values[name] for name in groups.ready | groups.stray}
    if not measured:
        raise MetricError("no pod that counts has a value")
    ratio = target.ratio(measured)
    unready = groups.unready if ratio > 1.0 else frozenset[str]()
    if not unready and not groups.missing:
        # The pods that are ready decide, however many are wanted: this is no multiple of ``current``.
        return current if tolerance.covers(ratio) else ceil(ratio * len(groups.ready))

    supposed = measured | dict.fromkeys(unready, 0)
    if ratio < 1.0:
        supposed |= {name: target.if_missing(name) for name in groups.missing}
    elif ratio > 1.0:
        supposed |= dict.fromkeys(groups.missing, 0)
    return _rebalanced(current, ratio, target.ratio(supposed), len(supposed), tolerance)


def _rebalanced(current: int, before: float, after: float, pods: int, tolerance: Tolerance) -> int:
    """What the suppositions leave of a change: less of it or nothing, never one the other way."""
    turned = (before < 1.0 < after) or (after < 1.0 < before)
    if tolerance.covers(after) or turned:
        return current
    wanted = ceil(after * pods)
    against = (after < 1.0 and wanted > current) or (after > 1.0 and wanted < current)
    return current if against else wanted


def of_value(current: int, ready: int, usage: int, target: int, tolerance: Tolerance) -> int:
    """Replicas for one number that stands for the whole (Object, External), with ``value`` as target."""
    ratio = usage / target
    return current if tolerance.covers(ratio) else min(ceil(ratio * ready), INT32_MAX)


def of_average(existing: int, usage: int, target: int, tolerance: Tolerance) -> int:
    """Replicas for one number shared by the pods that exist, with ``averageValue`` as target."""
    if existing and tolerance.covers(usage / (float(target) * existing)):
        return existing
    return min(ceil(usage / target), INT32_MAX)


def milli(quantity: str) -> int:
    """``8`` is 8000, ``500m`` is 500."""
    number = quantity.rstrip("mkMGTKi")
    return ceil(Decimal(number) * _UNITS[quantity[len(number) :]] * 1000)


def whole_milli(value: float) -> int:
    """A measured number of thousandths as the metrics client reads it; noise below nano-units is no digit."""
    return ceil(round(value, _NANO_DIGITS))
