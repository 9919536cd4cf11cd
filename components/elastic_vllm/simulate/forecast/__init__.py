"""The forecast: HPA, node autoscaler, boot, load and queues of a stack, simulated in seconds.

See ``docs/forecast.md`` for what is modelled, what is not, and how far it agrees with the real controllers.
"""

from elastic_vllm.simulate.forecast import traces
from elastic_vllm.simulate.forecast.conditions import Conditions, Periods
from elastic_vllm.simulate.forecast.forecast import Forecast, ModelForecast, forecast
from elastic_vllm.simulate.forecast.outcome import Change, Moment, Outcome, Reached
from elastic_vllm.simulate.forecast.simulation import simulate

__all__ = [
    "Change",
    "Conditions",
    "Forecast",
    "ModelForecast",
    "Moment",
    "Outcome",
    "Periods",
    "Reached",
    "forecast",
    "simulate",
    "traces",
]
