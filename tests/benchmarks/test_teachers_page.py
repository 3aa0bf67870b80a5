"""Means over draws, and a whole measurement on small digits."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from tiny import TINY_RUN

from benchmarks import teachers
from benchmarks.teachers import VARIANTS, Measurement, render_page, summarize
from benchmarks.workbench import Workbench
from gan_aug.settings.presets import resolve_config
from gan_aug.settings.sgan import SganConfig

ROOT = Path(__file__).parents[2]


def make_measurement(**values):
    sound = {
        "variant": "sgan",
        "labels": 100,
        "seed": 0,
        "validation_error": 0.02,
        "test_error": 0.03,
        "seconds": 100.0,
        "settings": {"sgan": SganConfig().model_dump(mode="json")},
        "dataset": "mnist",
        "commit": "12ab",
        "cpu": "a CPU",
    }
    return Measurement.model_validate(sound | values)


def test_a_cell_has_the_mean_over_the_draws_and_students_interval():
    errors = [0.02, 0.03, 0.01]
    draws = [make_measurement(seed=seed, test_error=error) for seed, error in enumerate(errors)]
    cell = summarize([*draws, make_measurement(labels=50)])["mnist"][100, "sgan"]
    low, _ = stats.t.interval(0.95, 2, np.mean(errors), stats.sem(errors))
    assert cell.error.mean - cell.error.margin == pytest.approx(low)
    assert (cell.error.lowest, cell.error.highest) == (0.01, 0.03)
    assert (cell.draws, cell.seconds, cell.pool_error) == (3, 100, None)


def test_one_draw_has_no_interval_and_newer_settings_count():
    measured = [
        make_measurement(test_error=error, settings={"sgan": error}) for error in (0.9, 0.1)
    ]
    cell = summarize(measured)["mnist"][100, "sgan"]
    assert (cell.error.mean, cell.error.margin, cell.draws) == (0.1, None, 1)


def test_the_same_settings_are_the_same_cell_whatever_was_found():
    first = make_measurement()
    assert first.cell == make_measurement(test_error=0.5, commit="other").cell
    changed = {"sgan": SganConfig(updates=1).model_dump(mode="json")}
    for other in ({"settings": changed}, {"seed": 1}, {"labels": 50}, {"variant": "sgan-long"}):
        assert first.cell != make_measurement(**other).cell


def test_the_page_has_what_was_published_beside_ours():
    page = render_page([make_measurement(pool_error=0.04)])
    assert "| `sgan` | **3.00%** (3.00 to 3.00; 1 draw) |" in page
    assert "| `sgan` | 4.00% |" in page
    assert "| Salimans et al. (2016) | 0.93% |" in page
    assert f"| `sgan` | {SganConfig().updates:,} updates |" in page


def test_every_variant_is_a_teacher_with_settings_that_there_are():
    for name in VARIANTS:
        config = teachers.configure(name, 100, 3)
        assert config.pseudo_labels.teacher == VARIANTS[name].teacher
        assert config.encoder.seed == 1
    long = teachers.configure("consistency-long", 100, 0)
    assert long.encoder.steps > teachers.configure("consistency", 100, 0).encoder.steps


@pytest.fixture
def tiny(monkeypatch):
    """Settings that take seconds."""

    def resolve_tiny(_preset, changes):
        own = {name: changes[name] for name in ("labels", "seed", "pseudo_labels")}
        encoder = TINY_RUN["encoder"] | {"seed": changes["encoder"]["seed"]}
        return resolve_config("smoke", TINY_RUN | own | {"encoder": encoder})

    monkeypatch.setattr(teachers, "resolve_config", resolve_tiny)


def test_what_is_measured_is_not_measured_again(tiny, tmp_path):
    for variants in (("sgan",), ("sgan", "shift"), ("consistency", "sgan")):
        teachers.measure(
            draws=1,
            budgets=(20,),
            variants=variants,
            bench=Workbench(dataset="digits", artifacts=tmp_path / "store", root=tmp_path),
        )
    found = teachers.LEDGER.read(tmp_path)
    assert [measured.variant for measured in found] == ["sgan", "shift", "consistency"]
    for measured in found:
        assert 0 < measured.test_error < 1
        assert 0 < measured.pool_error < 1
        assert measured.seconds > 0
        assert (measured.shared_seconds > 0) == (measured.variant == "consistency")
    page = (tmp_path / "docs" / "teachers.md").read_text()
    assert page == render_page(found)


def test_the_committed_page_is_that_of_the_committed_numbers():
    found = teachers.LEDGER.read(ROOT)
    assert (ROOT / "docs" / "teachers.md").read_text() == render_page(found)
