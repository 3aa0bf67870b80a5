import numpy as np
import pytest

from gan_aug.errors import UserError
from gan_aug.images import (
    Decision,
    ImageSpec,
    LabeledImages,
    PseudoLabels,
    TrainingSet,
    add_channel,
    check_shape,
    digest_array,
    image_shape,
    one_hot,
    to_uint8,
    to_unit,
)

DIGITS = ImageSpec((28, 28, 1), tuple("0123456789"))


def test_every_grey_level_survives_the_way_to_the_networks_and_back():
    levels = np.zeros((1, 28, 28), np.uint8)
    levels.flat[:256] = np.arange(256)
    unit = to_unit(levels)
    assert unit.shape == (1, 28, 28, 1)
    assert (unit.dtype, unit.min(), unit.max()) == (np.float32, 0, 1)
    np.testing.assert_array_equal(to_uint8(unit), levels)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((2, 27, 28), np.uint8), np.zeros(2, int), "shape"),
        (np.zeros((0, 28, 28), np.uint8), np.zeros(0, int), "shape"),
        (np.zeros((2, 28, 28), np.float32), np.zeros(2, int), "uint8"),
        (np.zeros((2, 28, 28), np.uint8), np.zeros(3, int), "one per image"),
        (np.zeros((2, 28, 28), np.uint8), np.array([0, 10]), "0 to 9"),
        (np.zeros((2, 28, 28), np.uint8), np.array([-1, 3]), "0 to 9"),
        (np.zeros((2, 28, 28), np.uint8), np.zeros(2), "whole numbers"),
    ],
)
def test_wrong_arrays_are_refused_with_what_was_expected(images, labels, message):
    with pytest.raises(UserError, match=message):
        LabeledImages(images, labels, DIGITS)


def test_one_hot_puts_certainty_on_the_label():
    np.testing.assert_array_equal(
        one_hot(np.array([3], np.uint16), 10), [[0, 0, 0, 1, 0, 0, 0, 0, 0, 0]]
    )
    assert one_hot(np.array([0, 46]), 47).shape == (2, 47)
    assert one_hot(np.array([1]), 2).dtype == np.float32


def test_every_level_of_every_channel_survives_likewise():
    levels = np.arange(3 * 16 * 16).reshape(1, 16, 16, 3).astype(np.uint8)
    unit = to_unit(levels)
    assert unit.shape == (1, 16, 16, 3)
    np.testing.assert_array_equal(to_uint8(unit), levels)


def test_values_beyond_the_range_are_cut_and_not_wrapped():
    unit = np.array([-0.5, 0.0, 1.0, 1.5], np.float32).reshape(1, 2, 2, 1)
    assert to_uint8(unit).ravel().tolist() == [0, 0, 255, 255]


def test_grey_images_get_a_channel_and_rgb_ones_have_theirs():
    assert add_channel(np.zeros((2, 16, 16), np.uint8)).shape == (2, 16, 16, 1)
    assert add_channel(np.zeros((2, 16, 16, 3), np.uint8)).shape == (2, 16, 16, 3)
    assert image_shape(np.zeros((2, 16, 20), np.uint8)) == (16, 20, 1)
    assert image_shape(np.zeros((2, 16, 16, 3), np.uint8)) == (16, 16, 3)


@pytest.mark.parametrize(
    "shape", [(16, 16, 1), (28, 28, 1), (28, 28, 3), (36, 36, 3), (256, 256, 3)]
)
def test_there_are_networks_for_squares_in_steps_of_four(shape):
    check_shape(shape)


@pytest.mark.parametrize(
    "shape",
    [(12, 12, 1), (30, 30, 1), (29, 29, 3), (260, 260, 1), (28, 32, 1), (28, 28, 2), (28, 28, 4)],
)
def test_there_are_none_for_others_which_are_told_what_to_do(shape):
    found = rf"found {shape[0]}x{shape[1]} with {shape[2]} channel.*; resize them"
    with pytest.raises(UserError, match=found):
        ImageSpec(shape, ("a", "b"))


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ((), "expected 2 to 1,000, found 0"),
        (("a",), "expected 2 to 1,000, found 1"),
        (tuple(map(str, range(1001))), "expected 2 to 1,000, found 1,001"),
        (("a", "b", "a"), "expected different names, found a, b, a"),
    ],
)
def test_classes_are_two_to_a_thousand_different_ones(classes, message):
    with pytest.raises(UserError, match=f"classes: {message}"):
        ImageSpec((28, 28, 1), classes)
    assert len(ImageSpec((28, 28, 1), tuple(map(str, range(1000)))).classes) == 1000


def test_images_are_counted_by_the_names_of_their_classes():
    spec = ImageSpec((28, 28, 1), ("cat", "dog", "owl"))
    assert spec.count_images(np.array([2, 0, 2], np.uint16)) == {"cat": 1, "dog": 0, "owl": 2}


def test_a_part_of_labeled_images_keeps_order_labels_and_spec():
    images = np.arange(4, dtype=np.uint8)[:, None, None] * np.ones((1, 28, 28), np.uint8)
    labeled = LabeledImages(images, np.array([3, 1, 2, 0], np.uint16), DIGITS)
    part = labeled.take(np.array([2, 0]))
    assert (len(labeled), len(part)) == (4, 2)
    assert part.labels.tolist() == [2, 3]
    assert part.images[:, 0, 0].tolist() == [2, 0]
    assert part.spec is DIGITS


def test_pseudo_labels_are_what_the_teacher_is_surest_of():
    probabilities = np.array([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4]], np.float32)
    decisions = np.array([Decision.ACCEPTED, Decision.SURPLUS], np.uint8)
    pseudo = PseudoLabels(np.zeros((2, 16, 16), np.uint8), probabilities, decisions)
    assert pseudo.labels.tolist() == [1, 0]
    np.testing.assert_allclose(pseudo.confidence, [0.7, 0.5])
    np.testing.assert_allclose(pseudo.margin, [0.5, 0.1], rtol=1e-6)
    assert pseudo.accepted.tolist() == [True, False]


def test_a_training_set_knows_the_classes_that_it_has_no_image_of():
    training_set = TrainingSet(
        np.zeros((2, 16, 16), np.uint8), one_hot(np.array([0, 1]), 5), np.ones(2, np.float32)
    )
    assert (len(training_set), training_set.classes) == (2, 5)


def test_a_digest_is_of_the_values_and_not_of_how_they_lie():
    array = np.arange(6).reshape(2, 3)
    assert digest_array(array) == digest_array(np.asfortranarray(array))
    assert digest_array(array) == digest_array(np.repeat(array, 2, axis=1)[:, ::2])
    assert digest_array(array) != digest_array(array + 1)
