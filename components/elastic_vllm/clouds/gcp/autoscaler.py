"""GKE's own autoscaler: nothing to install, and little to set.

The cluster carries its profile, each node pool its bounds. How long a node must be empty GKE decides: with
``OPTIMIZE_UTILIZATION`` about a minute. What cannot be had is refused here, never ignored.
"""

import pulumi

from elastic_vllm.spec import NodeAutoscalingSpec

PROFILE = "OPTIMIZE_UTILIZATION"
"""Gives nodes back early, and fills the fullest first; ``BALANCED`` would wait ten minutes."""


class AutoscalerSettingError(ValueError):
    """A setting of ``autoscaler`` that GKE has nothing for; the message says what to do."""


def autoscaler(spec: NodeAutoscalingSpec) -> pulumi.Output[str]:
    """Register nothing; answer the profile that the cluster has."""
    if spec.consolidation != "when-empty":
        raise AutoscalerSettingError(
            f"autoscaler.consolidation: {spec.consolidation} is not to be had on gcp: replicas there are "
            "marked so that GKE's autoscaler never moves them; leave it out, or write when-empty"
        )
    if "consolidate_after_seconds" in spec.model_fields_set:
        raise AutoscalerSettingError(
            "autoscaler.consolidateAfterSeconds: GKE decides itself how long a node must be empty, about a "
            "minute with the profile that this cluster has; leave it out"
        )
    return pulumi.Output.from_input(PROFILE)
