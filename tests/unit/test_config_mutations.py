"""One key of a valid stack is broken: the error names that key, whatever else the stack holds.

Nothing but ``StackConfigError`` may come out.
"""

import copy
import math
from random import Random

import pytest
from hypothesis import Phase, given, settings

from elastic_vllm.stack_file.config import StackConfigError, parse
from tests.breakage import items_of
from tests.breakage_models import OPERATORS
from tests.strategies import Raw, raw_stacks

DRAWS_IN_ALL = 1000


@pytest.fixture(scope="module")
def valid_stacks() -> list[Raw]:
    """Stacks from the shared strategy. Drawn once: drawing costs ten times what parsing does."""
    drawn: list[Raw] = []

    @settings(max_examples=100, phases=[Phase.generate])
    @given(raw_stacks(least_models=1))
    def draw(raw: Raw) -> None:
        drawn.append(raw)

    draw()
    return drawn


@pytest.mark.parametrize("name", OPERATORS)
def test_the_error_names_the_broken_key_and_nothing_else_is_raised(
    name: str, valid_stacks: list[Raw]
) -> None:
    random = Random(name)
    for _ in range(math.ceil(DRAWS_IN_ALL / len(OPERATORS))):
        raw = copy.deepcopy(random.choice(valid_stacks))
        p, m = (random.randrange(len(items_of(raw, section))) for section in ("pools", "models"))
        path = OPERATORS[name](raw, p, m)
        with pytest.raises(StackConfigError) as refused:
            parse(raw)
        assert path in [finding.key for finding in refused.value.findings], str(refused.value)
        assert any(line.startswith((f"{path}:", f"{path} (")) for line in str(refused.value).splitlines())
        assert len(str(refused.value).splitlines()) == len(refused.value.findings)


def test_there_are_enough_ways_to_break_a_stack() -> None:
    assert len(OPERATORS) >= 20
