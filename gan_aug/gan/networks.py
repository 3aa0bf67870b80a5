"""The DCGAN's two networks, for square images of any kind: grey or RGB, 28, 32, 64 pixels a side.

Sources: Radford, Metz, Chintala, "Unsupervised representation learning with deep convolutional
generative adversarial networks" (2015), for the ``paper`` pair; A. Patel, "Hands-On Unsupervised
Learning Using Python" (2019), ch. 12, for the ``chapter`` pair; Liu et al., "Diverse image
generation via self-conditioned GANs" (2020), for conditioning both networks on clusters that were
found without labels; Salimans et al., "Improved techniques for training GANs" (2016), for virtual
batch normalization and minibatch discrimination.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from gan_aug.fused import FusedBatchNormalization
from gan_aug.gan.layers import (
    ClusterCode,
    HalfWordDropout,
    MinibatchDiscrimination,
    ProjectionHead,
    ReferenceNoise,
    SmallMapConv2D,
    UpsampledConv2D,
    VirtualBatchNormalization,
    WithoutReference,
)
from gan_aug.images import Shape, check_shape
from gan_aug.memory import estimate_players, refuse_excess
from gan_aug.settings.dcgan import DcganConfig

__all__ = [
    "build_discriminator",
    "build_generator",
    "check_memory",
    "estimate_dcgan",
    "open_discriminator",
]

SMALLEST_MAP = 4
BATCH_NORM_MOMENTUM = 0.8
GENERATOR_DROPOUT = 0.3
CHAPTER_LEAK = 0.3
PAPER_LEAK = 0.2
PAPER_DEVIATION = 0.02


def build_generator(
    config: DcganConfig, shape: Shape, *, dtype_policy: str = "float32"
) -> keras.Model:
    """Build an untrained generator: ``(n, latent_dim)`` noise → ``(n, *shape)`` in [0, 1].

    With clusters, the first coordinate of the noise chooses one (:class:`ClusterCode`).

    Args:
        config: Chooses the architecture and its width: 256 in the chapter, 1024 in the paper.
        shape: Height, width and channels of the images; height and width are equal.
        dtype_policy: Keras dtype policy of all layers but the first and last, which are float32.

    Raises:
        UserError: There is no such network for images of this shape.
    """
    check_shape(shape)
    reference = config.virtual_batch_normalization
    hidden = (
        chapter_generator_layers(config, shape, dtype_policy)
        if config.architecture == "chapter"
        else strided_generator_layers(config, shape, dtype_policy)
    )
    return keras.Sequential(
        [
            keras.Input((config.latent_dim,), name="latent"),
            *([ReferenceNoise(reference, dtype="float32")] if reference else []),
            *cluster_layers(config),
            *hidden,
            *output_layers(config),
            *([WithoutReference(reference, dtype="float32")] if reference else []),
        ],
        name="generator",
    )


def cluster_layers(config: DcganConfig) -> list[keras.layers.Layer]:
    """Return the layer that turns noise into the code of a cluster; none without clusters."""
    if not config.clusters:
        return []
    return [ClusterCode(config.clusters, conditioned=config.conditioned, dtype="float32")]


def build_discriminator(
    config: DcganConfig, shape: Shape, *, dtype_policy: str = "float32"
) -> keras.Model:
    """Build an untrained discriminator: images, and their clusters if there are any, → logits.

    ``(n, *shape)`` in [0, 1] → ``(n, 1)``; with clusters, ``(n,)`` int32 is the second input. A
    positive logit means "real"; the chapter's final sigmoid is part of the loss here. What the
    logits are made of is the output of the layer named ``features``.

    Args:
        config: Chooses the architecture and its width: 64 in the chapter, 128 in the paper's code.
        shape: Height, width and channels of the images; height and width are equal.
        dtype_policy: Keras dtype policy of all layers but the last, which is float32.

    Raises:
        UserError: There is no such network for images of this shape.
    """
    check_shape(shape)
    images = keras.Input(shape, name="images")
    features = images
    for layer in discriminator_layers(config, shape, dtype_policy):
        features = layer(features)
    if config.minibatch_discrimination:
        features = MinibatchDiscrimination(config.minibatch_discrimination, dtype="float32")(
            features
        )
    if not config.clusters:
        logits = layers.Dense(1, dtype="float32")(features)
        return keras.Model(images, logits, name="discriminator")
    clusters = keras.Input((), dtype="int32", name="cluster")
    logits = ProjectionHead(config.clusters, dtype="float32")([features, clusters])
    return keras.Model([images, clusters], logits, name="discriminator")


def open_discriminator(discriminator: keras.Model) -> keras.Model:
    """Return the same network with two outputs: the ``(n, d)`` features, and the logits."""
    return keras.Model(
        discriminator.input, [discriminator.get_layer("features").output, discriminator.output]
    )


def estimate_dcgan(config: DcganConfig, images: int, shape: Shape) -> dict[str, tuple[float, str]]:
    """Estimate what a DCGAN takes: its training, and finding the clusters that condition it.

    Args:
        config: Its settings.
        images: How many it is trained on.
        shape: Height, width and channels of each.

    Returns:
        Stage → bytes, and the flags that lower them.

    Raises:
        UserError: There is no network for such images.
    """
    from gan_aug.components import estimate_components  # noqa: PLC0415 - it imports scikit-learn

    pixels = images * math.prod(shape)
    players = estimate_players(
        build_generator(config, shape),
        build_discriminator(config, shape),
        fakes=config.batch_size,
        reals=config.batch_size,
    )
    needs = {"DCGAN": (pixels + players, "--dcgan.batch-size or a width")}
    if config.clusters:
        found = pixels + estimate_components(shape, images)
        needs["clusters of the DCGAN"] = (found, "--dcgan.clusters to 0")
    return needs


def check_memory(
    config: DcganConfig, images: int, shape: Shape, *, available: int | None = None
) -> None:
    """Refuse a DCGAN that needs more memory than there is.

    Args:
        config: Its settings.
        images: How many it is trained on.
        shape: Height, width and channels of each.
        available: Bytes that may be taken; by default what the system has to give.

    Raises:
        UserError: It is estimated to need more, or there is no network for such images.
    """
    refuse_excess(estimate_dcgan(config, images, shape), available=available)


def count_doublings(side: int) -> int:
    """Count how often a side can be halved without a rest, to no less than four pixels."""
    return 0 if side % 2 or side < 2 * SMALLEST_MAP else 1 + count_doublings(side // 2)


def count_halvings(side: int) -> int:
    """Count the convolutions of stride 2 that lead to a map of at most four pixels."""
    return 0 if side <= SMALLEST_MAP else 1 + count_halvings((side + 1) // 2)


# ---------------------------------------------------------------------- generators


def chapter_generator_layers(config: DcganConfig, shape: Shape, dtype: str) -> list[layers.Layer]:
    """100 → 7×7×256 → 14×14×128 → 28×28×64 → 28×28×32 → 28×28×1, for the chapter's width."""
    side, *widths = plan_generator(config, shape)
    hidden = [
        layers.Dense(side * side * widths[0], dtype=dtype),
        *normalized_relu(config, dtype),
        layers.Reshape((side, side, widths[0]), dtype=dtype),
        HalfWordDropout(GENERATOR_DROPOUT, dtype=dtype),
    ]
    for width in widths[1:]:
        hidden += [UpsampledConv2D(width, dtype=dtype), *normalized_relu(config, dtype)]
    return [
        *hidden,
        layers.Conv2DTranspose(halve(widths[-1]), 5, padding="same", dtype=dtype),
        *normalized_relu(config, dtype),
        layers.Conv2DTranspose(shape[-1], 5, padding="same", dtype=dtype),
    ]


