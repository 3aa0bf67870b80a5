"""The DCGAN's two networks: one pair as in the book chapter, one compact pair.

Sources: Radford, Metz, Chintala, "Unsupervised representation learning with deep convolutional
generative adversarial networks" (2015); A. Patel, "Hands-On Unsupervised Learning Using Python"
(2019), ch. 12, for the ``chapter`` pair; Liu et al., "Diverse image generation via self-conditioned
GANs" (2020), for conditioning both networks on clusters that were found without labels.
"""

import keras
from keras import layers

from gan_aug.config import DcganConfig
from gan_aug.images import SIDE
from gan_aug.layers import (
    ClusterCode,
    FusedBatchNormalization,
    ProjectionHead,
    SmallMapConv2D,
    UpsampledConv2D,
)

__all__ = ["build_discriminator", "build_generator"]

SEED_SIDE = SIDE // 4
BATCH_NORM_MOMENTUM = 0.8
GENERATOR_DROPOUT = 0.3
LEAK = 0.3


def build_generator(config: DcganConfig, *, dtype_policy: str = "float32") -> keras.Model:
    """Build an untrained generator: ``(n, latent_dim)`` noise → ``(n, 28, 28, 1)`` in [0, 1].

    With clusters, the first coordinate of the noise chooses one (:class:`ClusterCode`).

    Args:
        config: Chooses the architecture and its width; the chapter's width is 256.
        dtype_policy: Keras dtype policy of all layers but the first and last, which are float32.
    """
    width = config.generator_width
    hidden = (
        chapter_generator_layers(width, dtype_policy)
        if config.architecture == "chapter"
        else compact_generator_layers(width, dtype_policy)
    )
    code = [ClusterCode(config.clusters, dtype="float32")] if config.clusters else []
    return keras.Sequential(
        [
            keras.Input((config.latent_dim,)),
            *code,
            *hidden,
            layers.Activation("sigmoid", dtype="float32"),
        ],
        name="generator",
    )


def build_discriminator(config: DcganConfig, *, dtype_policy: str = "float32") -> keras.Model:
    """Build an untrained discriminator: images, and their clusters if there are any, → logits.

    ``(n, 28, 28, 1)`` in [0, 1] → ``(n, 1)``; with clusters, ``(n,)`` int32 is the second input. A
    positive logit means "real"; the chapter's final sigmoid is part of the loss here. What the
    logits are made of is the output of the layer named ``features``.

    Args:
        config: Chooses the architecture and its width; the chapter's width is 64.
        dtype_policy: Keras dtype policy of all layers but the last, which is float32.
    """
    images = keras.Input((SIDE, SIDE, 1))
    features = images
    for layer in discriminator_layers(config, dtype_policy):
        features = layer(features)
    if not config.clusters:
        logits = layers.Dense(1, dtype="float32")(features)
        return keras.Model(images, logits, name="discriminator")
    clusters = keras.Input((), dtype="int32")
    logits = ProjectionHead(config.clusters, dtype="float32")([features, clusters])
    return keras.Model([images, clusters], logits, name="discriminator")


def discriminator_layers(config: DcganConfig, dtype: str) -> list[layers.Layer]:
    """28×28 → 4×4 in strided convolutions, then flat.

    The compact pair's first convolution takes 2×2 pixels for four channels at 14×14: a strided
    convolution of one channel has a slow input gradient.
    """
    width = config.discriminator_width
    if config.architecture == "chapter":
        hidden = []
        convolutions = [
            (layers.Conv2D, width, 5, 2),
            (layers.Conv2D, 2 * width, 5, 2),
            (layers.Conv2D, 4 * width, 5, 2),
            (SmallMapConv2D, 8 * width, 5, 1),
        ]
    else:
        half = SIDE // 2
        hidden = [
            layers.Reshape((half, 2, half, 2), dtype=dtype),
            layers.Permute((1, 3, 2, 4), dtype=dtype),
            layers.Reshape((half, half, 4), dtype=dtype),
        ]
        convolutions = [
            (layers.Conv2D, width, 3, 1),
            (layers.Conv2D, 2 * width, 4, 2),
            (layers.Conv2D, 4 * width, 4, 2),
        ]
    for convolution, channels, kernel, stride in convolutions:
        hidden += [
            convolution(channels, kernel, strides=stride, padding="same", dtype=dtype),
            layers.LeakyReLU(LEAK, dtype=dtype),
            layers.Dropout(config.discriminator_dropout, dtype=dtype),
        ]
    return [*hidden, layers.Flatten(name="features")]


def chapter_generator_layers(width: int, dtype: str) -> list[layers.Layer]:
    """100 → 7×7×256 → 14×14×128 → 28×28×64 → 28×28×32 → 28×28×1, for width 256."""
    return [
        layers.Dense(SEED_SIDE * SEED_SIDE * width, dtype=dtype),
        *normalized_relu(dtype),
        layers.Reshape((SEED_SIDE, SEED_SIDE, width), dtype=dtype),
        layers.Dropout(GENERATOR_DROPOUT, dtype=dtype),
        UpsampledConv2D(width // 2, dtype=dtype),
        *normalized_relu(dtype),
        UpsampledConv2D(width // 4, dtype=dtype),
        *normalized_relu(dtype),
        layers.Conv2DTranspose(width // 8, 5, padding="same", dtype=dtype),
        *normalized_relu(dtype),
        layers.Conv2DTranspose(1, 5, padding="same", dtype=dtype),
    ]


def compact_generator_layers(width: int, dtype: str) -> list[layers.Layer]:
    """100 → 7×7×width → 14×14×width/2 → 28×28×1."""
    return [
        layers.Dense(SEED_SIDE * SEED_SIDE * width, use_bias=False, dtype=dtype),
        layers.Reshape((SEED_SIDE, SEED_SIDE, width), dtype=dtype),
        *normalized_relu(dtype),
        layers.Conv2DTranspose(
            width // 2, 4, strides=2, padding="same", use_bias=False, dtype=dtype
        ),
        *normalized_relu(dtype),
        UpsampledConv2D(1, dtype=dtype),
    ]


def normalized_relu(dtype: str) -> list[layers.Layer]:
    return [
        FusedBatchNormalization(momentum=BATCH_NORM_MOMENTUM, dtype=dtype),
        layers.ReLU(dtype=dtype),
    ]
