"""Data that the pipeline has no networks or no numbers for, refused before images are read."""

import numpy as np
import pytest
from sources import load, split_arrays

from gan_aug.data.dataset import draw_labeled, share_budget
from gan_aug.data.load import check_dataset
from gan_aug.errors import UserError
from gan_aug.images import LARGEST_SIDE, SMALLEST_SIDE
from gan_aug.settings.data import DataConfig

SIDE = 16


def draw_arrays(classes=3, train=60, test=12, shape=(SIDE, SIDE)):
    """Random images whose labels go round the classes."""
    rng = np.random.default_rng(0)
    return {
        "x_train": rng.integers(0, 256, (train, *shape), dtype=np.uint8),
        "y_train": np.arange(train) % classes,
        "x_test": rng.integers(0, 256, (test, *shape), dtype=np.uint8),
        "y_test": np.arange(test) % classes,
    }


def relabel(part, place, label):
    """Arrays in which one image, or one and all after it, have another label."""
    arrays = draw_arrays()
    arrays[part][place] = label
    return arrays


def with_array(name, change):
    arrays = draw_arrays()
    return arrays | {name: change(arrays[name])}


# What headers and labels tell, before an image is read.
EARLY = {
    "one class": (draw_arrays(classes=1), r"classes: expected 2 to 1,000, found 1; "),
    "more than 1,000 classes": (
        draw_arrays(classes=1001, train=2500),
        r"classes: expected 2 to 1,000, found 1,001; ",
    ),
    "more classes than images to hold out": (
        draw_arrays(classes=30, train=60, test=60),
        r"one labeled image of each of 30 classes in the validation part .* makes 9 of 60; change",
    ),
    "a class with a single image": (
        relabel("y_train", 0, 3),
        r"at least 2 labeled training images of every class, found 1 of class 3; label more",
    ),
    "a class only among the test images": (
        relabel("y_test", 0, 3),
        r"found 0 of class 3; label more, or leave the class out of every part",
    ),
    "not square": (
        draw_arrays(shape=(SIDE, 20)),
        r"images: expected grey or RGB squares of 16 to 256 .* in steps of 4, found 16x20 .*--side",
    ),
    "a side of 30": (draw_arrays(shape=(30, 30)), r"steps of 4, found 30x30 .*; resize them"),
    "a side of 12": (draw_arrays(shape=(12, 12)), r"16 to 256 .*, found 12x12 .*; resize them"),
    "a side of 260": (
        draw_arrays(shape=(260, 260)),
        r"16 to 256 .*, found 260x260 .*; resize",
    ),
    "four channels": (
        draw_arrays(shape=(SIDE, SIDE, 4)),
        r"x_train: expected images of shape .*, found \(60, 16, 16, 4\); .* leave out channels",
    ),
    "rows of pixels that make no square": (
        draw_arrays(shape=(783,)),
        r"x_train: expected images of shape .*, found \(60, 783\); ",
    ),
    "test images of another shape": (
        with_array("x_test", lambda images: images.repeat(2, axis=1).repeat(2, axis=2)),
        r"test images: expected 16x16 grey, .* found 32x32 grey; make all of one shape",
    ),
    "test images with color": (
        with_array("x_test", lambda images: np.repeat(images[..., None], 3, axis=-1)),
        r"test images: expected 16x16 grey, .* found 16x16 RGB; make all of one shape",
    ),
    "one test image": (draw_arrays(test=1), r"at least 2 test images, found 1; intervals"),
    "too few to hold some out": (
        draw_arrays(train=6),
        r"--validation-share makes 1 of 6; change the share, label more, or bring",
    ),
    "no training images": (
        draw_arrays(train=0),
        r"at least 2 labeled training images of every class, found 0 of class 0; ",
    ),
    "no test images": (draw_arrays(test=0), r"at least 2 test images, found 0; "),
    "negative labels": (
        relabel("y_train", 0, -2),
        r"y_train: expected numbers from 0, or -1 .*, found -2; number the classes",
    ),
    "unlabeled test images": (
        relabel("y_test", slice(0, 3), -1),
        r"test images: expected a label for each, found 3 of 12 without; leave these out, or",
    ),
    "labels that are no whole numbers": (
        with_array("y_train", lambda labels: labels / 2),
        r"y_train: expected whole numbers or names, found 0\.5; ",
    ),
    "labels as distributions": (
        with_array("y_test", lambda labels: np.full((12, 3), 1 / 3)),
        r"y_test: expected one-hot rows, .* found others in an array of shape \(12, 3\) float64",
    ),
    "labels of three axes": (
        with_array("y_test", lambda labels: np.zeros((12, 1, 3), int)),
        r"y_test: expected one label an image, .* found shape \(12, 1, 3\); reshape",
    ),
    "more images than labels": (
        with_array("y_train", lambda labels: labels[:-1]),
        r"y_train: expected 60 labels, one for each image of x_train, found 59; ",
    ),
    "a class with a name that no table shows": (
        with_array("y_train", lambda labels: np.array(["a\nb", "c", "d"])[labels]),
        r"y_train: expected names of at most 100 printable characters, found 'a\\nb'; ",
    ),
}
# What pixels tell.
LATE = {
    "floats out of range": (
        with_array("x_train", lambda images: images * 1.5),
        r"x_train: expected whole numbers from 0 to 255, or floats .*, found float64 from 0 to 38",
    ),
    "floats that may be levels": (
        with_array("x_train", lambda images: images / 2),
        r"x_train: .* or floats from 0 to 1 or from -1 to 1, found float64 from 0 to 127\.5; scale",
    ),
    "whole numbers out of range": (
        with_array("x_train", lambda images: images.astype(int) * 2),
        r"x_train: expected whole numbers from 0 to 255, found int64 from 0 to 510; scale",
    ),
    "zeros and ones": (
        with_array("x_train", lambda images: images % 2),
        r"x_train: expected levels from 0 to 255, found uint8 of 0 and 1 alone, .* by 255 if",
    ),
    "pixels that are missing": (
        with_array("x_train", lambda images: np.where(images == 7, np.nan, images)),
        r"x_train: expected finite pixels, found nan to nan; replace",
    ),
    "a test part of another range": (
        with_array("x_test", lambda images: images.astype(int) * 2),
        r"x_test: expected pixels from 0 to 255, as the training images have, found 0 to 510; ",
    ),
}


