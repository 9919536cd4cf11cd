"""A model of the HorizontalPodAutoscaler: for the drill's bounds and the forecast."""

from fleet.hpa.algorithm import Decision, Hpa, Reason
from fleet.hpa.calm import SYNC_SECONDS, calm_seconds
from fleet.hpa.metrics import PerPod, Reading, Rules, Whole
from fleet.hpa.pods import Initialization, Pod
from fleet.hpa.proposal import Tolerance

__all__ = [
    "SYNC_SECONDS",
    "Decision",
    "Hpa",
    "Initialization",
    "PerPod",
    "Pod",
    "Reading",
    "Reason",
    "Rules",
    "Tolerance",
    "Whole",
    "calm_seconds",
]
