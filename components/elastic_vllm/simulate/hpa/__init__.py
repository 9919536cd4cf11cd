"""A model of the HorizontalPodAutoscaler: for the drill's bounds and the forecast."""

from elastic_vllm.simulate.hpa.algorithm import SYNC_SECONDS, Decision, Hpa, Reason, calm_seconds
from elastic_vllm.simulate.hpa.metrics import PerPod, Reading, Rules, Whole
from elastic_vllm.simulate.hpa.pods import Initialization, Pod
from elastic_vllm.simulate.hpa.proposal import Tolerance

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
