"""The forecast's picture and page."""

from pathlib import Path

import pytest

from elastic_vllm.simulate.forecast import ModelForecast, forecast
from fleet.plan import forecast_report as report
from tests import forecasts

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def made() -> tuple[ModelForecast, ...]:
    return forecast(forecasts.stack())


def test_the_page_needs_no_other_file_and_no_network(made: tuple[ModelForecast, ...], tmp_path: Path) -> None:
    page = report.write(made, tmp_path, "mine").read_text(encoding="utf-8")
    assert "Forecast of stack mine" in page
    assert 'src="data:image/png;base64,' in page
    assert "http" not in page
    assert (tmp_path / "forecast-chat.png").read_bytes().startswith(PNG)


def test_the_same_forecast_gives_the_same_picture(made: tuple[ModelForecast, ...]) -> None:
    (model,) = made
    assert report.draw(model) == report.draw(model)
