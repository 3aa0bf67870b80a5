import numpy as np
import pytest

from gan_aug.errors import UserError
from gan_aug.images import Decision
from gan_aug.pseudo_labels import (
    accept_images,
    label_images,
    label_pool,
    name_training_images,
)
from gan_aug.settings.pseudo_labels import PseudoLabelConfig


def accept(images, probabilities, intended=None, **settings):
    acceptance = PseudoLabelConfig(**settings).acceptance
    return accept_images(images, probabilities, intended=intended, **acceptance)


@pytest.fixture
def opinions():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.full(10, 0.1), 300).astype(np.float32)
    return np.zeros((300, 28, 28), np.uint8), probabilities


@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("per_class", [1, 7, 1000])
def test_accepted_are_confident_and_no_class_overflows(opinions, threshold, per_class):
    pseudo = accept(*opinions, confidence_threshold=threshold, per_class=per_class)
    assert (pseudo.confidence[pseudo.accepted] >= threshold).all()
    counts = np.bincount(pseudo.labels[pseudo.accepted], minlength=10)
    confident = np.bincount(pseudo.labels[pseudo.confidence >= threshold], minlength=10)
    np.testing.assert_array_equal(counts, np.minimum(confident, per_class))


def test_every_image_has_the_first_reason_that_holds(opinions):
    pseudo = accept(*opinions, confidence_threshold=0.5, margin_threshold=0.3, per_class=7)
    unsure = pseudo.confidence < 0.5
    close = ~unsure & (pseudo.margin < 0.3)
    np.testing.assert_array_equal(pseudo.decisions == Decision.LOW_CONFIDENCE, unsure)
    np.testing.assert_array_equal(pseudo.decisions == Decision.SMALL_MARGIN, close)
    assert close.any()
    assert (pseudo.decisions == Decision.SURPLUS).any()
    assert (pseudo.margin[pseudo.accepted] >= 0.3).all()


def test_only_images_of_the_class_that_was_meant_are_accepted(opinions):
    intended = np.random.default_rng(1).integers(0, 10, 300).astype(np.uint16)
    pseudo = accept(*opinions, intended, confidence_threshold=0.5, per_class=2)
    unsure, other = pseudo.confidence < 0.5, pseudo.labels != intended
    assert (other & unsure).any()
    np.testing.assert_array_equal(pseudo.decisions == Decision.LOW_CONFIDENCE, unsure)
    np.testing.assert_array_equal(pseudo.decisions == Decision.DISAGREEMENT, other & ~unsure)
    np.testing.assert_array_equal(pseudo.agreement, ~other)
    eligible = np.bincount(pseudo.labels[~unsure & ~other], minlength=10)
    accepted = np.bincount(pseudo.labels[pseudo.accepted], minlength=10)
    np.testing.assert_array_equal(accepted, np.minimum(eligible, 2))


def test_intentions_that_the_teacher_shares_change_nothing(opinions):
    plain = accept(*opinions, confidence_threshold=0.5, per_class=7)
    meant = accept(*opinions, plain.labels, confidence_threshold=0.5, per_class=7)
    np.testing.assert_array_equal(meant.decisions, plain.decisions)
    assert plain.agreement is None
    assert meant.agreement.all()


def test_a_teacher_that_never_agrees_is_an_error(opinions):
    plain = accept(*opinions, confidence_threshold=0.5)
    with pytest.raises(UserError, match=r"takes all .* for another; .*--dcgan\.condition"):
        accept(*opinions, (plain.labels + 1) % 10, confidence_threshold=0.5)


def test_training_images_have_their_labels_where_these_may_be_seen(digits):
    """Else they have the teacher's, and a label that may not be seen changes nothing."""
    images, truth = digits.train.images[:50], digits.train.labels[:40]
    drawn = np.array([0, 7, 39])
    opinion = np.random.default_rng(0).dirichlet(np.ones(10), 50).astype(np.float32)

    def name(labels):
        return name_training_images(
            images, labels, drawn, ["teacher"], predict=lambda *_asked: opinion
        )

    named = name(truth)
    assert named.dtype == np.uint16
    np.testing.assert_array_equal(named[drawn], truth[drawn])
    others = np.delete(np.arange(50), drawn)
    np.testing.assert_array_equal(named[others], opinion.argmax(axis=1)[others])
    hidden = truth.copy()
    hidden[np.delete(np.arange(40), drawn)] = 9
    np.testing.assert_array_equal(name(hidden), named)


