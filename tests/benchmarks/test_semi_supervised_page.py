"""Means over draws, and a whole measurement on small digits."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from tiny import TINY_RUN

from benchmarks import semi_supervised
from benchmarks.semi_supervised import Measurement, render_page, summarize
from gan_aug.settings.presets import resolve_config
from gan_aug.settings.sgan import SganConfig

ROOT = Path(__file__).parents[2]


def make_measurement(**values):
    sound = {
        "teacher": "sgan",
        "labels": 100,
        "seed": 0,
        "validation_error": 0.02,
        "test_error": 0.03,
        "seconds": 100.0,
        "settings": {"sgan": SganConfig().model_dump(mode="json")},
        "preset": "quick",
        "dataset": "mnist",
        "commit": "12ab",
        "cpu": "a CPU",
    }
    return Measurement.model_validate(sound | values)


def test_a_row_has_the_mean_over_the_draws_and_students_interval():
    errors = [0.02, 0.03, 0.01]
    draws = [make_measurement(seed=seed, test_error=error) for seed, error in enumerate(errors)]
    row = summarize([*draws, make_measurement(labels=50)])[100, "sgan"]
    low, _ = stats.t.interval(0.95, 2, np.mean(errors), stats.sem(errors))
    assert row.error - row.margin == pytest.approx(low)
    assert (row.lowest, row.highest, row.draws, row.seconds) == (0.01, 0.03, 3, 100)


def test_one_draw_has_no_interval_and_newer_settings_count():
    measured = [
        make_measurement(test_error=error, settings={"sgan": error}) for error in (0.9, 0.1)
    ]
    row = summarize(measured)[100, "sgan"]
    assert (row.error, row.margin, row.draws) == (0.1, None, 1)


def test_the_same_settings_are_the_same_cell_whatever_was_found():
    first = make_measurement()
    assert first.cell == make_measurement(test_error=0.5, commit="other").cell
    changed = {"sgan": SganConfig(updates=1).model_dump(mode="json")}
    for other in ({"settings": changed}, {"seed": 1}, {"labels": 50}, {"teacher": "shift"}):
        assert first.cell != make_measurement(**other).cell


def test_the_page_has_the_papers_figures_and_ours():
    page = render_page([make_measurement()])
    assert "| 100 | 0.93% (sd 0.07) | **3.00%** (3.00 to 3.00; 1 draw) |" in page
    assert f"{SganConfig().updates:,} updates instead of some 180,000" in page


@pytest.fixture
def tiny(monkeypatch):
    """Settings that take seconds."""

    def resolve_tiny(preset, changes):
        return resolve_config(preset, TINY_RUN | changes)

    monkeypatch.setattr(semi_supervised, "resolve_config", resolve_tiny)


def test_what_is_measured_is_not_measured_again(tiny, tmp_path):
    for teachers in (("sgan",), ("sgan", "original"), ("shift", "sgan")):
        semi_supervised.measure(
            draws=1,
            budgets=(20,),
            teachers=teachers,
            preset="smoke",
            dataset="digits",
            root=tmp_path,
        )
    found = semi_supervised.LEDGER.read(tmp_path)
    assert [measured.teacher for measured in found] == ["sgan", "original", "shift"]
    assert all(0 < measured.test_error < 1 for measured in found)
    page = (tmp_path / "docs" / "semi_supervised.md").read_text()
    assert page == render_page(found)


def test_the_committed_page_is_that_of_the_committed_numbers():
    found = semi_supervised.LEDGER.read(ROOT)
    page = (ROOT / "docs" / "semi_supervised.md").read_text()
    assert page == render_page(found)
