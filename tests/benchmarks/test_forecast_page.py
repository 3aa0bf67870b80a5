"""What labels foretell: the rule, the page, and a whole measurement on small digits."""

from pathlib import Path

import pytest
from tiny import TINY_RUN

from benchmarks import forecast, students
from benchmarks.forecast import LEDGER, Forecast, judge_rule, render_page, summarize
from benchmarks.workbench import Workbench
from gan_aug.evaluation.comparison import PairedDifference
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


@pytest.fixture
def draw(make_score, teacher):
    """Return a draw as `benchmarks.students` leaves it."""
    tiny = TINY_RUN | {"pseudo_labels": {"teacher": teacher}, "encoder": {"steps": 20}}
    config = resolve_config("smoke", tiny | {"cnn": {"updates": 60}, "labels": 50})
    scores = [
        make_score(classifier=name, arm=arm, differences={"original": differ(gain)} if gain else {})
        for name in config.classifiers
        for arm, gain in (("original", 0), ("gan", 0.02), ("real_pool", 0.03), ("shift", 0.01))
    ]
    return students.Draw(
        dataset="digits",
        commit="12ab",
        cpu="a CPU",
        labels=50,
        seed=0,
        settings=students.list_settings(config),
        teacher=teacher,
        teacher_error=0.1,
        scores=scores,
    )


def differ(gain):
    return PairedDifference(difference=gain, low=0, high=2 * gain, mcnemar_p=0.5, gained=2, lost=1)


@pytest.mark.parametrize("teacher", ["consistency", "shift"])
def test_every_draw_of_the_students_is_foretold_once(draw, teacher, monkeypatch, tmp_path):
    monkeypatch.setattr(forecast, "FOLDS", 2)
    students.LEDGER.add(draw, tmp_path, students.render_page)
    bench = Workbench(dataset="digits", artifacts=tmp_path / "artifacts", root=tmp_path)
    for budgets in ((50,), (20, 50)):
        forecast.measure(budgets=budgets, bench=bench)
    found = LEDGER.read(tmp_path)
    assert [one.classifier for one in found] == ["cnn", "lightgbm"]
    for one in found:
        assert (one.teacher, one.labels, one.seed) == (teacher, 50, 0)
        assert 0 < one.student_error < 0.9
        assert 0 <= one.teacher_error < 0.9
        assert one.gains == {"gan": 0.02, "real_pool": 0.03}
    assert (tmp_path / "docs" / "forecast.md").read_text() == render_page(found)


def test_without_a_students_draw_there_is_nothing_to_foretell(tmp_path):
    bench = Workbench(dataset="digits", artifacts=tmp_path / "artifacts", root=tmp_path)
    with pytest.raises(SystemExit, match=r"found none of 50; run `python -m benchmarks\.students`"):
        forecast.measure(budgets=(50,), bench=bench)


def test_the_committed_page_is_that_of_the_committed_numbers():
    assert (ROOT / "docs" / "forecast.md").read_text() == render_page(LEDGER.read(ROOT))