def test_the_margin_is_the_lead_over_the_second(opinions):
    pseudo = accept(*opinions, confidence_threshold=0)
    descending = -np.sort(-pseudo.probabilities, axis=1)
    np.testing.assert_allclose(pseudo.margin, descending[:, 0] - descending[:, 1])


@pytest.mark.parametrize("per_class", [3, 1000])
def test_balance_decides_how_much_room_a_class_has(opinions, per_class):
    accepted = {}
    for balance in ("none", "cap", "equal"):
        pseudo = accept(*opinions, confidence_threshold=0.8, per_class=per_class, balance=balance)
        accepted[balance] = np.bincount(pseudo.labels[pseudo.accepted], minlength=10)
    eligible = np.bincount(pseudo.labels[pseudo.confidence >= 0.8], minlength=10)
    np.testing.assert_array_equal(accepted["cap"], np.minimum(eligible, per_class))
    np.testing.assert_array_equal(accepted["equal"], [min(eligible.min(), per_class)] * 10)
    assert accepted["none"].sum() == min(eligible.sum(), 10 * per_class)


def accept_level(images, probabilities, labeled, **settings):
    acceptance = PseudoLabelConfig(balance="level", **settings).acceptance
    pseudo = accept_images(images, probabilities, labeled=labeled, **acceptance)
    return np.bincount(pseudo.labels[pseudo.accepted], minlength=10)


@pytest.mark.parametrize(("per_class", "target"), [(25, 25), (5, 20)])
def test_level_brings_labeled_and_accepted_images_of_every_class_to_one_number(
    opinions, per_class, target
):
    images, probabilities = opinions
    images, probabilities = images.repeat(5, axis=0), probabilities.repeat(5, axis=0)
    own = np.array([20, 17, 14, 12, 10, 8, 6, 4, 2, 0])
    labeled = np.repeat(np.arange(10), own)
    accepted = accept_level(
        images, probabilities, labeled, per_class=per_class, confidence_threshold=0.5
    )
    np.testing.assert_array_equal(own + accepted, target)
    assert accepted.argmax() == own.argmin()


def test_level_accepts_all_that_are_eligible_where_they_are_too_few(opinions):
    own = np.array([400, *[2] * 9])
    labeled = np.repeat(np.arange(10), own)
    accepted = accept_level(*opinions, labeled, confidence_threshold=0.8)
    pseudo = accept(*opinions, confidence_threshold=0.8)
    eligible = np.bincount(pseudo.labels[pseudo.confidence >= 0.8], minlength=10)
    np.testing.assert_array_equal(accepted, np.minimum(eligible, 1000 - own))
    few = accept_level(*opinions, labeled, confidence_threshold=0.8, per_class=10)
    np.testing.assert_array_equal(few, np.where(own == 400, 0, eligible))


def test_level_says_so_where_labeled_images_fill_every_class(opinions):
    with pytest.raises(UserError, match=r"all \d+ eligible ones are of classes that are full"):
        accept_level(*opinions, np.repeat(np.arange(10), 20), per_class=20)


@pytest.mark.parametrize("balance", ["none", "cap", "equal"])
def test_labeled_images_count_for_level_alone(opinions, balance):
    """The other decisions are the same whatever is labeled, and level needs to know it."""
    acceptance = PseudoLabelConfig(balance=balance, per_class=4).acceptance
    plain = accept_images(*opinions, **acceptance)
    counted = accept_images(*opinions, labeled=np.zeros(99, int), **acceptance)
    np.testing.assert_array_equal(plain.decisions, counted.decisions)
    with pytest.raises(ValueError, match="expected the labels that may be seen"):
        accept(*opinions, balance="level")


