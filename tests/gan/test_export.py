"""A generator of Keras's own layers is the same function, and needs no gan-aug."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from gan_aug.gan.export import export_generator
from gan_aug.gan.layers import find_code
from gan_aug.gan.networks import build_generator
from gan_aug.settings.dcgan import DcganConfig

GREY, COLOUR = (28, 28, 1), (32, 32, 3)
SMALL = {"generator_width": 16, "discriminator_width": 8}
NETWORKS = {
    "chapter": ({"architecture": "chapter", "clusters": 0}, GREY),
    "chapter with clusters": ({"architecture": "chapter", "clusters": 7}, COLOUR),
    "compact": ({"architecture": "compact", "clusters": 7}, GREY),
    "conditioned, in colour": (
        {"architecture": "compact", "clusters": 12, "condition": "teacher"},
        COLOUR,
    ),
    "paper": ({"architecture": "paper", "clusters": 0, "gradient_penalty": 0}, (64, 64, 3)),
    "virtual batches": ({"virtual_batch_normalization": 5, "clusters": 3}, GREY),
}
WITHOUT_US = """
import pathlib, sys
sys.modules["gan_aug"] = None
import keras
import numpy as np
for file in pathlib.Path(sys.argv[1]).glob("*.keras"):
    generator = keras.models.load_model(file)
    images = generator.predict(np.load(file.with_suffix(".npy")), verbose=0)
    np.save(file.with_suffix(".out.npy"), images)
"""


def make_generator(name, dtype_policy="float32"):
    """Return a generator that looks trained, and noise that is on edges between clusters too."""
    changes, shape = NETWORKS[name]
    generator = build_generator(DcganConfig(**SMALL | changes), shape, dtype_policy=dtype_policy)
    rng = np.random.default_rng(0)
    for weights in generator.weights:
        if weights.dtype == "float32":
            weights.assign(weights + 0.05 * rng.uniform(size=weights.shape))
    noise = rng.uniform(-1, 1, (40, 100)).astype(np.float32)
    if code := find_code(generator):
        code.set_shares(rng.dirichlet(np.ones(code.clusters)))
        edges = keras.ops.convert_to_numpy(code.edges)
        noise[: len(edges), 0] = edges
    return generator, noise


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_the_same_function(name):
    generator, noise = make_generator(name)
    images = generator.predict(noise, verbose=0)
    plain = export_generator(generator).predict(noise, verbose=0)
    np.testing.assert_allclose(plain, images, atol=2e-5)
    assert np.ptp(images) > 0.01, "the images differ, so that a wrong one would be seen"


def test_it_computes_in_float32_whatever_it_was_trained_in():
    generator, noise = make_generator("conditioned, in colour", "mixed_bfloat16")
    exact, _ = make_generator("conditioned, in colour")
    exact.set_weights(generator.get_weights())
    plain = export_generator(generator)
    assert {layer.dtype_policy.name for layer in plain.layers} == {"float32"}
    np.testing.assert_allclose(
        plain.predict(noise, verbose=0), exact.predict(noise, verbose=0), atol=2e-5
    )


def test_keras_loads_it_without_us(tmp_path):
    expected = {}
    for number, name in enumerate(NETWORKS):
        generator, noise = make_generator(name)
        export_generator(generator).save(tmp_path / f"{number}.keras")
        np.save(tmp_path / f"{number}.npy", noise)
        expected[number] = generator.predict(noise, verbose=0)
    call = [sys.executable, "-c", WITHOUT_US, str(tmp_path)]
    subprocess.run(call, check=True, capture_output=True)
    for number, images in expected.items():
        np.testing.assert_allclose(np.load(tmp_path / f"{number}.out.npy"), images, atol=2e-5)
