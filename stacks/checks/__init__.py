"""Rules over a whole stack: pure functions from a ``StackConfig`` to findings. No Pulumi, no files.

An error is what will certainly fail when the stack runs; everything that may be intended is a warning.
A new rule is a function in one of the modules beside this one and a line in ``RULES``.
"""

from collections.abc import Callable, Iterator

from stacks.checks import capacity, fit, references
from stacks.finding import Finding
from stacks.stack import StackConfig

Rule = Callable[[StackConfig], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    references.names_are_unique,
    references.models_are_on_declared_pools,
    references.machines_exist,
    fit.replicas_fit_one_node,
    fit.weights_and_one_request_fit_the_gpus,
    capacity.least_replicas_fit_the_pool,
    capacity.most_replicas_fit_the_pool,
    capacity.machines_can_be_had_on_demand,
)


def findings(config: StackConfig) -> tuple[Finding, ...]:
    """What every rule has to say, in the order of ``RULES``."""
    return tuple(finding for rule in RULES for finding in rule(config))
