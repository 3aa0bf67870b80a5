"""What labels foretell: the rule, the page, and a whole measurement on small digits."""

from pathlib import Path

import pytest
from tiny import TINY_RUN

from benchmarks import forecast
from benchmarks.forecast import LEDGER, Forecast, judge_rule, render_page, summarize
from benchmarks.workbench import Workbench
from gan_aug.settings.presets import resolve_config

ROOT = Path(__file__).parents[2]


def make_forecast(gan=0.02, **values):
    sound = {
        "classifier": "cnn",
        "teacher": "consistency",
        "student_error": 0.10,
        "teacher_error": 0.04,
        "gains": {"gan": gan, "real_pool": 0.03},
        "labels": 100,
        "seed": 0,
        "settings": {"dcgan": {"steps": 1}},
        "dataset": "own",
        "commit": "12ab",
        "cpu": "a CPU",
    }
    return Forecast.model_validate(sound | values)


def test_a_gain_is_foreseen_where_the_student_errs_more_often():
    assert make_forecast().foreseen == pytest.approx(0.06)
    assert make_forecast(teacher_error=0.15).foreseen == pytest.approx(-0.05)


def test_the_rule_gains_nothing_where_it_leaves_images_out():
    helped, hurt = make_forecast(gan=0.04), make_forecast(gan=-0.02)
    left_out = {"teacher_error": 0.2}
    rule = judge_rule([helped, hurt, make_forecast(gan=-0.06, **left_out)], "gan")
    assert rule.always == pytest.approx(-0.04 / 3)
    assert rule.chosen == pytest.approx(0.02 / 3)
    assert (rule.wrong, rule.decisions) == (1, 3)
    assert judge_rule([make_forecast(gan=0.01, **left_out)], "gan").wrong == 1


def test_means_are_over_draws():
    cells = summarize([make_forecast(), make_forecast(gan=0.04, seed=1, student_error=0.2)])
    cell = cells["own"][100, "cnn"]
    assert cell.draws == 2
    assert cell.student_error.mean == pytest.approx(0.15)
    assert cell.gains["gan"].mean == pytest.approx(0.03)


def test_the_page_has_what_was_foreseen_beside_what_was_gained():
    page = render_page([make_forecast(), make_forecast(classifier="lightgbm", gan=-0.01)])
    assert "| 100 | CNN | 1 | `consistency` | 10.0% | 4.0% | +6.0 | +2.00 | +3.00 |" in page
    assert "| `gan` | +0.50 | +0.50 | 1 of 2 |" in page
    assert "Nothing yet" not in page


def test_a_page_without_draws_says_so():
    assert "Nothing yet. `python -m benchmarks.forecast` measures it." in render_page([])


@pytest.mark.parametrize("teacher", ["consistency", "shift"])
def test_what_is_measured_is_not_measured_again(teacher, monkeypatch, tmp_path):
    def resolve_tiny(_preset, changes):
        small = TINY_RUN | {"pseudo_labels": {"teacher": teacher}, "encoder": {"steps": 20}}
        return resolve_config("smoke", small | {"cnn": {"updates": 60}} | changes)

    monkeypatch.setattr(forecast, "resolve_config", resolve_tiny)
    for draws in (1, 1):
        forecast.measure(
            draws=draws,
            budgets=(50,),
            bench=Workbench(dataset="digits", artifacts=tmp_path / "artifacts", root=tmp_path),
        )
    found = LEDGER.read(tmp_path)
    assert [draw.classifier for draw in found] == ["cnn", "lightgbm"]
    for draw in found:
        assert draw.teacher == teacher
        assert 0 < draw.student_error < 0.9
        assert 0 <= draw.teacher_error < 0.9
        assert set(draw.gains) == {"gan", "real_pool"}
    assert (tmp_path / "docs" / "forecast.md").read_text() == render_page(found)


def test_the_committed_page_is_that_of_the_committed_numbers():
    assert (ROOT / "docs" / "forecast.md").read_text() == render_page(LEDGER.read(ROOT))
