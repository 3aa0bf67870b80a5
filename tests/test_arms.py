import dataclasses

import numpy as np
import pytest

from gan_aug.arms import (
    ARMS,
    CONTRASTS,
    STUDY_ARMS,
    Material,
    bound_accepted,
    build_training_set,
    check_arms,
    count_missing,
    list_buildable,
    transform_images,
)
from gan_aug.errors import UserError
from gan_aug.images import ImageSpec, LabeledImages, PseudoLabels, one_hot
from gan_aug.settings.augmentation import AugmentationConfig

LABELED = 40
COPIES = 500
ADDING = ("gan", "shift", "gan+shift", "real_pool", "gan+real_pool")


def draw_pseudo(images, seed):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(10), len(images)).astype(np.float32)
    decisions = rng.integers(0, 2, len(images)).astype(np.uint8)
    return PseudoLabels(images, probabilities, decisions)


@pytest.fixture
def material(digits):
    return Material(
        digits.train.take(np.arange(LABELED)),
        AugmentationConfig(),
        targets="soft",
        copies=COPIES,
        seed=0,
        synthetic=draw_pseudo(digits.test.images[:100], seed=0),
        pool=draw_pseudo(digits.validation.images[:70], seed=1),
    )


def change(material, **settings):
    config = material.config.model_copy(update=settings)
    return dataclasses.replace(material, config=config)


def test_the_original_arm_is_the_true_labels_with_weight_one(material):
    original = ARMS["original"].build(material)
    np.testing.assert_array_equal(original.images, material.labeled.images)
    np.testing.assert_array_equal(original.targets, one_hot(material.labeled.labels, 10))
    assert (original.weights == 1).all()


@pytest.mark.parametrize("arm", ARMS)
def test_an_arm_takes_what_it_says_it_needs_and_its_mean_weight_is_one(material, arm):
    unneeded = {need: None for need in ("synthetic", "pool") if need not in ARMS[arm].needs}
    built = ARMS[arm].build(dataclasses.replace(material, **unneeded))
    assert built.images.shape == (len(built), 28, 28)
    assert built.images.dtype == np.uint8
    assert built.targets.shape == (len(built), 10)
    np.testing.assert_allclose(built.targets.sum(1), 1, rtol=1e-5)
    assert built.weights.mean() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("arm", ADDING)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_labels_of_originals_never_change_and_additions_carry_their_share(material, arm, share):
    many = np.arange(len(material.synthetic.images)).repeat(10)
    known = material.synthetic
    pseudo = PseudoLabels(known.images[many], known.probabilities[many], known.decisions[many])
    plenty = dataclasses.replace(material, synthetic=pseudo, pool=pseudo)
    built = ARMS[arm].build(change(plenty, added_share=share))
    np.testing.assert_array_equal(built.images[:LABELED], material.labeled.images)
    np.testing.assert_array_equal(built.targets[:LABELED], one_hot(material.labeled.labels, 10))
    assert built.weights[LABELED:].sum() / built.weights.sum() == pytest.approx(share, rel=1e-5)


@pytest.mark.parametrize("arm", ADDING)
@pytest.mark.parametrize("copies", [10, 1000])
def test_no_added_image_counts_more_than_a_labeled_one(material, arm, copies):
    pseudo = dataclasses.replace(material.synthetic, decisions=np.ones(100, np.uint8))
    pseudo.decisions[:10] = 0
    few = dataclasses.replace(material, synthetic=pseudo, pool=pseudo, copies=copies)
    weights = ARMS[arm].build(few).weights
    assert weights[LABELED:].max() <= weights[0] * (1 + 1e-6)
    assert weights[:LABELED].min() == weights[:LABELED].max() >= 1


def test_arms_have_the_images_that_they_say(material):
    accepted = material.synthetic.accepted.sum()
    sizes = {arm: len(ARMS[arm].build(material)) for arm in ARMS}
    assert sizes["gan"] == LABELED + accepted
    assert sizes["shift"] == sizes["repeat"] == LABELED + COPIES
    assert sizes["gan+shift"] == LABELED + accepted + COPIES
    assert sizes["synthetic_only"] == accepted
    assert sizes["real_pool"] == LABELED + material.pool.accepted.sum()
    assert sizes["gan+real_pool"] == sizes["real_pool"] + accepted


