import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from gan_aug.images import to_unit
from gan_aug.representation import views
from gan_aug.representation.views import (
    VIEWS,
    Changes,
    change_images,
    choose_views,
    compare_mirrored,
)

SEED = tf.constant([1, 2])
AMOUNTS = [field.name for field in dataclasses.fields(Changes)]
ALONE = {name: True if name == "flip" else 0.5 for name in AMOUNTS}


@pytest.fixture
def pictures():
    return np.random.default_rng(0).random((6, 20, 20, 3)).astype(np.float32)


def test_nothing_to_change_changes_nothing(pictures):
    np.testing.assert_allclose(change_images(pictures, Changes(), SEED), pictures, atol=1e-5)


@pytest.mark.parametrize("name", AMOUNTS)
def test_each_change_changes_images_and_keeps_their_shape_and_range(pictures, name):
    changed = change_images(pictures, Changes(**{name: ALONE[name]}), SEED).numpy()
    assert changed.shape == pictures.shape
    assert changed.dtype == np.float32
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert not np.allclose(changed, pictures, atol=1e-3)


@pytest.mark.parametrize("kind", VIEWS)
def test_one_seed_makes_one_view_and_another_another(pictures, kind):
    for changes in dataclasses.astuple(VIEWS[kind], tuple_factory=lambda pairs: pairs):
        known = Changes(*changes)
        first, again, other = (
            change_images(pictures, known, tf.constant(seed)) for seed in ([1, 2], [1, 2], [1, 3])
        )
        np.testing.assert_array_equal(first, again)
        assert not np.allclose(first, other, atol=1e-3)
    assert not np.allclose(first[0], first[1])


def test_pixels_between_pixels_are_interpolated(pictures):
    """As SciPy does it, and the edge goes on outside."""
    rng = np.random.default_rng(1)
    places = rng.uniform(-3, 22, (6, 2, 400)).astype(np.float32)
    found = views.sample_pixels(tf.constant(pictures), tf.constant(places)).numpy()
    for picture, at, sampled in zip(pictures, places, found, strict=True):
        for channel in range(3):
            expected = ndimage.map_coordinates(picture[..., channel], at, order=1, mode="nearest")
            np.testing.assert_allclose(sampled[..., channel].ravel(), expected, atol=1e-5)


def test_mirrored_images_are_the_images_or_their_mirror_images(pictures):
    mirrored = change_images(pictures, Changes(flip=True), SEED).numpy()
    same = [np.allclose(a, b, atol=1e-4) for a, b in zip(mirrored, pictures, strict=True)]
    turned = [
        np.allclose(a, b[:, ::-1], atol=1e-4) for a, b in zip(mirrored, pictures, strict=True)
    ]
    assert [a or b for a, b in zip(same, turned, strict=True)] == [True] * 6
    assert any(same)
    assert any(turned)


def test_a_crop_is_inside_the_image():
    ramp = np.linspace(0, 1, 20, dtype=np.float32)
    images = np.broadcast_to(ramp[None, :, None, None], (200, 20, 20, 1))
    cropped = change_images(tf.constant(images), Changes(crop=0.6), SEED).numpy()
    extent = cropped[:, -1, 0, 0] - cropped[:, 0, 0, 0]
    assert extent.min() > 0.35
    assert extent.max() < 1
    # Where a view went beyond the edge, its last rows would be alike.
    assert np.diff(cropped[:, :, 0, 0], axis=1).min() > 0.01


def test_marks_keep_their_side_and_photos_may_not():
    assert not any(changes.flip for changes in vars(VIEWS["marks"]).values())
    assert VIEWS["photos"].strong.flip


def test_writing_is_not_mirrored(real):
    assert compare_mirrored(real.images) > 1.25
    assert choose_views("auto", real.images) == VIEWS["marks"]
    assert choose_views("photos", real.images) == VIEWS["photos"]


def test_things_that_face_either_way_are_mirrored(real, caplog):
    images = np.concatenate([real.images, real.images[:, :, ::-1]])
    colored = np.repeat(images[..., None], 3, axis=3)
    assert compare_mirrored(images) < 1
    with caplog.at_level("INFO"):
        assert choose_views("auto", colored) == VIEWS["photos"]
    assert "views: photos" in caplog.text
    assert choose_views("marks", colored) == VIEWS["marks"]


def test_a_sample_of_a_kind_decides_as_all_of_it(digits, monkeypatch):
    monkeypatch.setattr(views, "SAMPLE_PIXELS", 200 * 28 * 28)
    assert compare_mirrored(digits.train.images) > 1.25


def test_the_teacher_learns_from_milder_views_than_the_encoder(real):
    """On average over real digits, weak ones change least and those of the encoder most."""
    images = to_unit(real.images[:200])
    known = VIEWS["marks"]
    changed = [
        np.abs(change_images(images, changes, SEED).numpy() - images).mean()
        for changes in (known.weak, known.strong, known.contrast)
    ]
    assert changed == sorted(changed)