def assert_one_line(error, path):
    assert str(error.value).startswith((f"{path.name}: ", f"{path}: "))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("case", EARLY)
def test_what_headers_and_labels_tell_is_refused_before_images_are_read(tmp_path, case):
    arrays, message = EARLY[case]
    path = tmp_path / "own.npz"
    np.savez(path, **arrays)
    with pytest.raises(UserError, match=message) as error:
        check_dataset(DataConfig(dataset=str(path)), {})
    assert_one_line(error, path)
    with pytest.raises(UserError, match=message):
        load(path)


@pytest.mark.parametrize("case", LATE)
def test_what_pixels_tell_is_refused_in_one_line_that_names_the_source(tmp_path, case):
    arrays, message = LATE[case]
    path = tmp_path / "own.npz"
    np.savez(path, **arrays)
    check_dataset(DataConfig(dataset=str(path)), {})
    with pytest.raises(UserError, match=message) as error:
        load(path)
    assert_one_line(error, path)


@pytest.mark.parametrize(
    ("classes", "shape"),
    [
        (2, (SMALLEST_SIDE, SMALLEST_SIDE)),
        (3, (20, 20, 3)),
        (3, (LARGEST_SIDE, LARGEST_SIDE, 3)),
        (9, (28, 28)),
    ],
)
def test_what_can_be_used_is_taken(classes, shape):
    loaded = split_arrays("own", draw_arrays(classes, shape=shape))
    assert loaded.spec.shape == (*shape[:2], 3 if len(shape) == 3 else 1)
    assert len(loaded.spec.classes) == classes


def test_the_smallest_data_set_has_two_images_in_every_part_and_two_of_a_class():
    loaded = split_arrays("own", draw_arrays(classes=2, train=12, test=2))
    assert loaded.provenance.images == {"validation": 2, "test": 2, "train": 10}


@pytest.mark.parametrize("budget", [2, 61])
def test_a_budget_below_the_number_of_classes_or_above_that_of_images_is_refused(tmp_path, budget):
    arrays = draw_arrays(train=72)
    train = split_arrays("own", arrays).train
    message = rf"labels: expected 3 \(one a class\) to 61 .*, found {budget + (budget > 2)}$"
    with pytest.raises(UserError, match=message):
        draw_labeled(train, budget + (budget > 2), seed=0)
    np.savez(tmp_path / "own.npz", **arrays)
    with pytest.raises(UserError, match=message):
        check_dataset(DataConfig(dataset=str(tmp_path / "own.npz")), {}, [budget + (budget > 2)])
    assert len(draw_labeled(train, 3, seed=0)) == 3


def test_labels_are_shared_as_evenly_as_the_images_allow():
    order = np.array([2, 0, 1, 3])
    counts = np.array([100, 2, 100, 5])
    assert share_budget(counts, 4, order).tolist() == [1, 1, 1, 1]
    assert share_budget(counts, 6, order).tolist() == [2, 1, 2, 1]
    assert share_budget(counts, 20, order).tolist() == [6, 2, 7, 5]
    assert share_budget(counts, 207, order).tolist() == counts.tolist()


def test_a_class_with_fewer_images_than_others_get_is_said(caplog):
    caplog.set_level("INFO")
    arrays = draw_arrays(train=90)
    arrays["y_train"] = np.where(np.arange(90) < 8, 2, np.arange(90) % 2)
    train = split_arrays("own", arrays).train
    drawn = draw_labeled(train, 40, seed=0)
    counts = np.bincount(train.labels[drawn])
    assert counts.tolist() == [17, 16, 7] or counts.tolist() == [16, 17, 7]
    assert "at most 17 of a class; these have no more: 2 7" in caplog.text
