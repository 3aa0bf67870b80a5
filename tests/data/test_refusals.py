"""Data that the pipeline has no networks or no numbers for, refused when they are read."""

import numpy as np
import pytest

from gan_aug.data.dataset import draw_labeled, split_arrays
from gan_aug.data.load import load_dataset
from gan_aug.errors import UserError
from gan_aug.images import LARGEST_SIDE, SMALLEST_SIDE

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


REFUSED = {
    "one class": (draw_arrays(classes=1), r"classes: expected 2 to 1,000, found 1; "),
    "more than 1,000 classes": (
        draw_arrays(classes=1001, train=2500),
        r"classes: expected 2 to 1,000, found 1,001; ",
    ),
    "a label far above the others": (relabel("y_train", 0, 70_000), r"labels: expected .* 70000; "),
    "more classes than images": (
        draw_arrays(classes=30, train=24, test=60),
        r"at least one training image a class, found 24 images and 30 classes; ",
    ),
    "a class with a single image": (
        relabel("y_train", 0, 3),
        r"at least 2 training images of every class, found 1 of class 3; add some, or leave",
    ),
    "a class only at the end": (
        relabel("y_train", slice(55, None), 3),
        r"found 0 of class 3; the last sixth was cut off for validation and has some: shuffle",
    ),
    "a class only among the test images": (
        relabel("y_test", 0, 3),
        r"found 0 of class 3; number the classes from 0 without gaps, or add some",
    ),
    "labels that begin with 1": (
        with_array("y_train", lambda labels: labels + 1),
        r"found 0 of class 0; number the classes from 0 without gaps, or add some",
    ),
    "not square": (
        draw_arrays(shape=(SIDE, 20)),
        r"images: expected grey or RGB squares of 16 to 256 .* in steps of 4, found 16x20 .*; res",
    ),
    "a side of 30": (draw_arrays(shape=(30, 30)), r"steps of 4, found 30x30 .*; resize them"),
    "a side of 12": (draw_arrays(shape=(12, 12)), r"16 to 256 .*, found 12x12 .*; resize them"),
    "a side of 260": (draw_arrays(shape=(260, 260)), r"16 to 256 .*, found 260x260 .*; resize"),
    "four channels": (
        draw_arrays(shape=(SIDE, SIDE, 4)),
        r"grey or RGB squares .*, found 16x16 with 4 channel\(s\); ",
    ),
    "rows of pixels": (
        draw_arrays(shape=(784,)),
        r"images: expected shape .*, found \(60, 784\); ",
    ),
    "test images of another shape": (
        with_array("x_test", lambda images: images.repeat(2, axis=1).repeat(2, axis=2)),
        r"images: expected shape \(n, 16, 16\), found \(12, 32, 32\); make all",
    ),
    "one test image": (draw_arrays(test=1), r"at least 2 test images, found 1; "),
    "one validation image": (draw_arrays(train=11), r"at least 12 training images, found 11; "),
    "no training images": (draw_arrays(train=0), r"at least 12 training images, found 0; "),
    "no test images": (draw_arrays(test=0), r"at least 2 test images, found 0; "),
    "floats": (
        with_array("x_train", lambda images: images / 255),
        r"images: expected dtype uint8 \(0 to 255\), found float64; convert them",
    ),
    "whole numbers of another kind": (
        with_array("x_test", lambda images: images.astype(np.int64)),
        r"images: expected dtype uint8 \(0 to 255\), found int64; convert them",
    ),
    "negative labels": (
        relabel("y_train", 0, -1),
        r"labels: expected numbers from 0 .* found -1 to 2; ",
    ),
    "labels that are no whole numbers": (
        with_array("y_train", lambda labels: labels / 2),
        r"labels: expected whole numbers of shape \(n,\), found float64 of \(60,\); ",
    ),
    "labels as distributions": (
        with_array("y_test", lambda labels: np.eye(3, dtype=int)[labels]),
        r"labels: expected whole numbers of shape \(n,\), found int64 of \(12, 3\); ",
    ),
    "more images than labels": (
        with_array("y_train", lambda labels: labels[:-1]),
        r"labels: expected shape \(60,\), one per image, found \(59,\)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused_in_one_line_that_names_the_source(tmp_path, case):
    arrays, message = REFUSED[case]
    path = tmp_path / "own.npz"
    np.savez(path, **arrays)
    with pytest.raises(UserError, match=rf"^own\.npz: .*{message}") as error:
        load_dataset(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("classes", "shape"),
    [
        (2, (SMALLEST_SIDE, SMALLEST_SIDE)),
        (3, (20, 20, 3)),
        (3, (LARGEST_SIDE, LARGEST_SIDE, 3)),
        (25, (28, 28)),
    ],
)
def test_what_can_be_used_is_taken(classes, shape):
    loaded = split_arrays("own", draw_arrays(classes, shape=shape))
    assert loaded.spec.shape == (*shape[:2], 3 if len(shape) == 3 else 1)
    assert len(loaded.spec.classes) == classes


def test_grey_images_may_have_an_axis_for_their_channel():
    plain = draw_arrays()
    channel = {name: a[..., None] if name[0] == "x" else a for name, a in plain.items()}
    found, expected = split_arrays("own", channel), split_arrays("own", plain)
    assert found.provenance == expected.provenance
    np.testing.assert_array_equal(found.train.images, expected.train.images)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.uint64])
def test_labels_may_be_any_whole_numbers(dtype):
    arrays = draw_arrays()
    arrays["y_train"] = arrays["y_train"].astype(dtype)
    assert split_arrays("own", arrays).train.labels.dtype == np.uint16


def test_the_smallest_data_set_has_two_images_in_every_part_and_two_of_a_class():
    loaded = split_arrays("own", draw_arrays(classes=2, train=12, test=2))
    assert loaded.provenance.images == {"train": 10, "validation": 2, "test": 2}


@pytest.mark.parametrize("budget", [2, 61])
def test_a_budget_below_the_number_of_classes_or_above_that_of_images_is_refused(budget):
    train = split_arrays("own", draw_arrays(train=72)).train
    with pytest.raises(UserError, match=rf"^labels: expected 3 \(one a class\) to 60 .*{budget}$"):
        draw_labeled(train, budget, seed=0)
    assert len(draw_labeled(train, 3, seed=0)) == 3
