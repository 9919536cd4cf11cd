"""A trace's load by the moment, looked up fast: a day asks tens of thousands of times."""

from bisect import bisect_right
from dataclasses import dataclass
from typing import Self

from elastic_vllm.simulate.scenario import Scenario


@dataclass(frozen=True)
class Course:
    """``Scenario.load_at`` for moments within the scenario."""

    begins: tuple[float, ...]
    """When each phase begins."""
    _loads: tuple[float, ...]
    _slopes: tuple[float, ...]

    @classmethod
    def of(cls, trace: Scenario) -> Self:
        """The course of this trace."""
        begins, t = [], 0.0
        for phase in trace.phases:
            begins.append(t)
            t += phase.seconds
        return cls(
            tuple(begins),
            tuple(phase.load.from_ for phase in trace.phases),
            tuple((phase.load.to - phase.load.from_) / phase.seconds for phase in trace.phases),
        )

    def at(self, t: float) -> float:
        """Replicas' worth."""
        place = bisect_right(self.begins, t) - 1
        return self._loads[place] + self._slopes[place] * (t - self.begins[place])
