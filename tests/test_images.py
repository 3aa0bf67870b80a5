import numpy as np
import pytest

from gan_aug.errors import UserError
from gan_aug.images import LabeledImages, one_hot, to_uint8, to_unit


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
        LabeledImages(images, labels)


def test_one_hot_puts_certainty_on_the_label():
    np.testing.assert_array_equal(
        one_hot(np.array([3], np.uint8)), [[0, 0, 0, 1, 0, 0, 0, 0, 0, 0]]
    )
