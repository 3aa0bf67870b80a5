"""Equal time for every technique, and a whole measurement on small digits."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks.techniques import BASE, TECHNIQUES, Techniques, fit_steps, render_techniques
from gan_aug.settings.dcgan import DcganConfig
from gan_aug.settings.flags import flatten
from gan_aug.settings.presets import resolve_config

ROOT = Path(__file__).parents[2]


def test_a_slower_step_gets_fewer_of_them():
    fitted = {t.name: t for t in fit_steps({BASE: 0.02, "slow": 0.04, "fast": 0.01}, 1000)}
    assert {name: t.steps for name, t in fitted.items()} == {BASE: 1000, "slow": 500, "fast": 2000}
    assert fitted["slow"].step_time == pytest.approx(2)


def test_every_improved_technique_has_a_row():
    fields = {field for changes in TECHNIQUES.values() for field in changes}
    assert (
        {
            "feature_matching",
            "minibatch_discrimination",
            "label_smoothing",
            "historical_averaging",
            "virtual_batch_normalization",
        }
        <= fields
        <= set(DcganConfig.model_fields)
    )


def test_every_technique_is_off_by_default():
    default = flatten(resolve_config("quick").dcgan.model_dump())
    for name, changes in TECHNIQUES.items():
        if name not in {BASE, "no gradient penalty"}:
            assert not any(default[field] for field in changes if field != "gradient_penalty")


@pytest.mark.slow
def test_techniques_are_measured_gone_on_with_and_rendered(tmp_path):
    command = [sys.executable, "-m", "benchmarks.techniques", "--steps", "2", "--seeds", "2"]
    command += ["--preset", "smoke", "--dataset", "digits"]
    command += ["feature matching", "--artifacts", tmp_path / "artifacts", "--root", tmp_path]
    subprocess.run(command, cwd=ROOT, check=True)
    path = tmp_path / "artifacts" / "techniques.json"
    found = Techniques.model_validate_json(path.read_bytes())
    assert [technique.name for technique in found.techniques] == [BASE, "feature matching"]
    assert all(set(technique.metrics) == {0, 1} for technique in found.techniques)
    page = (tmp_path / "docs" / "techniques.md").read_text()
    assert page == render_techniques(found)
    base, other = (
        np.array([m.frechet_distance for m in technique.metrics.values()])
        for technique in found.techniques
    )
    paired = stats.ttest_rel(other, base).confidence_interval(0.95)
    assert f"{(other - base).mean():+.1f}" in page
    assert f"± {(paired.high - paired.low) / 2:.1f}" in page
    distances = base
    half = np.diff(stats.ttest_1samp(distances, 0).confidence_interval(0.95))[0] / 2
    assert f"{distances.mean():.1f} ± {half:.1f}" in page

    again = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert "seed" not in again.stderr
    assert Techniques.model_validate_json(path.read_bytes()) == found


def test_the_committed_page_is_that_of_the_committed_numbers():
    found = Techniques.model_validate_json((ROOT / "artifacts/techniques.json").read_bytes())
    assert (ROOT / "docs" / "techniques.md").read_text() == render_techniques(found)
    assert [technique.name for technique in found.techniques] == list(TECHNIQUES)
