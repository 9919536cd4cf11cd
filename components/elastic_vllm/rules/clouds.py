"""Asks the stack's cloud what it would refuse."""

from collections.abc import Iterator

from elastic_vllm.rules.view import View
from elastic_vllm.spec.finding import Finding


def the_cloud_takes_the_stack(view: View) -> Iterator[Finding]:
    """What the cloud would refuse while resources are made."""
    yield from view.config.cluster.check(view.config)
