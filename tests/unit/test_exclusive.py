"""A second run of the cluster tests is refused while the first one is at work."""

from pathlib import Path

import pytest

from tests.cluster.exclusive import InUseError, exclusive


def test_a_second_run_is_refused_and_told_what_the_first_one_uses(tmp_path: Path) -> None:
    home = tmp_path / "cache" / "test-cluster"
    refused = pytest.raises(InUseError, match=r"another run of the cluster tests uses .*test-cluster .*wait")
    with exclusive(home), refused, exclusive(home):
        pass
    with exclusive(home):
        pass
    assert not home.exists()
