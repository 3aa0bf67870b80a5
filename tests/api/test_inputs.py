"""Images and labels of callers: read in any form, given back in the same."""

import numpy as np
import pytest

from gan_aug.api.inputs import read_caller_data

LAYOUTS = {
    "plain": lambda images: images,
    "last axis": lambda images: images[..., None],
    "first axis": lambda images: images[:, None],
    "rows": lambda images: images.reshape(len(images), -1),
    "rgb": lambda images: images[..., None].repeat(3, axis=-1),
    "rgb first": lambda images: images[:, None].repeat(3, axis=1),
    "unit floats": lambda images: (images / 255).astype(np.float32),
    "symmetric floats": lambda images: images / 127.5 - 1,
    "int64": lambda images: images.astype(np.int64),
}
NAMES = np.array(["zero", "one", "two"])
LABELS = {
    "numbers": lambda labels: labels,
    "names": lambda labels: NAMES[labels],
    "objects": lambda labels: NAMES.astype(object)[labels],
    "floats": lambda labels: labels.astype(float),
    "from 7": lambda labels: labels + 7,
    "column": lambda labels: labels[:, None],
    "one-hot": lambda labels: np.eye(3, dtype=int)[labels],
}


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (12, 16, 16), dtype=np.uint8)


@pytest.mark.parametrize("count", [0, 5])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_images_come_back_in_the_form_of_the_callers(images, layout, count):
    given = LAYOUTS[layout](images)
    data = read_caller_data(given, np.arange(12) % 3)
    kept = np.arange(12) < 9
    more = data.images[:count]
    extended, _ = data.extend(kept, more, data.names[:count])
    assert extended.dtype == given.dtype
    assert extended.shape == (9 + count, *given.shape[1:])
    np.testing.assert_array_equal(extended[:9], given[:9])
    np.testing.assert_allclose(extended[9:], given[:count], atol=1e-6)


@pytest.mark.parametrize("form", LABELS)
def test_labels_come_back_in_the_form_of_the_callers(images, form):
    given = LABELS[form](np.arange(12) % 3)
    data = read_caller_data(images, given)
    _, labels = data.extend(np.ones(12, bool), data.images[:4], data.names[[2, 1, 0, 2]])
    assert labels.dtype == given.dtype
    np.testing.assert_array_equal(labels[:12], given)
    np.testing.assert_array_equal(labels[12:], given[[2, 1, 0, 2]])


@pytest.mark.parametrize("mark", [-1, np.nan, None, ""])
def test_marks_of_unlabeled_images_are_known(images, mark):
    given = np.arange(12) % 3
    labels = given.astype(object) if mark in {None, ""} else given.astype(float)
    labels[[0, 5]] = mark
    data = read_caller_data(images, labels)
    assert np.flatnonzero(~data.labeled).tolist() == [0, 5]
