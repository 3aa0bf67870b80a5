import tracemalloc

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


def test_images_are_in_memory_once_and_noise_a_batch_at_a_time(tiny_dcgan):
    generator = build_generator(tiny_dcgan, (16, 16, 1))
    generate_images(generator, 1, seed=0)
    tracemalloc.start()
    try:
        small, large = (measure_peak(generator, count) for count in (2_000, 12_000))
    finally:
        tracemalloc.stop()
    assert (large - small) / 10_000 < 1.1 * 16 * 16


def measure_peak(generator, count):
    """Return the most bytes that were in use while so many images were generated."""
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    images = generate_images(generator, count, seed=0)
    _, peak = tracemalloc.get_traced_memory()
    assert len(images) == count
    return peak - before