def strided_generator_layers(config: DcganConfig, shape: Shape, dtype: str) -> list[layers.Layer]:
    """Twice the side and half the channels in each layer.

    The paper's, 100 → 4×4×1024 → 8×8×512 → 16×16×256 → 32×32×128 → 64×64×3; the compact one,
    100 → 7×7×64 → 14×14×32 → 28×28×1. The last layer of a compact one is an upsampled convolution:
    a strided one of one channel leaves a grid of darker pixels.
    """
    paper = config.architecture == "paper"
    kernel = 5 if paper else 4
    side, *widths = plan_generator(config, shape)
    hidden = [
        layers.Dense(
            side * side * widths[0],
            use_bias=False,
            kernel_initializer=initializer(config),
            dtype=dtype,
        ),
        layers.Reshape((side, side, widths[0]), dtype=dtype),
        *normalized_relu(config, dtype),
    ]

    def double(width: int, *, use_bias: bool) -> layers.Layer:
        return layers.Conv2DTranspose(
            width,
            kernel,
            strides=2,
            padding="same",
            use_bias=use_bias,
            kernel_initializer=initializer(config),
            dtype=dtype,
        )

    for width in widths[1:-1]:
        hidden += [double(width, use_bias=False), *normalized_relu(config, dtype)]
    last = double(shape[-1], use_bias=True) if paper else UpsampledConv2D(shape[-1], dtype=dtype)
    return [*hidden, last]


def plan_generator(config: DcganConfig, shape: Shape) -> Sequence[int]:
    """Return the side of the first map, and the channels of it and of each doubling after it."""
    doublings = count_doublings(shape[0])
    widths = [config.generator_width]
    for _ in range(doublings):
        widths.append(halve(widths[-1]))
    return shape[0] >> doublings, *widths


