import numpy as np

from gan_aug.gan.networks import build_generator
from gan_aug.gan.synthesis import generate_images


def test_same_seed_same_images_and_more_begin_with_the_fewer(tiny_dcgan):
    generator = build_generator(tiny_dcgan, (28, 28, 1))
    few, again, more, other = (
        generate_images(generator, count, seed=seed)
        for count, seed in ((5, 0), (5, 0), (600, 0), (5, 1))
    )
    assert few.shape == (5, 28, 28)
    assert few.dtype == np.uint8
    np.testing.assert_array_equal(few, again)
    np.testing.assert_allclose(few.astype(int), more[:5].astype(int), atol=1)
    assert not np.array_equal(few, other)
