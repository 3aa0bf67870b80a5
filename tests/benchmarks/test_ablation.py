"""The comparison of variants draw by draw, and a whole ablation on small digits."""

import subprocess
import sys
from pathlib import Path

import pytest
from scipy import stats

from benchmarks.ablation import VARIANTS, Ablation, compare_variant, render_ablation
from gan_aug.evaluation.study import summarize_study

ROOT = Path(__file__).parents[2]


@pytest.fixture
def gather(make_score):
    """Return a maker of studies of the CNN's ``gan`` arm."""

    def gather(accuracies):
        scores = [
            make_score(arm=arm, split=split, budget=100, seed=seed, accuracy=accuracy + lead)
            for seed, accuracy in enumerate(accuracies)
            for arm, split, lead in (
                ("gan", "validation", 0),
                ("gan", "test", 0.05),
                ("original", "validation", 0.05),
            )
        ]
        return summarize_study(scores, [], confidence_level=0.95)

    return gather


def test_a_variant_is_compared_draw_by_draw_on_validation_images_of_the_gan_arm(gather):
    before, after = [0.8, 0.7, 0.9], [0.82, 0.71, 0.93]
    [effect] = compare_variant("some", gather(before), gather(after), "")
    expected = stats.ttest_rel(after, before).confidence_interval(0.95)
    assert effect.difference - effect.margin == pytest.approx(expected.low)
    assert effect.difference + effect.margin == pytest.approx(expected.high)
    assert (effect.labels, effect.draws, effect.classifier) == (100, 3, "cnn")


@pytest.mark.slow
def test_variants_are_measured_and_rendered(tmp_path):
    flags = (
        "--preset smoke --dataset digits --device cpu --cnn.updates 2 --dcgan.steps 2 "
        "--synthesis.images 40 --pseudo-labels.confidence-threshold 0 --comparison.resamples 100"
    )
    command = [sys.executable, "-m", "benchmarks.ablation", "--budgets", "50", "--draws", "2"]
    command += ["--classifiers", "lightgbm", "--artifacts", tmp_path / "artifacts"]
    command += ["--root", tmp_path, "--flags", flags, "hard labels"]
    subprocess.run(command, cwd=ROOT, check=True)
    ablation = Ablation.model_validate_json((tmp_path / "artifacts/ablation.json").read_bytes())
    assert [effect.variant for effect in ablation.effects] == ["hard labels"]
    page = (tmp_path / "docs" / "ablation.md").read_text()
    assert page == render_ablation(ablation)
    assert "| hard labels | " in page
    assert "LightGBM, 50 labels" in page


def test_an_unknown_variant_is_refused():
    command = [sys.executable, "-m", "benchmarks.ablation", "no such"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode
    assert "expected some of" in done.stderr
    assert "no such" in done.stderr


def test_the_committed_page_is_that_of_the_committed_numbers():
    ablation = Ablation.model_validate_json((ROOT / "artifacts/ablation.json").read_bytes())
    assert (ROOT / "docs" / "ablation.md").read_text() == render_ablation(ablation)
    assert {effect.variant for effect in ablation.effects} <= set(VARIANTS)