def test_synthetic_and_real_images_of_one_teacher_carry_half_of_the_added_weight_each(material):
    """However many there are of each; without the others, either kind carries all of it."""
    synthetic, pool = (pseudo.accepted.sum() for pseudo in (material.synthetic, material.pool))
    assert synthetic != pool
    both = change(material, added_share=0.4)
    weights = ARMS["gan+real_pool"].build(both).weights
    added, real = weights[LABELED : LABELED + synthetic], weights[LABELED + synthetic :]
    assert len(real) == pool
    assert added.sum() == pytest.approx(real.sum(), rel=1e-5)
    assert added.sum() == pytest.approx(0.2 * weights.sum(), rel=1e-5)
    none = dataclasses.replace(material.synthetic, decisions=np.ones(100, np.uint8))
    alone = ARMS["gan+real_pool"].build(dataclasses.replace(both, synthetic=none))
    real_pool = ARMS["real_pool"].build(both)
    np.testing.assert_array_equal(alone.images, real_pool.images)
    np.testing.assert_array_equal(alone.weights, real_pool.weights)


def test_an_arm_is_compared_with_arms_that_lack_some_of_its_images():
    assert ARMS["original"].baselines == ()
    assert all(arm.baselines[0] == "original" for arm in list(ARMS.values())[1:])
    assert CONTRASTS == (("gan+real_pool", "real_pool"),)
    for arm, baseline in CONTRASTS:
        assert ARMS[arm].needs - ARMS[baseline].needs == {"synthetic"}
        assert ARMS[baseline].adds


@pytest.mark.parametrize("arm", ARMS)
def test_an_arm_adds_as_many_sets_of_images_as_it_says(material, arm):
    """Of no more images each than there are copies: what a run needs memory for."""
    accepted = dataclasses.replace(material.synthetic, decisions=np.zeros(100, np.uint8))
    most = dataclasses.replace(material, synthetic=accepted, pool=accepted, copies=100)
    labeled = 0 if arm == "synthetic_only" else LABELED
    counts = list(material.labeled.spec.count_images(material.labeled.labels).values())
    repeated = count_missing(counts) if ARMS[arm].evens == "images" else 0
    assert len(ARMS[arm].build(most)) == labeled + 100 * ARMS[arm].additions + repeated


@pytest.mark.parametrize("arm", ARMS)
def test_arms_of_other_images_and_classes_have_their_shapes(arm):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (12, 16, 16, 3), dtype=np.uint8)
    spec = ImageSpec((16, 16, 3), ("cat", "dog", "owl"))
    labeled = LabeledImages(images, np.arange(12, dtype=np.uint16) % 3, spec)
    pseudo = PseudoLabels(
        images, rng.dirichlet(np.ones(3), 12).astype(np.float32), np.zeros(12, np.uint8)
    )
    built = build_training_set(
        labeled,
        np.array([0, 1, 2, 5]),
        arm,
        config=AugmentationConfig(),
        targets="hard",
        copies=7,
        seed=0,
        synthetic=pseudo,
        pool=pseudo,
    )
    assert built.images.shape == (len(built), 16, 16, 3)
    assert built.classes == 3
    if arm != "synthetic_only":
        np.testing.assert_array_equal(built.images[:4], images[[0, 1, 2, 5]])


def test_no_more_are_accepted_than_there_are_or_than_classes_have_room_for():
    assert bound_accepted(10, 1000, 15_000) == 10_000
    assert bound_accepted(10, 1000, 500) == 500


@pytest.mark.parametrize(
    ("arm", "source"),
    [("gan", "synthetic"), ("synthetic_only", "synthetic"), ("real_pool", "pool")],
)
def test_soft_targets_are_the_teachers_and_hard_ones_its_top_class(material, arm, source):
    pseudo = getattr(material, source)
    count = pseudo.accepted.sum()
    soft, hard = (
        ARMS[arm].build(dataclasses.replace(material, targets=targets)).targets[-count:]
        for targets in ("soft", "hard")
    )
    np.testing.assert_array_equal(soft, pseudo.probabilities[pseudo.accepted])
    np.testing.assert_array_equal(hard, one_hot(pseudo.labels[pseudo.accepted], 10))


def test_nothing_accepted_or_no_share_reproduces_the_original_arm(material):
    none = dataclasses.replace(material.synthetic, decisions=np.ones(100, np.uint8))
    nothing = dataclasses.replace(material, synthetic=none, copies=0)
    for same in (nothing, change(material, added_share=0.0)):
        for arm in ("gan", "shift", "gan+shift"):
            built = ARMS[arm].build(same)
            np.testing.assert_array_equal(built.images, material.labeled.images)
            assert (built.weights == 1).all()


@pytest.mark.parametrize("arm", ["gan", "gan+shift", "real_pool", "gan+real_pool"])
def test_images_of_a_teacher_carry_as_much_as_it_is_trusted(material, arm):
    added = np.zeros(len(ARMS[arm].build(material)), bool)
    added[LABELED:] = True
    if ARMS[arm].copies:
        added[-COPIES:] = False
    full, half = (
        ARMS[arm].build(dataclasses.replace(material, trust=trust)) for trust in (1.0, 0.5)
    )
    np.testing.assert_array_equal(full.images, half.images)
    ratio = half.weights / full.weights
    assert ratio[added] == pytest.approx(0.5 * ratio[0])
    assert ratio[~added] == pytest.approx(ratio[0])


