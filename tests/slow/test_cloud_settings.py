"""``fleet plan`` of any setting of a cloud: a document, and a whole graph where nothing is refused."""

import json
import shutil
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import Phase, given, settings

from fleet.plan.build import plan
from tests.cloud_settings import raw_settings
from tests.plans import ROOT
from tests.strategies import Raw

TODAY = date(2026, 11, 25)
DRAWS = 2000


@pytest.mark.slow
def test_any_setting_is_planned_without_a_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ROOT / "__main__.py", tmp_path)
    (tmp_path / "stacks").mkdir()
    # The forecast takes long, and reads little of these settings.
    monkeypatch.setattr("fleet.plan.build.meanwhile", lambda _work, _config: tuple)
    ends: Counter[str] = Counter()

    @settings(max_examples=DRAWS, phases=[Phase.generate])
    @given(raw_settings())
    def planned(raw: Raw) -> None:
        sections = {f"elastic-vllm:{name}": section for name, section in raw.items()}
        (tmp_path / "stacks" / "Pulumi.x.yaml").write_text(yaml.safe_dump({"config": sections}))
        found = plan(tmp_path, "x", TODAY)
        assert json.loads(found.model_dump_json())["stack"] == "x"
        assert "plan-incomplete" not in {item.id for item in found.findings}, found.errors
        assert bool(found.resources) is not bool(found.errors)
        ends["refused" if found.errors else f"planned on {found.cloud}"] += 1

    planned()
    print(f"\n{DRAWS} draws: {dict(ends)}")
    assert len(ends) == 4
