import dataclasses

import numpy as np
import pytest

from gan_aug.evaluation.comparison import Comparison
from gan_aug.evaluation.gates import check_gates, take_baseline
from gan_aug.images import PseudoLabels
from gan_aug.settings.run import GatesConfig

CONFIG = GatesConfig()
DIGESTS = {"x_train": "12", "y_train": "34"}


@pytest.fixture
def compare(make_score):
    """Return a maker of comparisons in which so many of 1,000 validation images are right."""

    def compare(right):
        confusion = np.zeros((10, 10), int)
        confusion[0, :2] = right, 1000 - right
        score = make_score(accuracy=right / 1000, confusion=confusion.tolist())
        test = score.model_copy(update={"split": "test", "accuracy": 0.1})
        return Comparison(verdict="", confidence_level=0.95, scores=[score, test])

    return compare


@pytest.fixture
def pseudo():
    probabilities = np.eye(10, dtype=np.float32)[np.arange(1000) % 10]
    return PseudoLabels(np.zeros((1000, 28, 28), np.uint8), probabilities, np.zeros(1000, np.uint8))


@pytest.fixture
def check(compare, pseudo):
    def check(right=950, before=950, digests=DIGESTS, pseudo=pseudo, quality=None):
        baseline = take_baseline(compare(before), DIGESTS) if before else None
        return check_gates(compare(right), digests, pseudo, quality, CONFIG, baseline)

    return check


def test_the_same_again_passes_and_so_does_the_first_run(check):
    assert check() == []
    assert check(before=None) == []
    assert check(right=990) == []


def test_other_data_are_noticed(check):
    [failure] = check(digests=DIGESTS | {"y_train": "56"})
    assert failure.gate == "data"
    assert "y_train" in failure.message
    assert "x_train" not in failure.message


@pytest.mark.parametrize(("right", "noticed"), [(949, False), (940, False), (925, True)])
def test_a_drop_is_noticed_once_chance_does_not_explain_it(check, right, noticed):
    failures = check(right=right)
    assert [failure.gate for failure in failures] == ["accuracy"] * noticed
    for failure in failures:
        assert (failure.expected, failure.found) == (0.95, right / 1000)


def test_a_digit_that_the_generator_lost_is_noticed(check, pseudo):
    probabilities = pseudo.probabilities.copy()
    probabilities[probabilities[:, 7] == 1] = np.eye(10, dtype=np.float32)[8]
    [failure] = check(pseudo=dataclasses.replace(pseudo, probabilities=probabilities))
    assert failure.gate == "class_share"
    assert failure.found == 0
    assert "of 7" in failure.message


@pytest.mark.parametrize(("distance", "noticed"), [(9.0, False), (11.0, True)])
def test_images_far_from_real_ones_are_noticed(check, make_quality, distance, noticed):
    failures = check(quality=make_quality(distance, 2.0))
    assert [failure.gate for failure in failures] == ["frechet_ratio"] * noticed