@pytest.mark.parametrize(
    ("arm", "without"),
    [
        ("gan", "original"),
        ("real_pool", "original"),
        ("gan+real_pool", "original"),
        ("gan+shift", "shift"),
    ],
)
def test_without_trust_an_arm_is_what_it_would_be_without_a_teacher(material, arm, without):
    built = ARMS[arm].build(dataclasses.replace(material, trust=0.0))
    expected = ARMS[without].build(material)
    np.testing.assert_array_equal(built.images, expected.images)
    np.testing.assert_array_equal(built.targets, expected.targets)
    np.testing.assert_array_equal(built.weights, expected.weights)


def test_synthetic_images_alone_are_trusted_in_any_case(material):
    full, none = (
        ARMS["synthetic_only"].build(dataclasses.replace(material, trust=trust))
        for trust in (1.0, 0.0)
    )
    np.testing.assert_array_equal(full.images, none.images)
    np.testing.assert_array_equal(full.weights, none.weights)


def test_repetition_shows_every_labeled_image_equally_often(material):
    built = ARMS["repeat"].build(material)
    _, times = np.unique(built.images.reshape(len(built), -1), axis=0, return_counts=True)
    assert times.max() - times.min() <= 1


def test_transformed_images_are_moved_within_bounds_and_depend_on_the_seed(material):
    images = material.labeled.images
    still = AugmentationConfig(shift=0, rotation=0, zoom=0)
    np.testing.assert_array_equal(transform_images(images, still, seed=0), images)
    assert (
        len({transform_images(images, material.config, seed=s).tobytes() for s in (0, 0, 1)}) == 2
    )


