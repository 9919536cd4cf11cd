"""The forecast's picture and page."""

from pathlib import Path

import pytest
from matplotlib.axes import Axes

from elastic_vllm.simulate.forecast import ModelForecast, forecast
from fleet.drill.report.panels import Curve, Panel
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


def test_each_chart_gets_the_series_of_its_own_trace(
    made: tuple[ModelForecast, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    (model,) = made
    drawn: dict[tuple[str, float], list[Curve]] = {}

    def draw(axes: Axes, panel: Panel, times: list[float], curves: list[Curve], end: float) -> None:
        assert len(times) == len(curves[0])
        drawn[panel.title, end] = curves

    monkeypatch.setattr(report, "draw_panel", draw)
    report.draw(model)
    for trace in (model.step, model.day):
        ready, wanted = drawn["Replicas", trace.seconds]
        assert max(value or 0 for value in ready) == trace.most_ready
        assert wanted == [moment.wanted for moment in trace.moments]
        (offered,) = drawn["Load", trace.seconds]
        assert max(value or 0 for value in offered) == pytest.approx(trace.peak_load * model.capacity_rps)
