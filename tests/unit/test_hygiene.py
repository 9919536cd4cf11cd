"""Rules for the tests themselves."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
BORROWED = re.compile(r"^from tests\.[\w.]*\btest_\w+ import", re.MULTILINE)
OWN_PROFILE = re.compile(r"\bsettings\([^)]*\b(database|deadline|derandomize|suppress_health_check)=")


def matching(pattern: re.Pattern[str]) -> set[str]:
    return {str(path.relative_to(TESTS)) for path in TESTS.rglob("*.py") if pattern.search(path.read_text())}


def test_no_helper_comes_from_a_test_module() -> None:
    """``from tests.engine import test_routes`` names tests as such, to see them fail; that is none."""
    assert matching(BORROWED) == set()


def test_the_hypothesis_profile_is_set_in_conftest_alone() -> None:
    assert matching(OWN_PROFILE) == set()
