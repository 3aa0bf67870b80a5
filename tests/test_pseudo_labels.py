import numpy as np
import pytest

from gan_aug.errors import UserError
from gan_aug.images import Decision
from gan_aug.pseudo_labels import pseudo_label
from gan_aug.settings.run import PseudoLabelConfig


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


def test_every_image_has_the_first_reason_that_holds(opinions):
    config = PseudoLabelConfig(confidence_threshold=0.5, margin_threshold=0.3, per_class=7)
    pseudo = pseudo_label(*opinions, config)
    unsure = pseudo.confidence < 0.5
    close = ~unsure & (pseudo.margin < 0.3)
    np.testing.assert_array_equal(pseudo.decisions == Decision.LOW_CONFIDENCE, unsure)
    np.testing.assert_array_equal(pseudo.decisions == Decision.SMALL_MARGIN, close)
    assert close.any()
    assert (pseudo.decisions == Decision.SURPLUS).any()
    assert (pseudo.margin[pseudo.accepted] >= 0.3).all()


def test_the_margin_is_the_lead_over_the_second(opinions):
    pseudo = pseudo_label(*opinions, PseudoLabelConfig(confidence_threshold=0))
    descending = -np.sort(-pseudo.probabilities, axis=1)
    np.testing.assert_allclose(pseudo.margin, descending[:, 0] - descending[:, 1])


@pytest.mark.parametrize("per_class", [3, 1000])
def test_balance_decides_how_much_room_a_class_has(opinions, per_class):
    accepted = {}
    for balance in ("none", "cap", "equal"):
        config = PseudoLabelConfig(confidence_threshold=0.8, per_class=per_class, balance=balance)
        pseudo = pseudo_label(*opinions, config)
        accepted[balance] = np.bincount(pseudo.labels[pseudo.accepted], minlength=10)
    eligible = np.bincount(pseudo.labels[pseudo.confidence >= 0.8], minlength=10)
    np.testing.assert_array_equal(accepted["cap"], np.minimum(eligible, per_class))
    np.testing.assert_array_equal(accepted["equal"], [min(eligible.min(), per_class)] * 10)
    assert accepted["none"].sum() == min(eligible.sum(), 10 * per_class)


def test_equal_shares_are_of_the_digits_that_there_are():
    probabilities = np.eye(10, dtype=np.float32)[[4, 4, 4, 7, 7]]
    config = PseudoLabelConfig(balance="equal")
    pseudo = pseudo_label(np.zeros((5, 28, 28), np.uint8), probabilities, config)
    assert pseudo.accepted.tolist() == [True, True, False, True, True]


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
    with pytest.raises(UserError, match=r"found none \(the highest confidence is 0\.\d+.*lower"):
        pseudo_label(images, probabilities, PseudoLabelConfig(confidence_threshold=0.9))
