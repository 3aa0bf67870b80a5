"""The DCGAN's two networks: one pair as in the book chapter, one compact pair.

Sources: Radford, Metz, Chintala, "Unsupervised representation learning with deep convolutional
generative adversarial networks" (2015); A. Patel, "Hands-On Unsupervised Learning Using Python"
(2019), ch. 12, for the ``chapter`` pair.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from gan_aug.config import DcganConfig
from gan_aug.images import SIDE

__all__ = ["UpsampledConv2D", "build_discriminator", "build_generator"]

SEED_SIDE = SIDE // 4
BATCH_NORM_MOMENTUM = 0.8
GENERATOR_DROPOUT = 0.3
LEAK = 0.3

# Rows: which of the 5 taps fall on the source pixel before, at and after, for the even output
# pixel; then the same for the odd one.
FOLD = np.array(
    [
        [[1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1]],
        [[1, 0, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 1, 1]],
    ],
    dtype=np.float32,
)


@keras.saving.register_keras_serializable(package="gan_aug")
class UpsampledConv2D(layers.Layer):  # type: ignore[misc] # Keras ships no types
    """Nearest ×2 upsampling and a 5×5 convolution, in one 3×3 convolution.

    Upsampling repeats pixels, so the 5×5 taps of an output pixel fall on 3×3 source pixels, and
    which tap falls where depends only on whether the output row and column are even or odd. Summing
    the taps that share a source pixel gives one 3×3 kernel for each of the four phases: 9
    multiply-adds an output pixel and channel pair instead of 25, and the same function of the same
    weights as ``UpSampling2D()`` followed by ``Conv2D(filters, 5, padding="same")``. (The chapter
    writes ``Conv2DTranspose``; at stride 1 that is the same convolution, its kernel flipped.)

    ``(n, h, w, channels)`` → ``(n, 2h, 2w, filters)``.
    """

    def __init__(self, filters: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters = filters

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the ``(5, 5, channels, filters)`` kernel and the bias."""
        # Taps are summed in float32, whatever the precision of the convolution.
        self.kernel = self.add_weight(
            shape=(5, 5, input_shape[-1], self.filters),
            initializer="glorot_uniform",
            autocast=False,
            name="kernel",
        )
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        """Return ``(n, 2h, 2w, filters)`` for ``(n, h, w, channels)``."""
        kernel = ops.cast(self.fold_kernel(), self.compute_dtype)
        return tf.nn.depth_to_space(ops.conv(inputs, kernel, padding="same"), 2) + self.bias

    def fold_kernel(self) -> Any:
        """Return the ``(3, 3, channels, 4 * filters)`` kernel, the four phases side by side."""
        folded = ops.einsum("pau,qbv,uvco->abcpqo", FOLD, FOLD, self.kernel)
        return ops.reshape(folded, (3, 3, self.kernel.shape[2], 4 * self.filters))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Double height and width."""
        count, height, width, _ = input_shape
        return count, height and 2 * height, width and 2 * width, self.filters

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build the layer again."""
        return {**super().get_config(), "filters": self.filters}


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
        UpsampledConv2D(width // 2, dtype=dtype),
        *normalized_relu(dtype),
        UpsampledConv2D(width // 4, dtype=dtype),
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
