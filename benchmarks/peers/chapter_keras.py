"""The chapter's training loop in plain Keras; a unit is one step.

A. Patel, "Hands-On Unsupervised Learning Using Python" (2019), ch. 12: ``predict``, then
``train_on_batch`` of the discriminator on 256 real and 256 generated images, then
``train_on_batch`` of both networks in a row on fresh noise. As in the chapter, the discriminator
stays trainable in the second, so that its gradients are computed and applied there too.
"""

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from benchmarks.peers import read_mnist
from benchmarks.worker import Facts, Pause

BATCH_SIZE = 256
LATENT_DIM = 100
WARM_UP_STEPS = 2


def run(pause: Pause) -> Facts:
    """Take steps, one a unit."""
    keras.utils.set_random_seed(0)
    images = read_mnist()[0][..., None].astype(np.float32) / 255
    generator, discriminator = build_generator(), build_discriminator()
    compile_player(discriminator, learning_rate=2e-4, decay=6e-8)
    adversarial = keras.Sequential([keras.Input((LATENT_DIM,)), generator, discriminator])
    compile_player(adversarial, learning_rate=1e-4, decay=3e-8)

    def take_step() -> None:
        reals = images[np.random.randint(0, len(images), BATCH_SIZE)]  # noqa: NPY002 - as in the chapter
        fakes = generator.predict(draw_noise(), verbose=0)
        labels = np.ones((2 * BATCH_SIZE, 1))
        labels[BATCH_SIZE:] = 0
        discriminator.train_on_batch(np.concatenate([reals, fakes]), labels)
        adversarial.train_on_batch(draw_noise(), np.ones((BATCH_SIZE, 1)))

    for _ in range(WARM_UP_STEPS):
        take_step()
    while pause() is not None:
        take_step()
    return {
        "generator_parameters": generator.count_params(),
        "discriminator_parameters": discriminator.count_params(),
        "precision": "float32",
    }


def build_generator() -> keras.Model:
    """``(n, 100)`` noise → ``(n, 28, 28, 1)`` in [0, 1]."""
    return keras.Sequential(
        [
            keras.Input((LATENT_DIM,)),
            layers.Dense(7 * 7 * 256),
            *normalized_relu(),
            layers.Reshape((7, 7, 256)),
            layers.Dropout(0.3),
            layers.UpSampling2D(),
            layers.Conv2DTranspose(128, 5, padding="same"),
            *normalized_relu(),
            layers.UpSampling2D(),
            layers.Conv2DTranspose(64, 5, padding="same"),
            *normalized_relu(),
            layers.Conv2DTranspose(32, 5, padding="same"),
            *normalized_relu(),
            layers.Conv2DTranspose(1, 5, padding="same"),
            layers.Activation("sigmoid"),
        ]
    )


def build_discriminator() -> keras.Model:
    """``(n, 28, 28, 1)`` → ``(n, 1)``, the probability of being real."""
    network = keras.Sequential([keras.Input((28, 28, 1))])
    for channels, stride in ((64, 2), (128, 2), (256, 2), (512, 1)):
        network.add(layers.Conv2D(channels, 5, strides=stride, padding="same"))
        network.add(layers.LeakyReLU(0.3))
        network.add(layers.Dropout(0.3))
    network.add(layers.Flatten())
    network.add(layers.Dense(1))
    network.add(layers.Activation("sigmoid"))
    return network


def normalized_relu() -> list[layers.Layer]:
    """What follows every layer of the generator but the last."""
    return [layers.BatchNormalization(momentum=0.8), layers.Activation("relu")]


def compile_player(model: keras.Model, *, learning_rate: float, decay: float) -> None:
    """The chapter's loss and optimizer, at the rate ``learning_rate / (1 + decay * t)``."""
    schedule = keras.optimizers.schedules.InverseTimeDecay(
        learning_rate, decay_steps=1, decay_rate=decay
    )
    model.compile(
        loss="binary_crossentropy",
        optimizer=keras.optimizers.RMSprop(schedule),
        metrics=["accuracy"],
    )


def draw_noise() -> NDArray[np.float64]:
    """Draw ``(256, 100)`` noise, uniform in [-1, 1)."""
    return np.random.uniform(-1, 1, (BATCH_SIZE, LATENT_DIM))  # noqa: NPY002 - as in the chapter
