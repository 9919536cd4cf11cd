"""GKE's own autoscaler: nothing to install, and little to set.

The cluster carries its profile, each node pool its bounds. How long a node must be empty GKE decides: with
``OPTIMIZE_UTILIZATION`` about a minute. Its API has a delay of a node pool's own by now
(``consolidationDelay``, container.v1 of 2026-10-27), and Pulumi's provider 10.2.0 has not yet.
What it does not have is refused by ``rules``, never ignored.
"""

import pulumi

PROFILE = "OPTIMIZE_UTILIZATION"
"""Gives nodes back early, and fills the fullest first; ``BALANCED`` would wait ten minutes."""


def autoscaler() -> pulumi.Output[str]:
    """Register nothing; answer the profile that the cluster has."""
    return pulumi.Output.from_input(PROFILE)
