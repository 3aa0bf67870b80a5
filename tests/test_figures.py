import io

import numpy as np
from PIL import Image

from gan_aug.figures import render_grid


def test_grid_shows_every_image_dark_on_white():
    images = np.zeros((5, 28, 28), np.uint8)
    images[3] = 255
    pixels = np.asarray(Image.open(io.BytesIO(render_grid(images, columns=2, scale=1))))
    assert pixels.shape == (3 * 30 + 2, 2 * 30 + 2)
    assert (pixels[32:60, 32:60] == 0).all()
    assert (pixels == 0).sum() == 28 * 28
