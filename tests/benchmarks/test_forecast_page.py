"""What labels foretell: the rule, the page, and a whole measurement on small digits."""

from pathlib import Path

import pytest
from tiny import TINY_RUN

from benchmarks import forecast
from benchmarks.forecast import LEDGER, Forecast, judge_rule, render_page, summarize
from benchmarks.workbench import Workbench
from gan_aug.settings.presets import resolve_config
from gan_aug.teachers.trust import Trust

ROOT = Path(__file__).parents[2]
PSEUDO_LABELS = TINY_RUN["pseudo_labels"] | {"teacher": "auto"}


def make_forecast(gan=0.02, errors=(0.10, 0.04), **values):
    student_error, teacher_error = errors
    trust = Trust(student_error=student_error, teacher_error=teacher_error)
    full = {"gan": gan, "real_pool": 0.03}
    sound = {
        "classifier": "cnn",
        "teacher": "consistency",
        "trust": trust,
        "full": full,
        "ruled": {arm: trust.share * gain for arm, gain in full.items()},
        "labels": 100,
        "seed": 0,
        "settings": {"dcgan": {"steps": 1}},
        "dataset": "own",
        "commit": "12ab",
        "cpu": "a CPU",
    }
    return Forecast.model_validate(sound | values)


def test_the_rule_is_wrong_where_it_adds_harm_or_leaves_help_out():
    helped, hurt = make_forecast(gan=0.04), make_forecast(gan=-0.02)
    left_out = (0.1, 0.2)
    rule = judge_rule([helped, hurt, make_forecast(gan=-0.06, errors=left_out)], "gan")
    assert rule.always == pytest.approx(-0.04 / 3)
    assert rule.chosen == pytest.approx(0.02 / 3)
    assert (rule.wrong, rule.decisions) == (1, 3)
    assert judge_rule([make_forecast(gan=0.01, errors=left_out)], "gan").wrong == 1


def test_means_are_over_draws():
    cells = summarize([make_forecast(), make_forecast(gan=0.04, seed=1, errors=(0.2, 0.2))])
    cell = cells["own"][100, "cnn"]
    assert cell.draws == 2
    assert cell.student_error.mean == pytest.approx(0.15)
    assert cell.teacher_error.mean == pytest.approx(0.12)
    assert cell.share.mean == pytest.approx(0.5)
    assert cell.full["gan"].mean == pytest.approx(0.03)
    assert cell.ruled["gan"].mean == pytest.approx(0.01)


def test_the_page_has_what_was_foreseen_beside_what_was_gained():
    page = render_page(
        [make_forecast(), make_forecast(classifier="lightgbm", gan=-0.01, errors=(0.1, 0.1))]
    )
    assert "| 100 | CNN | 1 | 10.0% | 4.0% | 100.0% | +2.00 | +2.00 | +3.00 | +3.00 |" in page
    assert "| 100 | LightGBM | 1 | 10.0% | 10.0% | 0.0% | -1.00 | +0.00 | +3.00 | +0.00 |" in page
    assert "| `gan` | +0.50 | +1.00 | 0 of 2 |" in page
    assert "| `real_pool` | +3.00 | +1.50 | 1 of 2 |" in page
    assert "Nothing yet" not in page


def test_a_page_without_draws_says_so():
    assert "Nothing yet. `python -m benchmarks.forecast` measures it." in render_page([])


@pytest.fixture
def bench(monkeypatch, tmp_path):
    """Return a bench with small digits, on which runs are tiny."""

    def resolve_tiny(_preset, changes):
        small = TINY_RUN | {"encoder": {"steps": 20}, "cnn": {"updates": 60}}
        return resolve_config("smoke", small | {"pseudo_labels": PSEUDO_LABELS} | changes)

    monkeypatch.setattr(forecast, "resolve_config", resolve_tiny)
    return Workbench(dataset="digits", artifacts=tmp_path / "artifacts", root=tmp_path)


def test_what_is_measured_is_not_measured_again(bench, tmp_path):
    for draws in (1, 1):
        forecast.measure(draws=draws, budgets=(50,), bench=bench)
    found = LEDGER.read(tmp_path)
    assert [draw.classifier for draw in found] == ["cnn", "lightgbm"]
    for draw in found:
        assert draw.teacher == "consistency"
        assert 0 < draw.trust.student_error < 0.9
        assert set(draw.full) == set(draw.ruled) == {"gan", "real_pool"}
        if draw.trust.share in {0, 1}:
            expected = draw.full if draw.trust.share else {"gan": 0.0, "real_pool": 0.0}
            assert draw.ruled == expected
    assert (tmp_path / "docs" / "forecast.md").read_text() == render_page(found)


def test_nothing_is_foretold_of_a_teacher_that_cannot_be_tested(bench):
    with pytest.raises(SystemExit, match=r"found `shift` with .* labels; lower --budgets"):
        forecast.measure(draws=1, budgets=(1200,), bench=bench)


def test_the_committed_page_is_that_of_the_committed_numbers():
    assert (ROOT / "docs" / "forecast.md").read_text() == render_page(LEDGER.read(ROOT))
