import io

import numpy as np
import pytest
from PIL import Image

from gan_aug.images import PseudoLabels
from gan_aug.reporting.galleries import (
    Change,
    render_changes,
    render_ends,
    render_extremes,
    render_grid,
    render_neighbors,
    render_strip,
)


def read(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))


def ink(png):
    """Share of a picture that is dark."""
    return (read(png) < 128).mean()


def test_grid_shows_every_image_dark_on_white():
    images = np.zeros((5, 28, 28), np.uint8)
    images[3] = 255
    pixels = read(render_grid(images, columns=2))[::2, ::2]
    assert pixels.shape == (3 * 30 + 2, 2 * 30 + 2)
    assert (pixels[32:60, 32:60] == 0).all()
    assert (pixels == 0).sum() == 28 * 28


def test_colors_stay_as_they_are_in_grid_and_strip():
    pictures = np.zeros((64, 32, 32, 3), np.uint8)
    pictures[..., 0] = 255
    grid = render_grid(pictures)
    for png in (grid, render_strip({1: grid, 2: grid})):
        pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3)
        assert (pixels == [255, 0, 0]).all(axis=1).mean() > 0.2


def test_the_strip_goes_from_the_first_step_to_the_last():
    """Grids grow darker with the step: so must the strip, from left to right."""
    grids = {
        step: render_grid(np.full((64, 28, 28), 25 * step, np.uint8)) for step in range(10, 0, -1)
    }
    columns = read(render_strip(grids))[60:200].mean(axis=0)
    shades = [part.min() for part in np.array_split(columns, 6)]
    assert shades == sorted(shades, reverse=True)
    assert len(set(shades)) == 6


@pytest.mark.parametrize("count", [1, 3])
def test_a_short_training_has_a_short_strip(count):
    grid = render_grid(np.zeros((64, 28, 28), np.uint8))
    assert read(render_strip(dict.fromkeys(range(count), grid))).ndim == 2


def test_the_most_confident_are_left_and_the_least_right():
    """Sure images are black and unsure ones white, so the left half must be the darker one."""
    confidence = np.linspace(0.2, 0.9, 400, dtype=np.float32)
    probabilities = np.repeat(((1 - confidence) / 9)[:, None], 10, axis=1)
    probabilities[np.arange(400), np.arange(400) % 10] = confidence
    images = np.zeros((400, 28, 28), np.uint8)
    images[confidence > 0.7] = 255
    picture = read(render_extremes(PseudoLabels(images, probabilities, np.zeros(400, np.uint8))))
    half = picture.shape[1] // 2
    assert (picture[:, :half] < 128).mean() > 0.6
    assert (picture[:, half:] < 128).mean() < 0.05


def test_changes_are_shown_as_far_as_there_is_room():
    change = Change(np.full((28, 28), 255, np.uint8), 9, 4)
    one, many = (
        ink(render_changes({"CNN: fixed": [change] * count, "CNN: broken": []}))
        for count in (1, 100)
    )
    assert many / one == pytest.approx(12, rel=0.2)


def test_neighbors_are_below_their_images():
    black, white = np.full((12, 28, 28), 255, np.uint8), np.zeros((12, 28, 28), np.uint8)
    picture = read(render_neighbors(black, white, np.arange(12, dtype=np.float32)))
    half = picture.shape[0] // 2
    assert (picture[:half] < 128).mean() > 0.4
    assert (picture[half:] < 128).mean() < 0.1


def test_both_ends_of_a_ranking_are_shown():
    """From black to white: the left half must be the darker one."""
    shades = np.linspace(255, 0, 100).astype(np.uint8)
    picture = read(render_ends(np.tile(shades[:, None, None], (1, 28, 28)), "first", "last"))
    half = picture.shape[1] // 2
    assert picture[40:, :half].mean() < 150
    assert picture[40:, half:].mean() > 200


def test_a_short_ranking_has_short_ends():
    assert read(render_ends(np.zeros((3, 28, 28), np.uint8), "first", "last")).ndim == 2
