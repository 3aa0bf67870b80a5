"""Finished runs side by side."""

import numpy as np
import pytest

from gan_aug.evaluation.comparison import Comparison
from gan_aug.evaluation.runs import FinishedRun, Guesses, compare_runs
from gan_aug.settings.run import RunConfig

IMAGES = 200
RESAMPLES = {"resamples": 200}


@pytest.fixture
def make_run(make_score):
    """Return a maker of runs with one classifier, whose first ``right`` images are right."""

    def make_run(name, right, *, arms=("original",), digest="same", kept=True, **settings):
        truth = np.arange(IMAGES, dtype=np.uint16) % 10
        taken = np.where(np.arange(IMAGES) < right, truth, (truth + 1) % 10).astype(np.uint16)
        scores = [
            make_score(arm=arm, split=split, accuracy=right / IMAGES)
            for arm in arms
            for split in ("validation", "test")
        ]
        parts = [
            f"{part} {what}" for part in ("validation", "test") for what in ("images", "labels")
        ]
        guesses = Guesses(
            {"validation": truth, "test": truth},
            {(score.classifier, score.arm, score.split): taken for score in scores},
        )
        return FinishedRun(
            name,
            RunConfig(dataset="digits", comparison=RESAMPLES, **settings),
            Comparison(verdict="", confidence_level=0.95, scores=scores),
            dict.fromkeys(parts, digest) | {"train images": name},
            guesses if kept else None,
        )

    return make_run


def test_the_settings_that_differ_are_told_and_no_others(make_run):
    runs = [make_run("a", 100), make_run("b", 110, seed=3, cnn={"updates": 7})]
    found = compare_runs(runs)
    assert found.runs == ["a", "b"]
    assert found.settings == {"seed": [0, 3], "cnn.updates": [RunConfig().cnn.updates, 7]}


def test_runs_on_the_same_images_are_paired_image_by_image(make_run):
    found = compare_runs([make_run("a", 100), make_run("b", 110), make_run("c", 90)])
    assert found.notes == []
    for score in found.scores:
        assert score.accuracies == [0.5, 0.55, 0.45]
        better, worse = score.differences
        assert (better.gained, better.lost, better.difference) == (10, 0, pytest.approx(0.05))
        assert (worse.gained, worse.lost, worse.difference) == (0, 10, pytest.approx(-0.05))
        assert better.low > 0 > worse.high
        assert better.mcnemar_p == pytest.approx(2 / 2**10)


def test_an_arm_that_one_run_lacks_has_no_difference(make_run):
    found = compare_runs([make_run("a", 100), make_run("b", 110, arms=("original", "gan"))])
    [original, gan] = [score for score in found.scores if score.split == "test"]
    assert (original.accuracies, gan.accuracies) == ([0.5, 0.55], [None, 0.55])
    assert original.differences[0] is not None
    assert gan.differences == [None]
    assert found.notes == []


def test_runs_on_other_images_are_not_paired_and_it_is_said_why(make_run):
    found = compare_runs([make_run("a", 100), make_run("b", 110, digest="other")])
    assert all(score.differences == [None] for score in found.scores)
    assert found.notes == [
        f"a and b can't be paired: their {split} images are not the same"
        for split in ("validation", "test")
    ]


def test_a_run_without_predictions_is_not_paired_and_it_is_said_what_to_do(make_run):
    found = compare_runs([make_run("a", 100, kept=False), make_run("b", 110)])
    assert all(score.differences == [None] for score in found.scores)
    [note] = found.notes
    assert note.startswith("a kept no predictions")
    assert "run it again with the same arguments" in note
