"""The DCGAN's two networks: one pair as in the book chapter, one compact pair.

Sources: Radford, Metz, Chintala, "Unsupervised representation learning with deep convolutional
generative adversarial networks" (2015); A. Patel, "Hands-On Unsupervised Learning Using Python"
(2019), ch. 12, for the ``chapter`` pair.
"""

import keras
from keras import layers

from gan_aug.config import DcganConfig
from gan_aug.images import SIDE

__all__ = ["build_discriminator", "build_generator"]

SEED_SIDE = SIDE // 4
BATCH_NORM_MOMENTUM = 0.8
GENERATOR_DROPOUT = 0.3
LEAK = 0.3


def build_generator(config: DcganConfig, *, dtype_policy: str = "float32") -> keras.Model:
    """Build an untrained generator: ``(n, latent_dim)`` noise → ``(n, 28, 28, 1)`` in [0, 1].

    Args:
        config: Chooses the architecture and its width; the chapter's width is 256.
        dtype_policy: Keras dtype policy of all layers but the last, which is float32.
    """
    hidden = (
        chapter_generator_layers(config.generator_width, dtype_policy)
        if config.architecture == "chapter"
        else compact_generator_layers(config.generator_width, dtype_policy)
    )
    to_pixels = (
        layers.Conv2DTranspose(1, 5, padding="same", dtype=dtype_policy)
        if config.architecture == "chapter"
        else layers.Conv2DTranspose(1, 4, strides=2, padding="same", dtype=dtype_policy)
    )
    return keras.Sequential(
        [
            keras.Input((config.latent_dim,)),
            *hidden,
            to_pixels,
            layers.Activation("sigmoid", dtype="float32"),
        ],
        name="generator",
    )


def build_discriminator(config: DcganConfig, *, dtype_policy: str = "float32") -> keras.Model:
    """Build an untrained discriminator: ``(n, 28, 28, 1)`` in [0, 1] → ``(n, 1)`` logits.

    A positive logit means "real"; the chapter's final sigmoid is part of the loss here.

    Args:
        config: Chooses the architecture and its width; the chapter's width is 64.
        dtype_policy: Keras dtype policy of all layers but the last, which is float32.
    """
    width = config.discriminator_width
    if config.architecture == "chapter":
        convolutions = [(width, 5, 2), (2 * width, 5, 2), (4 * width, 5, 2), (8 * width, 5, 1)]
    else:
        convolutions = [(width, 4, 2), (2 * width, 4, 2), (4 * width, 4, 2)]
    hidden: list[layers.Layer] = []
    for channels, kernel, stride in convolutions:
        hidden += [
            layers.Conv2D(channels, kernel, strides=stride, padding="same", dtype=dtype_policy),
            layers.LeakyReLU(LEAK, dtype=dtype_policy),
            layers.Dropout(config.discriminator_dropout, dtype=dtype_policy),
        ]
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1)),
            *hidden,
            layers.Flatten(),
            layers.Dense(1, dtype="float32"),
        ],
        name="discriminator",
    )


def chapter_generator_layers(width: int, dtype: str) -> list[layers.Layer]:
    """100 → 7×7×256 → 14×14×128 → 28×28×64 → 28×28×32, for width 256."""
    return [
        layers.Dense(SEED_SIDE * SEED_SIDE * width, dtype=dtype),
        *normalized_relu(dtype),
        layers.Reshape((SEED_SIDE, SEED_SIDE, width), dtype=dtype),
        layers.Dropout(GENERATOR_DROPOUT, dtype=dtype),
        layers.UpSampling2D(dtype=dtype),
        layers.Conv2DTranspose(width // 2, 5, padding="same", dtype=dtype),
        *normalized_relu(dtype),
        layers.UpSampling2D(dtype=dtype),
        layers.Conv2DTranspose(width // 4, 5, padding="same", dtype=dtype),
        *normalized_relu(dtype),
        layers.Conv2DTranspose(width // 8, 5, padding="same", dtype=dtype),
        *normalized_relu(dtype),
    ]


def compact_generator_layers(width: int, dtype: str) -> list[layers.Layer]:
    """100 → 7×7×width → 14×14×width/2; a last strided convolution makes the 28×28 image."""
    return [
        layers.Dense(SEED_SIDE * SEED_SIDE * width, use_bias=False, dtype=dtype),
        layers.Reshape((SEED_SIDE, SEED_SIDE, width), dtype=dtype),
        *normalized_relu(dtype),
        layers.Conv2DTranspose(
            width // 2, 4, strides=2, padding="same", use_bias=False, dtype=dtype
        ),
        *normalized_relu(dtype),
    ]


def normalized_relu(dtype: str) -> list[layers.Layer]:
    return [
        layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, dtype=dtype),
        layers.ReLU(dtype=dtype),
    ]
