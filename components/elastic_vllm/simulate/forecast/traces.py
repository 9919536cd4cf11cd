"""The two loads that every model is forecast under, in the size of its bounds."""

from collections.abc import Mapping

from elastic_vllm.simulate import scenario
from elastic_vllm.simulate.figures import ShapeName
from elastic_vllm.simulate.scenario import Phase, Ramp, Scenario
from elastic_vllm.spec import ReplicasSpec

_ROOM = 0.7
"""Share of max replicas that a peak needs: a stack is not made to run at its limit."""
_DAY_SECONDS = 86_400.0
MIX: Mapping[ShapeName, float] = scenario.load("step").mix
"""Of requests, in every trace: the drill's."""


def step(replicas: ReplicasSpec) -> Scenario:
    """From almost no load to three times that of min replicas, for half an hour, and back."""
    load = min(3.0 * max(replicas.min, 1), _ROOM * replicas.max)
    return Scenario(
        name="step",
        description=f"A jump to {load:g} replicas' worth of load, for half an hour.",
        mix=dict(MIX),
        phases=(
            Phase(name="calm", seconds=60, load=Ramp(from_=0.02, to=0.02)),
            Phase(name="step", seconds=1800, load=Ramp(from_=load, to=load)),
            Phase(name="trough", seconds=1800, load=Ramp(from_=0.01, to=0.01)),
        ),
    )


def day(replicas: ReplicasSpec) -> Scenario:
    """The drill's working day in 24 hours, as high as these bounds allow."""
    short = scenario.load("day")
    slower, higher = _DAY_SECONDS / short.duration_seconds, _ROOM * replicas.max / short.peak_load
    return Scenario(
        name="day",
        description=short.description,
        mix=dict(MIX),
        phases=tuple(
            Phase(
                name=phase.name,
                seconds=phase.seconds * slower,
                load=Ramp(from_=phase.load.from_ * higher, to=phase.load.to * higher),
            )
            for phase in short.phases
        ),
    )
