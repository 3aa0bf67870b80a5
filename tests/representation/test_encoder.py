"""The stages around the encoder: what they share, and the features that images are compared by."""

import numpy as np
import pytest

from gan_aug.components import estimate_components, reduce_images
from gan_aug.data.dataset import describe_dataset
from gan_aug.device import Compute
from gan_aug.representation.encoder import describe_encoder, join_features
from gan_aug.settings.encoder import EncoderConfig


@pytest.fixture(scope="module")
def kinds():
    rng = np.random.default_rng(0)
    return tuple(3 * rng.normal(size=(20, width)).astype(np.float32) for width in (4, 7))


def find_similarities(features):
    rows = features / np.linalg.norm(features, axis=1, keepdims=True)
    return rows @ rows.T


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_joined_features_are_as_alike_as_the_weighted_mean_of_both(kinds, share):
    first, second = (find_similarities(kind) for kind in kinds)
    joined = join_features(*kinds, share=share)
    assert joined.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(joined, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(joined @ joined.T, (1 - share) * first + share * second, atol=1e-6)


def test_runs_that_weigh_pixels_otherwise_share_the_encoder(digits):
    data = describe_dataset(digits.provenance, digits)

    def describe(**changes):
        return describe_encoder(data, EncoderConfig(**changes), seed=1, compute=Compute())

    assert describe(pixel_share=0.5) == describe(pixel_share=0.0) == describe(seed=1)
    assert describe(steps=7) != describe()


def test_components_keep_what_differs_most():
    rng = np.random.default_rng(0)
    images = np.zeros((60, 16, 16), np.uint8)
    images[:, 0, 0] = rng.integers(0, 256, 60)
    images[:, 5, 5] = rng.integers(0, 3, 60)
    reduced = reduce_images(images, seed=0)
    assert reduced.shape == (60, 40)
    first = np.corrcoef(reduced[:, 0], images[:, 0, 0])[0, 1]
    assert abs(first) == pytest.approx(1, abs=1e-3)


def test_an_estimate_of_their_memory_has_the_pixels_of_all_images():
    assert estimate_components((16, 16, 3), 1000) > 1000 * 16 * 16 * 3 * 4
