"""Names, partitions and tags of AWS. Pure; imports no SDK."""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from ipaddress import IPv4Network

from elastic_vllm.clouds.aws.spec import AwsSettings

BUCKET_PREFIX_LENGTH = 37
"""What is left of 63 characters beside the 26 that the provider adds."""

STACK_LENGTH = 16
"""How much of a stack's name the names of its roles hold; 27 characters are left for the rest."""
NAME_LENGTH = 64


def partition(region: str) -> str:
    """The first part of every ARN in the region."""
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def managed_policy(region: str, name: str) -> str:
    """The ARN of a policy that AWS maintains."""
    return f"arn:{partition(region)}:iam::aws:policy/{name}"


def cost_tags(cluster: AwsSettings, stack: str) -> Mapping[str, str]:
    """Tags for the bill. The provider puts them on all it makes; what AWS makes itself lacks them."""
    return {**cluster.tags, "app": "elastic-vllm", "stack": stack}


def admins(arns: Sequence[str]) -> Mapping[str, str]:
    """Each administrator's ARN by a name of its own; of several with one name, the first has it plain."""
    found: dict[str, str] = {}
    for arn in arns:
        name = arn.partition("/")[2].replace("/", "-")
        found[f"{name}-{sha256(arn.encode()).hexdigest()[:8]}" if name in found else name] = arn
    return found


def owned_prefix(stack: str) -> str:
    """What the names of a stack's roles, instance profiles and event rules begin with.

    The digest keeps stacks apart of which one's name begins with the other's, as aws and aws-dev.
    """
    return f"elastic-vllm-{stack[:STACK_LENGTH]}-{_digest(stack)}-"


def owned(stack: str, name: str) -> str:
    """The physical name of a stack's role, instance profile or event rule; IAM takes 64 characters."""
    full = f"{owned_prefix(stack)}{name}"
    return full if len(full) <= NAME_LENGTH else f"{full[: NAME_LENGTH - 7]}-{_digest(name)}"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:6]


def bucket_prefix(stack: str) -> str:
    """What the name of the stack's bucket begins with; the rest tells it from all others in the world."""
    return re.sub(r"[^a-z0-9-]", "-", f"elastic-vllm-{stack.lower()}-weights-")[:BUCKET_PREFIX_LENGTH]


def subnets(vpc: str, zones: int) -> tuple[list[str], list[str]]:
    """Private and public ranges, one of each for a zone: the first eighths, and pieces of the last eighth.

    Pods take addresses from the private ranges; the public ones hold NAT gateways and load balancers. A zone
    more never moves the ranges of those before it.
    """
    eighths = list(IPv4Network(vpc).subnets(prefixlen_diff=3))
    pieces = eighths[-1].subnets(prefixlen_diff=3)
    return [str(eighths[i]) for i in range(zones)], [str(next(pieces)) for _ in range(zones)]
