import numpy as np
import pytest

from gan_aug.config import PseudoLabelConfig
from gan_aug.errors import UserError
from gan_aug.pseudo_label import LOW_CONFIDENCE, SURPLUS, pseudo_label


@pytest.fixture
def opinions():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.full(10, 0.1), 300).astype(np.float32)
    return np.zeros((300, 28, 28), np.uint8), probabilities


@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("per_class", [1, 7, 1000])
def test_accepted_are_confident_and_no_class_overflows(opinions, threshold, per_class):
    pseudo = pseudo_label(
        *opinions, PseudoLabelConfig(confidence_threshold=threshold, per_class=per_class)
    )
    assert (pseudo.confidence[pseudo.accepted] >= threshold).all()
    counts = np.bincount(pseudo.labels[pseudo.accepted], minlength=10)
    confident = np.bincount(pseudo.labels[pseudo.confidence >= threshold], minlength=10)
    np.testing.assert_array_equal(counts, np.minimum(confident, per_class))


def test_every_rejection_is_counted_with_its_reason(opinions):
    pseudo = pseudo_label(*opinions, PseudoLabelConfig(confidence_threshold=0.5, per_class=7))
    assert pseudo.rejected[LOW_CONFIDENCE] == (pseudo.confidence < 0.5).sum()
    assert pseudo.rejected[SURPLUS] > 0
    assert pseudo.accepted.sum() + sum(pseudo.rejected.values()) == 300


def test_classes_fill_in_the_order_of_generation_not_of_confidence():
    probabilities = np.full((3, 10), 0.01, np.float32)
    probabilities[:, 4] = [0.91, 0.92, 0.99]
    pseudo = pseudo_label(
        np.zeros((3, 28, 28), np.uint8), probabilities, PseudoLabelConfig(per_class=2)
    )
    assert pseudo.accepted.tolist() == [True, True, False]


def test_a_threshold_that_accepts_nothing_is_an_error_that_says_what_would(opinions):
    images, probabilities = opinions
    probabilities = probabilities * 0.5
    with pytest.raises(UserError, match=r"found none \(the highest is 0\.\d+\).*lower"):
        pseudo_label(images, probabilities, PseudoLabelConfig(confidence_threshold=0.9))
