"""How long a policy takes to come down."""

import math

from elastic_vllm.simulate.hpa.algorithm import Hpa
from elastic_vllm.spec import ScalingSpec

SYNC_SECONDS = 15.0
"""``--horizontal-pod-autoscaler-sync-period``, where nobody changed it."""
_DAY_SECONDS = 86_400


def calm_seconds(scaling: ScalingSpec, least: int, most: int) -> float:
    """From the last load until ``least`` replicas are wanted, having had ``most``; ``inf`` above a day."""
    hpa, replicas, t = Hpa(scaling, least, most), most, 0.0
    while replicas > least:
        if t > _DAY_SECONDS:
            return math.inf
        fewer = hpa.decide_on(t, replicas, 0).desired
        hpa.observe_scale(t, replicas, fewer)
        replicas = fewer
        t += SYNC_SECONDS
    return t