def test_equal_shares_are_of_the_digits_that_there_are():
    probabilities = np.eye(10, dtype=np.float32)[[4, 4, 4, 7, 7]]
    pseudo = accept(np.zeros((5, 28, 28), np.uint8), probabilities, balance="equal")
    assert pseudo.accepted.tolist() == [True, True, False, True, True]


def test_classes_fill_in_the_order_of_generation_not_of_confidence():
    probabilities = np.full((3, 10), 0.01, np.float32)
    probabilities[:, 4] = [0.91, 0.92, 0.99]
    pseudo = accept(np.zeros((3, 28, 28), np.uint8), probabilities, per_class=2)
    assert pseudo.accepted.tolist() == [True, True, False]


def test_a_threshold_that_accepts_nothing_is_an_error_that_says_what_would(opinions):
    images, probabilities = opinions
    probabilities = probabilities * 0.5
    with pytest.raises(UserError, match=r"found none \(the highest confidence is 0\.\d+.*lower"):
        accept(images, probabilities, confidence_threshold=0.9)


@pytest.mark.parametrize("classes", [2, 47])
def test_any_number_of_classes_has_room_each(classes):
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.full(classes, 0.05), 600).astype(np.float32)
    images = np.zeros((600, 16, 16, 3), np.uint8)
    pseudo = accept(images, probabilities, confidence_threshold=0.5, per_class=3)
    counts = np.bincount(pseudo.labels[pseudo.accepted], minlength=classes)
    assert counts.max() == 3
    assert len(counts) == classes
    assert pseudo.labels.dtype == np.uint16
    assert (pseudo.confidence >= 1 / classes - 1e-6).all()


def answer(network, images, on_progress):
    """What a network says: it is sure of the class that its images' first pixel names."""
    on_progress(len(images), {})
    sure = np.eye(4, dtype=np.float32)[images[:, 0, 0]]
    return network * sure + (1 - network) / 4


@pytest.fixture
def numbered():
    """Images whose first pixel names their class."""
    return np.arange(8, dtype=np.uint8)[:, None, None] % 4 * np.ones((1, 16, 16), np.uint8)


def test_several_networks_label_by_their_mean_and_tell_what_they_have_seen(numbered):
    seen = []
    acceptance = PseudoLabelConfig(confidence_threshold=0.5).acceptance
    pseudo = label_images(
        numbered,
        [np.float32(1.0), np.float32(0.5)],
        predict=answer,
        on_progress=lambda done, metrics: seen.append(done),
        **acceptance,
    )
    assert pseudo.labels.tolist() == [0, 1, 2, 3] * 2
    np.testing.assert_allclose(pseudo.confidence, (1 + 0.625) / 2)
    assert seen == [8, 8]


def test_a_temperature_makes_a_teacher_less_sure(numbered):
    acceptance = PseudoLabelConfig(confidence_threshold=0.0).acceptance
    plain, cooled = (
        label_images(numbered, [np.float32(0.9)], predict=answer, temperature=t, **acceptance)
        for t in (1.0, 3.0)
    )
    assert cooled.confidence.max() < plain.confidence.min()
    np.testing.assert_array_equal(cooled.labels, plain.labels)


def test_the_pool_is_every_training_image_that_was_not_drawn(numbered):
    acceptance = PseudoLabelConfig().acceptance
    drawn = np.array([0, 3, 5])
    pool = label_pool(numbered, drawn, [np.float32(1.0)], predict=answer, **acceptance)
    assert pool.labels.tolist() == [1, 2, 0, 2, 3]
    np.testing.assert_array_equal(pool.images, numbered[[1, 2, 4, 6, 7]])


def test_level_counts_the_labeled_images_of_either_source(numbered):
    labels = np.arange(8, dtype=np.uint16) % 4
    asked = {"networks": [np.float32(1.0)], "predict": answer, "drawn": np.array([0, 1, 4])}
    asked |= PseudoLabelConfig(balance="level", per_class=2).acceptance
    synthetic = label_images(numbered, train_labels=labels, **asked)
    assert np.bincount(synthetic.labels[synthetic.accepted]).tolist() == [0, 1, 2, 2]
    pool = label_pool(numbered, train_labels=labels, **asked)
    assert pool.labels[pool.accepted].tolist() == [2, 3, 1, 2, 3]