@pytest.mark.parametrize("shape", [(28, 28), (16, 16), (64, 64), (28, 28, 3), (64, 64, 3)])
def test_a_shift_is_bounded_by_its_share_of_the_side(shape):
    side = shape[0]
    dot = np.zeros((200, *shape), np.uint8)
    middle = slice(side // 2 - 1, side // 2 + 1)
    dot[:, middle, middle] = 255
    moved = transform_images(dot, AugmentationConfig(shift=0.1, rotation=0, zoom=0), seed=0)
    assert moved.shape == dot.shape
    assert moved.dtype == np.uint8
    grey = moved.reshape(200, side, side, -1).sum(axis=3, dtype=float)
    for axis in (1, 2):
        places = (grey.sum(axis=3 - axis) * np.arange(side)).sum(axis=1) / grey.sum(axis=(1, 2))
        farthest = np.abs(places - (side - 1) / 2).max()
        assert 0.08 * side < farthest < 0.1 * side + 0.1


def test_the_default_shift_is_two_of_mnists_pixels():
    """To the last bit: the amounts are drawn between -2 and 2."""
    images = np.random.default_rng(1).integers(0, 256, (20, 28, 28), dtype=np.uint8)
    config = AugmentationConfig(rotation=0, zoom=0)
    found = transform_images(images, config, seed=0)
    exact = config.model_copy(update={"shift": 2 / 28})
    np.testing.assert_array_equal(found, transform_images(images, exact, seed=0))


def test_the_channels_of_an_image_move_together():
    grey = np.random.default_rng(0).integers(0, 256, (5, 32, 32), dtype=np.uint8)
    colored = transform_images(np.repeat(grey[..., None], 3, axis=3), AugmentationConfig(), seed=0)
    np.testing.assert_array_equal(colored[..., 0], colored[..., 1])
    np.testing.assert_array_equal(colored[..., 0], colored[..., 2])
    inside = slice(8, 24)
    np.testing.assert_array_equal(
        colored[:, inside, inside, 0],
        transform_images(grey, AugmentationConfig(), seed=0)[:, inside, inside],
    )


def test_what_comes_into_view_is_black_in_grey_images_and_goes_on_from_the_edge_in_rgb_ones():
    config = AugmentationConfig(shift=0.2, rotation=0, zoom=0)
    assert transform_images(np.full((20, 16, 16), 200, np.uint8), config, seed=0).min() == 0
    assert (transform_images(np.full((20, 16, 16, 3), 200, np.uint8), config, seed=0) == 200).all()


def sum_weights(built):
    return np.bincount(built.targets.argmax(axis=1), weights=built.weights, minlength=10)


@pytest.fixture
def imbalanced(material, digits):
    """40 labeled images of class 0, then ever fewer, and none of class 9."""
    places = [np.flatnonzero(digits.train.labels == c)[: 40 // (c + 1)] for c in range(9)]
    return dataclasses.replace(material, labeled=digits.train.take(np.concatenate(places)))


def test_class_weights_are_of_the_same_images_and_sum_to_the_same_for_every_class(imbalanced):
    built = ARMS["class_weight"].build(imbalanced)
    original = ARMS["original"].build(imbalanced)
    np.testing.assert_array_equal(built.images, original.images)
    np.testing.assert_array_equal(built.targets, original.targets)
    np.testing.assert_allclose(sum_weights(built), [len(built) / 9] * 9 + [0], rtol=1e-5)
    counts = np.bincount(imbalanced.labeled.labels)
    np.testing.assert_allclose(built.weights * counts[imbalanced.labeled.labels], len(built) / 9)


def test_oversampling_repeats_the_images_of_every_class_to_the_size_of_the_largest(imbalanced):
    labeled = imbalanced.labeled
    built = ARMS["oversample"].build(imbalanced)
    labels = built.targets.argmax(axis=1)
    assert np.bincount(labels, minlength=10).tolist() == [40] * 9 + [0]
    np.testing.assert_array_equal(built.images[: len(labeled)], labeled.images)
    assert (built.weights == 1).all()
    for label in range(9):
        own = labeled.images[labeled.labels == label].reshape(-1, 28 * 28)
        found, times = np.unique(
            built.images[labels == label].reshape(-1, 28 * 28), axis=0, return_counts=True
        )
        np.testing.assert_array_equal(found, np.unique(own, axis=0))
        assert times.max() - times.min() <= 1


@pytest.mark.parametrize("arm", ["class_weight", "oversample"])
def test_arms_that_even_classes_are_the_original_where_labels_are_balanced(material, digits, arm):
    """A study, whose labels are, leaves them out."""
    places = [np.flatnonzero(digits.train.labels == label)[:3] for label in range(10)]
    balanced = dataclasses.replace(material, labeled=digits.train.take(np.concatenate(places)))
    built, original = ARMS[arm].build(balanced), ARMS["original"].build(balanced)
    np.testing.assert_array_equal(built.images, original.images)
    np.testing.assert_array_equal(built.weights, original.weights)
    assert set(ARMS) - set(STUDY_ARMS) == {"class_weight", "oversample"}


def build_level(material, arm, level):
    """Build an arm as a run does."""
    given = {"synthetic": material.synthetic, "pool": material.pool, "copies": 50, "level": level}
    return build_training_set(material.labeled, np.arange(len(material.labeled)), arm, **given)


@pytest.mark.parametrize(
    "arm", ["gan", "gan+shift", "real_pool", "gan+real_pool", "synthetic_only"]
)
def test_every_class_of_a_leveled_set_carries_equal_weight(imbalanced, arm):
    plain, built = (build_level(imbalanced, arm, level=level) for level in (False, True))
    np.testing.assert_array_equal(built.images, plain.images)
    np.testing.assert_array_equal(built.targets, plain.targets)
    assert np.ptp(sum_weights(plain)) > 1
    np.testing.assert_allclose(sum_weights(built), len(built) / 10, rtol=1e-4)
    assert built.weights.mean() == pytest.approx(1, rel=1e-5)
    factors = built.weights / plain.weights
    labels = built.targets.argmax(axis=1)
    assert all(np.ptp(factors[labels == label]) < 1e-4 for label in range(10))


def test_images_that_bring_all_classes_to_one_size_are_counted():
    assert count_missing([40, 10, 0]) == 70
    assert count_missing([40, 10, 0], least=50) == 100
    assert count_missing([7, 7]) == 0


def test_no_images_are_transformed_to_none():
    assert len(transform_images(np.zeros((0, 28, 28), np.uint8), AugmentationConfig(), seed=0)) == 0


def test_a_pool_without_images_is_refused_before_any_work():
    check_arms(["original", "real_pool"], unlabeled=1)
    check_arms(["original", "gan"], unlabeled=0)
    with pytest.raises(UserError, match=r"for `real_pool`, found that all have .* leave it out"):
        check_arms(["original", "real_pool"], unlabeled=0)


def test_every_arm_that_lacks_a_pool_is_named_and_no_other():
    arms = ["original", "gan", "gan+real_pool"]
    with pytest.raises(UserError, match=r"images for `gan\+real_pool`, found"):
        check_arms(arms, unlabeled=0)
    with pytest.raises(UserError, match=r"`real_pool` and `gan\+real_pool`, .* leave them out"):
        check_arms(["real_pool", *arms], unlabeled=0)
    assert list_buildable(arms, unlabeled=0) == ("original", "gan")
