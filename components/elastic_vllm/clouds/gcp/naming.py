"""Names and labels that Google Cloud takes.

Resources get their names from Pulumi: the logical name and a random suffix, so that two stacks fit in one
project, a replacement can stand beside what it replaces, and a key ring (which Google keeps for ever) is no
obstacle to a stack that comes back.
"""

import re
from collections.abc import Mapping

SUFFIX_LENGTH = 8
"""A hyphen and seven hexadecimal digits, which Pulumi adds."""
MAX_NODE_POOL_LENGTH = 40
MAX_LABEL_LENGTH = 63


class NodePoolNameError(ValueError):
    """A pool's name from which no node pool's name can be made."""


def check_node_pool(logical_name: str, pool: str) -> None:
    """Refuse what Google would refuse a quarter of an hour later, when the cluster is there."""
    excess = len(logical_name) + SUFFIX_LENGTH - MAX_NODE_POOL_LENGTH
    if excess > 0:
        raise NodePoolNameError(
            f"pools[{pool}].name: is too long for a node pool of GKE, whose name has "
            f"{MAX_NODE_POOL_LENGTH} characters with what is added; {len(pool) - excess} are the most here"
        )


def cost_labels(stack: str) -> Mapping[str, str]:
    """Labels for the bill: on the cluster, its nodes, their disks and the key. Networks take none."""
    return {"app": "elastic-vllm", "stack": label_value(stack)}


def label_value(text: str) -> str:
    """The text as a label's value: lower case, and hyphens for what a label cannot have."""
    return re.sub(r"[^a-z0-9_-]", "-", text.lower())[:MAX_LABEL_LENGTH]
