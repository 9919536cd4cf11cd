"""A scenario: how load goes over time, in which mix of requests, and what breaks when. Data, for any stack.

Load is in replicas' worth: 8.6 is 8.6 times what one replica of the stack's model sustains at this mix.
"""

import math
from bisect import bisect_right
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BeforeValidator, Field, ValidationError, model_validator

from elastic_vllm.section import Section, config_error, frozen
from elastic_vllm.simulate.figures import ShapeName
from elastic_vllm.spec.translation import findings_of

FOLDER = Path(__file__).with_name("scenarios")

FaultKind = Literal["kill-node", "evict-pod", "drain-node", "spot-interruption", "consolidate", "rollout"]
Dispatch = Literal["least-in-flight", "random"]


class ScenarioError(ValueError):
    """A scenario that cannot be played; the message names the keys and says what exists."""


class Ramp(Section):
    """Load that goes evenly from one value to another."""

    from_: float = Field(alias="from", ge=0, le=1000)
    """At the phase's begin."""
    to: float = Field(ge=0, le=1000)
    """At its end."""


def _level(load: object) -> object:
    is_number = isinstance(load, int | float) and not isinstance(load, bool)
    return {"from": load, "to": load} if is_number else load


_Level = Annotated[float, Field(ge=0, le=1000)]


class Phase(Section):
    """A stretch of time with a name."""

    name: str = Field(pattern=r"^[a-z][-a-z0-9 ]*$", max_length=30)
    """Shown above the timeline."""
    seconds: float = Field(gt=0, le=86_400)
    """How long it lasts."""
    load: Annotated[Ramp, BeforeValidator(_level, json_schema_input_type=_Level | Ramp)]
    """Replicas' worth: a number, or ``{from, to}``."""

    @property
    def peak(self) -> float:
        """Its highest load."""
        return max(self.load.from_, self.load.to)


class Fault(Section):
    """Something that breaks."""

    at: float = Field(ge=0)
    """Seconds since the traffic began."""
    kind: FaultKind
    """``kill-node``: gone without notice. ``drain-node``: with notice. ``spot-interruption``: two minutes
    after a notice. ``consolidate``: given back by Karpenter. ``evict-pod``: one replica, by the eviction API.
    ``rollout``: every replica replaced."""


class Scenario(Section):
    """A whole play."""

    name: str = Field(pattern=r"^[a-z][-a-z0-9]*$", max_length=40)
    """As its file is called."""
    description: str = Field(min_length=10)
    """What it shows."""
    compression: float = Field(default=1, ge=1, le=100)
    """Boot and load delays are divided by this; 1 is real time. Traffic is not compressed."""
    seed: int = Field(default=1, ge=0)
    """Of the requests: the same seed gives the same ones."""
    mix: dict[ShapeName, Annotated[float, Field(ge=0)]]
    """The share of each shape of request; they add up to 1."""
    dispatch: Dispatch = "least-in-flight"
    """How a request finds its replica: what a good router does, or what a Service does."""
    planned: int | None = Field(default=None, alias="plannedReplicas", ge=1, le=1000)
    """Replicas that must become Ready; the peak's load rounded up when left out. More leaves room."""
    hold_ttft: bool = False
    """Whether the objective for the time to first token is a check too, at every moment."""
    phases: tuple[Phase, ...] = Field(min_length=1)
    """One after the other."""
    settle_seconds: float | None = Field(default=None, ge=0, le=7200)
    """How long after the last phase everything may take to be given back; no request is sent then, and the
    drill ends as soon as it is. Left out, what the stack's own windows come to."""
    faults: tuple[Fault, ...] = ()
    """In any order."""

    @model_validator(mode="after")
    def _shares_add_up(self) -> Self:
        total = sum(self.mix.values())
        if abs(total - 1) > 1e-6:
            raise config_error("mix", f"the shares add up to {total:g}, not to 1")
        return self

    @model_validator(mode="after")
    def _faults_come_in_time(self) -> Self:
        for index, fault in enumerate(self.faults):
            if fault.at >= self.duration_seconds:
                raise config_error(
                    f"faults[{index}].at",
                    f"{fault.at:g} is not before the end at {self.duration_seconds:g} seconds",
                )
        return self

    @cached_property
    def begins(self) -> tuple[float, ...]:
        """When each phase begins."""
        return (0.0, *accumulate(phase.seconds for phase in self.phases[:-1]))

    @cached_property
    def duration_seconds(self) -> float:
        """All phases together."""
        return self.begins[-1] + self.phases[-1].seconds

    @cached_property
    def peak_load(self) -> float:
        """The highest load of all."""
        return max(phase.peak for phase in self.phases)

    @property
    def planned_replicas(self) -> int:
        """Replicas that must become Ready."""
        return self.planned or max(1, math.ceil(self.peak_load))

    def load_at(self, t: float) -> float:
        """Replicas' worth at a moment; none before the begin and from the end on."""
        if not 0 <= t < self.duration_seconds:
            return 0.0
        place = bisect_right(self.begins, t) - 1
        load = self.phases[place].load
        return load.from_ + (load.to - load.from_) * (t - self.begins[place]) / self.phases[place].seconds

    def phase_at(self, t: float) -> str:
        """The phase's name at a moment; the last one's from the end on."""
        return self.phases[max(bisect_right(self.begins, t) - 1, 0)].name


def names() -> tuple[str, ...]:
    """The scenarios that come with the program."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def load(path_or_name: str | Path) -> Scenario:
    """A scenario by its name, or from a file of your own."""
    given = str(path_or_name)
    path = Path(given) if given.endswith((".yaml", ".yml")) else FOLDER / f"{given}.yaml"
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ScenarioError(
            f"there is no scenario {given}; there are: {', '.join(names())}, or the path of a .yaml file"
        ) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise ScenarioError(f"{path.name} cannot be read: {problem}") from None
    except yaml.YAMLError as problem:
        raise ScenarioError(f"{path.name} is not valid YAML: {' '.join(str(problem).split())}") from None
    return parse(raw, path.name)


def parse(raw: object, file: str) -> Scenario:
    """Check plain data; strict as the JSON schema is."""
    try:
        scenario = Scenario.model_validate(frozen(raw), strict=True, by_alias=True, by_name=False)
    except ValidationError as problem:
        found = findings_of(problem, raw, Scenario)
        raise ScenarioError("\n".join(f"{file}: {each.key}: {each.message}" for each in found)) from None
    if scenario.name != Path(file).stem:
        raise ScenarioError(f"{file}: name: {scenario.name} must be the file's, {Path(file).stem}")
    return scenario
