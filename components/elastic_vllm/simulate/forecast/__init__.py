"""The forecast: HPA, node autoscaler, boot, load and queues of a stack, simulated in seconds.

See ``docs/forecast.md`` for what is modelled, what is not, and how far it agrees with the real controllers.
"""

from elastic_vllm.simulate.forecast import traces
from elastic_vllm.simulate.forecast.conditions import Conditions, Periods
from elastic_vllm.simulate.forecast.forecast import (
    ModelForecast,
    engine_of,
    forecast,
    replicas_to_hold,
    step_outcome,
)
from elastic_vllm.simulate.forecast.outcome import Moment, Outcome, Reached
from elastic_vllm.simulate.forecast.simulation import simulate

__all__ = [
    "Conditions",
    "ModelForecast",
    "Moment",
    "Outcome",
    "Periods",
    "Reached",
    "engine_of",
    "forecast",
    "replicas_to_hold",
    "simulate",
    "step_outcome",
    "traces",
]
