"""The forecast: HPA, node autoscaler, boot, load and queues of a stack, simulated in seconds.

See ``docs/forecast.md`` for what is modelled, what is not, and how far it agrees with the real controllers.
"""

from fleet.plan.forecast import traces
from fleet.plan.forecast.conditions import Conditions, Periods
from fleet.plan.forecast.forecast import Forecast, ModelForecast, forecast
from fleet.plan.forecast.outcome import Change, Moment, Outcome, Reached
from fleet.plan.forecast.simulation import simulate
from fleet.plan.forecast.text import render

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
    "render",
    "simulate",
    "traces",
]