def halve(width: int) -> int:
    return max(1, width // 2)


def normalized_relu(config: DcganConfig, dtype: str) -> list[layers.Layer]:
    reference = config.virtual_batch_normalization
    normalization = (
        VirtualBatchNormalization(reference, dtype=dtype)
        if reference
        else FusedBatchNormalization(momentum=BATCH_NORM_MOMENTUM, dtype=dtype)
    )
    return [normalization, layers.ReLU(dtype=dtype)]


def output_layers(config: DcganConfig) -> list[layers.Layer]:
    """Values to [0, 1]: by a sigmoid, or by the paper's tanh, whose range is moved there."""
    if config.architecture == "paper":
        return [
            layers.Activation("tanh", dtype="float32"),
            layers.Rescaling(0.5, 0.5, dtype="float32"),
        ]
    return [layers.Activation("sigmoid", dtype="float32")]


def initializer(config: DcganConfig) -> Any:
    """Return the paper's initial weights (section 4), or Keras's."""
    if config.architecture == "paper":
        return keras.initializers.RandomNormal(stddev=PAPER_DEVIATION)
    return "glorot_uniform"


# ------------------------------------------------------------------ discriminators


def discriminator_layers(config: DcganConfig, shape: Shape, dtype: str) -> list[layers.Layer]:
    """The image → 4×4 in strided convolutions, then flat."""
    blocks = {
        "compact": compact_discriminator_layers,
        "chapter": chapter_discriminator_layers,
        "paper": paper_discriminator_layers,
    }
    return [*blocks[config.architecture](config, shape, dtype), layers.Flatten(name="features")]


def compact_discriminator_layers(
    config: DcganConfig, shape: Shape, dtype: str
) -> list[layers.Layer]:
    """28×28×1 → 14×14×16 → 7×7×32 → 4×4×64.

    The first convolution takes 2×2 pixels for one of as many times the channels: a strided
    convolution of one channel has a slow input gradient.
    """
    half, channels = shape[0] // 2, shape[-1]
    hidden: list[layers.Layer] = [
        layers.Reshape((half, 2, half, 2 * channels), dtype=dtype),
        layers.Permute((1, 3, 2, 4), dtype=dtype),
        layers.Reshape((half, half, 4 * channels), dtype=dtype),
    ]
    width = config.discriminator_width
    hidden += [layers.Conv2D(width, 3, padding="same", dtype=dtype), *leaky_dropout(config, dtype)]
    for i in range(1, count_halvings(shape[0])):
        hidden += [
            layers.Conv2D(width << i, 4, strides=2, padding="same", dtype=dtype),
            *leaky_dropout(config, dtype),
        ]
    return hidden


def chapter_discriminator_layers(
    config: DcganConfig, shape: Shape, dtype: str
) -> list[layers.Layer]:
    """28×28×1 → 14×14×64 → 7×7×128 → 4×4×256 → 4×4×512, for the chapter's width."""
    width, halvings = config.discriminator_width, count_halvings(shape[0])
    hidden: list[layers.Layer] = []
    for i in range(halvings):
        hidden += [
            SmallMapConv2D(width << i, 5, strides=2, padding="same", dtype=dtype),
            *leaky_dropout(config, dtype),
        ]
    return [
        *hidden,
        SmallMapConv2D(width << halvings, 5, padding="same", dtype=dtype),
        *leaky_dropout(config, dtype),
    ]


def paper_discriminator_layers(config: DcganConfig, shape: Shape, dtype: str) -> list[layers.Layer]:
    """64×64×3 → 32×32×128 → 16×16×256 → 8×8×512 → 4×4×1024, for the width of the paper's code.

    Batch normalization everywhere but in the first convolution (section 3); pixels from -1 to 1.
    """
    hidden: list[layers.Layer] = [layers.Rescaling(2.0, -1.0, dtype=dtype)]
    for i in range(count_halvings(shape[0])):
        hidden += [
            layers.Conv2D(
                config.discriminator_width << i,
                5,
                strides=2,
                padding="same",
                use_bias=i == 0,
                kernel_initializer=initializer(config),
                dtype=dtype,
            ),
            *([FusedBatchNormalization(momentum=BATCH_NORM_MOMENTUM, dtype=dtype)] if i else []),
            *leaky_dropout(config, dtype),
        ]
    return hidden


def leaky_dropout(config: DcganConfig, dtype: str) -> list[layers.Layer]:
    leak = PAPER_LEAK if config.architecture == "paper" else CHAPTER_LEAK
    return [
        layers.LeakyReLU(leak, dtype=dtype),
        HalfWordDropout(config.discriminator_dropout, dtype=dtype),
    ]
