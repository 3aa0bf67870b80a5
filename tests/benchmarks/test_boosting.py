"""Ratios within a round, means over draws, and a whole measurement on small digits."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks import boosting
from benchmarks.boosting import (
    BASE,
    LEDGER,
    SETTINGS,
    Round,
    Trial,
    configure,
    draw_rows,
    find_frontier,
    order_turns,
    render_page,
    summarize,
)
from gan_aug.classifiers.lightgbm import LightgbmConfig

ROOT = Path(__file__).parents[2]
MORE = "300 rounds"


def make_trial(name, seconds, accuracy, prediction=0.1):
    return Trial(
        name=name,
        settings=configure(name, 1000).model_dump(mode="json"),
        accuracy=accuracy,
        training_seconds=seconds,
        prediction_seconds=prediction,
    )


def make_round(seed=0, rows=1000, trials=None):
    return Round(
        dataset="mnist",
        rows=rows,
        seed=seed,
        trials=trials or [make_trial(BASE, 2.0, 0.9), make_trial(MORE, 5.0, 0.92)],
        validation_images=10_000,
        commit="12ab",
        cpu="a CPU",
        cores=2,
    )


def test_times_are_compared_within_a_round_and_accuracies_within_a_draw():
    """A machine that is ten times slower in one round changes no ratio."""
    slow = [make_trial(BASE, 20.0, 0.8), make_trial(MORE, 60.0, 0.81, prediction=0.3)]
    third = [make_trial(BASE, 2.0, 0.85), make_trial(MORE, 4.0, 0.88, prediction=0.2)]
    rounds = [make_round(), make_round(1, trials=slow), make_round(2, trials=third)]
    base, row = summarize(rounds)[1000].values()
    assert (base.training_ratio, base.prediction_ratio, base.difference) == (1, 1, 0)
    assert (row.training_ratio, row.lowest_ratio, row.highest_ratio) == (2.5, 2, 3)
    assert row.prediction_ratio == pytest.approx(2)
    differences = np.array([0.02, 0.01, 0.03])
    expected = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    assert row.difference == pytest.approx(differences.mean())
    assert row.difference - row.margin == pytest.approx(expected.low)
    assert row.accuracy == pytest.approx(np.mean([0.92, 0.81, 0.88]))
    assert (row.draws, row.clear) == (3, expected.low > 0)


def test_one_draw_has_no_interval_and_the_last_round_of_a_draw_counts():
    again = make_round(trials=[make_trial(BASE, 1.0, 0.9), make_trial(MORE, 4.0, 0.95)])
    row = summarize([make_round(), again])[1000][MORE]
    assert (row.training_ratio, row.margin, row.draws, row.clear) == (4, None, 1, False)
    assert row.difference == pytest.approx(0.05)


def test_the_first_settings_are_those_that_the_others_change():
    assert next(iter(SETTINGS)) == BASE
    assert {name for changes in SETTINGS.values() for name in changes} == {
        "rounds",
        "num_leaves",
        "max_bin",
        "colsample_bytree",
    }
    config = configure(MORE, 1000)
    assert config == configure(BASE, 1000).model_copy(update={"rounds": 300})
    assert configure(MORE, 40).min_child_samples == LightgbmConfig().plan(40).min_child_samples


def test_every_draw_begins_with_another_setting():
    assert [order_turns(3, seed) for seed in range(4)] == [
        [0, 1, 2],
        [1, 2, 0],
        [2, 0, 1],
        [0, 1, 2],
    ]


def test_the_page_has_a_table_for_every_number_of_labeled_images():
    page = render_page([make_round(rows=10_000), make_round(), make_round(1)])
    assert page.index("## 1,000 labeled images") < page.index("## 10,000 labeled images")
    assert f"| {BASE} | 1 | 1 | 90.00% |  | 2 |" in page
    assert "| 300 rounds | 2.50 (2.50 to 2.50) | 1.00 | 92.00% | **+2.00** ± 0.00 | 2 |" in page
    assert "| 300 rounds | 2.50 | 1.00 | 92.00% | +2.00 | 1 |" in page
    assert "takes 2.00 s." in page
    assert "commit `12ab` on a CPU, 2 cores, `mnist`" in page


def test_the_frontier_is_what_nothing_beats_in_both():
    found = {
        BASE: (2.0, 0.90),
        "15 bins": (1.0, 0.90),
        "15 leaves": (1.5, 0.89),
        "200 rounds": (3.0, 0.93),
        "300 rounds": (3.0, 0.94),
        "63 leaves": (6.0, 0.91),
    }
    trials = [make_trial(name, *values) for name, values in found.items()]
    rows = summarize([make_round(trials=trials)])[1000]
    assert find_frontier(rows) == ["15 bins", "300 rounds"]
    page = render_page([make_round(trials=trials)])
    assert "more accurate than: 15 bins; 300 rounds.\n" in page


def test_more_rows_than_images_are_transformed_copies(digits):
    train = digits.train
    rows = draw_rows(train, len(train) + 7, seed=0)
    assert len(rows) == len(train) + 7
    np.testing.assert_array_equal(rows.images[: len(train)], train.images)
    np.testing.assert_array_equal(rows.labels[len(train) :], train.labels[:7])
    assert (rows.images[len(train) :] != train.images[:7]).any()
    assert len(draw_rows(train, 100, seed=0)) == 100
    np.testing.assert_array_equal(draw_rows(train, len(train), seed=0).images, train.images)


def test_the_same_settings_of_a_draw_are_the_same_cell_whatever_was_found():
    first = make_round()
    found = [make_trial(BASE, 1.0, 0.1), make_trial(MORE, 1.0, 0.1)]
    assert first.cell == make_round(trials=found).cell
    fewer = make_round(trials=[make_trial(BASE, 2.0, 0.9)])
    for other in (fewer, make_round(1), make_round(rows=50)):
        assert first.cell != other.cell


@pytest.fixture
def tiny(monkeypatch):
    """Settings that take seconds."""
    settings = {BASE: {}, "200 rounds": {"rounds": 4}}
    monkeypatch.setattr(boosting, "SETTINGS", settings)
    monkeypatch.setattr(boosting, "COMMON", {"rounds": 2})


def test_what_is_measured_is_not_measured_again(tiny, tmp_path, capsys):
    for draws in (1, 2, 2):
        boosting.measure(rows=(100,), draws=draws, dataset="digits", root=tmp_path)
    found = LEDGER.read(tmp_path)
    assert [(measured.rows, measured.seed) for measured in found] == [(100, 0), (100, 1)]
    assert [trial.settings["rounds"] for trial in found[0].trials] == [2, 4]
    assert all(trial.accuracy > 0.2 for trial in found[0].trials)
    assert all(trial.training_seconds > 0 for measured in found for trial in measured.trials)
    assert (tmp_path / "docs" / "boosting.md").read_text() == render_page(found)
    with pytest.raises(SystemExit, match="names: expected some of"):
        boosting.measure("1,000 rounds", root=tmp_path)


def test_the_committed_page_is_that_of_the_committed_numbers():
    found = LEDGER.read(ROOT)
    assert found
    assert (ROOT / "docs" / "boosting.md").read_text() == render_page(found)
