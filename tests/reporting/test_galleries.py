import io

import numpy as np
import pytest
from PIL import Image

from gan_aug.images import PseudoLabels
from gan_aug.reporting.galleries import (
    Change,
    Neighbors,
    render_changes,
    render_ends,
    render_extremes,
    render_grid,
    render_neighbors,
    render_sheet,
    render_strip,
)


def read(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))


def ink(png):
    """Share of a picture that is dark."""
    return ink_of(read(png))


def ink_of(pixels):
    return (pixels < 128).mean()


def test_grid_shows_every_image_dark_on_white():
    images = np.zeros((5, 28, 28), np.uint8)
    images[3] = 255
    pixels = read(render_grid(images, columns=2))[::2, ::2]
    assert pixels.shape == (3 * 30 + 2, 2 * 30 + 2)
    assert (pixels[32:60, 32:60] == 0).all()
    assert (pixels == 0).sum() == 28 * 28


@pytest.mark.parametrize("count", [1, 10, 23])
def test_a_sheet_has_every_image_with_a_number_above_it(count):
    black = np.full((count, 28, 28), 255, np.uint8)
    rows = -(-count // 10)
    pixels = read(render_sheet(black, range(1, count + 1)))
    assert pixels.shape[0] == pytest.approx(1.35 * 120 * rows, abs=2)
    band = pixels[: len(pixels) // rows]
    columns = min(count, 10)
    # Tiles are black blocks; what else is dark are the numbers above them.
    tiles = (band < 128).mean(axis=0) > 0.5
    assert np.count_nonzero(np.diff(tiles.astype(int)) == 1) == columns
    above = band[: int(np.argmax((band < 128).mean(axis=1) > 0.05))]
    assert (above < 128).any()


def make_red(count, side=32):
    pictures = np.zeros((count, side, side, 3), np.uint8)
    pictures[..., 0] = 255
    return pictures


def share_of_red(png):
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3)
    return (pixels == [255, 0, 0]).all(axis=1).mean()


def test_colors_stay_as_they_are_in_every_gallery():
    red = make_red(64)
    pseudo = PseudoLabels(
        red, np.eye(2, dtype=np.float32)[np.arange(64) % 2], np.zeros(64, np.uint8)
    )
    change = Change(red[0], "cat", "dog")
    pairs = Neighbors(red[:10], red[:10], np.zeros(10, np.float32), ["red"] * 10)
    galleries = [
        (0.4, render_sheet(red, range(64))),
        (0.8, render_grid(red)),
        (0.2, render_strip(np.stack([red] * 6), range(6))),
        (0.4, render_extremes(pseudo, ("cat", "dog"))),
        (0.4, render_ends(red, "first", "last")),
        (0.2, render_changes({"CNN: fixed": [change] * 12})),
        (0.4, render_neighbors(pairs)),
    ]
    for least, png in galleries:
        assert share_of_red(png) > least


@pytest.mark.parametrize(("side", "width"), [(16, 292), (64, 1060), (256, 2066)])
def test_a_grid_is_enlarged_as_far_as_it_stays_handy(side, width):
    assert read(render_grid(np.zeros((64, side, side), np.uint8))).shape == (width, width)


def test_large_images_take_no_more_room_than_small_ones():
    small, large = (
        read(render_ends(np.zeros((80, side, side), np.uint8), "first", "last"))
        for side in (28, 256)
    )
    assert small.shape == large.shape
    assert ink_of(small) == pytest.approx(ink_of(large), abs=0.1)


def test_the_strip_goes_from_the_first_step_to_the_last():
    """Samples grow darker with the step: so must the strip, from left to right."""
    samples = np.stack([np.full((64, 28, 28), 25 * step, np.uint8) for step in range(1, 11)])
    columns = read(render_strip(samples, range(1, 11)))[60:200].mean(axis=0)
    shades = [part.min() for part in np.array_split(columns, 6)]
    assert shades == sorted(shades, reverse=True)
    assert len(set(shades)) == 6


@pytest.mark.parametrize("count", [1, 3])
def test_a_short_training_has_a_short_strip(count):
    samples = np.zeros((count, 64, 28, 28), np.uint8)
    assert read(render_strip(samples, range(count))).ndim == 2


def make_pseudo(count, classes, threshold=0.7):
    """Sure images are black and unsure ones white; classes take turns."""
    confidence = np.linspace(0.2, 0.9, count, dtype=np.float32)
    probabilities = np.repeat(((1 - confidence) / (classes - 1))[:, None], classes, axis=1)
    probabilities[np.arange(count), np.arange(count) % classes] = confidence
    images = np.zeros((count, 28, 28), np.uint8)
    images[confidence > threshold] = 255
    return PseudoLabels(images, probabilities, np.zeros(count, np.uint8))


def test_the_most_confident_are_left_and_the_least_right():
    picture = read(render_extremes(make_pseudo(400, 10), tuple("0123456789")))
    half = picture.shape[1] // 2
    assert (picture[:, :half] < 128).mean() > 0.6
    assert (picture[:, half:] < 128).mean() < 0.05


def test_twenty_of_many_classes_have_a_row():
    heights = [
        read(render_extremes(make_pseudo(20 * classes, classes), ["x"] * classes)).shape[0]
        for classes in (10, 20, 47)
    ]
    assert heights[0] < heights[1] == heights[2]


def test_a_class_without_images_has_an_empty_row():
    probabilities = np.tile(np.float32([0.9, 0.1]), (4, 1))
    pseudo = PseudoLabels(np.full((4, 16, 16), 255, np.uint8), probabilities, np.zeros(4, np.uint8))
    picture = read(render_extremes(pseudo, ("cat", "dog")))
    upper, lower = np.array_split(picture[picture.shape[0] // 4 :, 200:], 2)
    assert (upper < 128).mean() > 0.1
    assert (lower < 128).mean() < 0.01


def test_changes_are_shown_as_far_as_there_is_room():
    change = Change(np.full((28, 28), 255, np.uint8), "9", "4")
    one, many = (
        ink(render_changes({"CNN: fixed": [change] * count, "CNN: broken": []}))
        for count in (1, 100)
    )
    assert many / one == pytest.approx(12, rel=0.2)


def test_neighbors_are_below_their_images():
    black, white = np.full((10, 28, 28), 255, np.uint8), np.zeros((10, 28, 28), np.uint8)
    pairs = Neighbors(black, white, np.arange(10, dtype=np.float32), ["cat"] * 10)
    picture = read(render_neighbors(pairs))
    half = picture.shape[0] // 2
    assert (picture[:half] < 128).mean() > 0.4
    assert (picture[half:] < 128).mean() < 0.1


def test_more_than_ten_pairs_of_neighbors_go_below():
    images = np.zeros((20, 28, 28), np.uint8)
    ten, twenty = (
        read(
            render_neighbors(
                Neighbors(images[:n], images[:n], np.zeros(n, np.float32), ["cat"] * n)
            )
        )
        for n in (10, 20)
    )
    assert twenty.shape == (2 * ten.shape[0], ten.shape[1])


def test_both_ends_of_a_ranking_are_shown():
    """From black to white: the left half must be the darker one."""
    shades = np.linspace(255, 0, 100).astype(np.uint8)
    picture = read(render_ends(np.tile(shades[:, None, None], (1, 28, 28)), "first", "last"))
    half = picture.shape[1] // 2
    assert picture[40:, :half].mean() < 150
    assert picture[40:, half:].mean() > 200


def test_a_short_ranking_has_short_ends():
    assert read(render_ends(np.zeros((3, 28, 28), np.uint8), "first", "last")).ndim == 2
