"""Names and labels that Google Cloud takes.

Resources get their names from Pulumi: the logical name and a random suffix, so that two stacks fit in one
project, a replacement can stand beside what it replaces, and a key ring (which Google never deletes) is no
obstacle to a stack that comes back.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elastic_vllm.spec import NodePoolSpec

SUFFIX_LENGTH = 8
"""A hyphen and seven hexadecimal digits, which Pulumi adds."""
MAX_NODE_POOL_LENGTH = 40
MAX_LABEL_LENGTH = 63


def spot(resource: str) -> str:
    """The name under which the Spot half of a pool is registered."""
    return f"{resource}-spot"


def has_spot(pool: "NodePoolSpec") -> bool:
    """Whether part of the pool is a Spot node pool of its own: above the floor, where Spot is tried first."""
    return pool.capacity == "spot-then-on-demand" and pool.max_nodes > pool.min_nodes


def cost_labels(stack: str, own: Mapping[str, str]) -> Mapping[str, str]:
    """Labels for the bill: on the cluster, its nodes, their disks and the key. Networks take none."""
    return {**own, "app": "elastic-vllm", "stack": label_value(stack)}


def label_value(text: str) -> str:
    """The text as a label's value: lower case, and hyphens for what a label cannot have."""
    return re.sub(r"[^a-z0-9_-]", "-", text.lower())[:MAX_LABEL_LENGTH]
