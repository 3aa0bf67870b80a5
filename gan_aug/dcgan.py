"""The DCGAN's two networks: one pair as in the book chapter, one compact pair.

Sources: Radford, Metz, Chintala, "Unsupervised representation learning with deep convolutional
generative adversarial networks" (2015); A. Patel, "Hands-On Unsupervised Learning Using Python"
(2019), ch. 12, for the ``chapter`` pair; Liu et al., "Diverse image generation via self-conditioned
GANs" (2020), for conditioning both networks on clusters that were found without labels.
"""

import itertools
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from numpy.typing import NDArray

from gan_aug.config import DcganConfig
from gan_aug.images import SIDE

__all__ = [
    "ClusterCode",
    "ProjectionHead",
    "SmallMapConv2D",
    "UpsampledConv2D",
    "build_discriminator",
    "build_generator",
]

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


@keras.saving.register_keras_serializable(package="gan_aug")
class SmallMapConv2D(layers.Conv2D):  # type: ignore[misc] # Keras ships no types
    """A "same" convolution of stride 1 whose kernel gradient leaves out the padding.

    Where the map is hardly larger than the kernel, most taps meet padding: half of them with 5×5
    taps on 4×4 pixels. Each tap's gradient is one matrix product of the pixels it does meet with
    the gradients they went to; the same function as ``Conv2D``, and the same gradients.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Return ``(n, h, w, filters)`` for ``(n, h, w, channels)``."""
        return convolve_small_map(inputs, tf.convert_to_tensor(kernel))


@tf.custom_gradient  # type: ignore[untyped-decorator]
def convolve_small_map(images: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Any]:
    """Convolve ``(n, h, w, channels)`` with ``(odd, odd, channels, filters)``."""

    def gradients(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image_gradient = tf.nn.conv2d_transpose(upstream, kernel, tf.shape(images), 1)
        return image_gradient, compute_kernel_gradient(images, upstream, kernel.shape)

    return tf.nn.conv2d(images, kernel, 1, "SAME"), gradients


def compute_kernel_gradient(images: tf.Tensor, upstream: tf.Tensor, shape: Any) -> tf.Tensor:
    """Return the gradient of a kernel of ``shape``, tap by tap."""
    _, height, width, channels = images.shape
    filters = upstream.shape[-1]
    down, right = shape[0] // 2, shape[1] // 2
    taps = []
    for row, column in itertools.product(range(-down, down + 1), range(-right, right + 1)):
        met = images[:, slice_overlap(row, height), slice_overlap(column, width)]
        went_to = upstream[:, slice_overlap(-row, height), slice_overlap(-column, width)]
        taps.append(
            tf.matmul(
                tf.reshape(met, (-1, channels)),
                tf.reshape(went_to, (-1, filters)),
                transpose_a=True,
            )
        )
    return tf.reshape(tf.stack(taps), shape)


def slice_overlap(shift: int, size: int) -> slice:
    """Return the part of ``size`` pixels that is still inside after a shift by ``-shift``."""
    return slice(max(shift, 0), max(size + min(shift, 0), 0))


@keras.saving.register_keras_serializable(package="gan_aug")
class ClusterCode(layers.Layer):  # type: ignore[misc] # Keras ships no types
    """Turns the first coordinate of the noise into the code of a cluster.

    The range [-1, 1] is cut into one interval a cluster, as long as the cluster's share of the
    images, so uniform noise draws clusters as often as they occur and a generator needs no second
    input. ``(n, latent_dim)`` → ``(n, latent_dim - 1 + clusters)``: the rest of the noise, and a
    one-hot code. The code's scale leaves room for the noise: with a larger one, the images of a
    cluster become more and more alike as training goes on.
    """

    SCALE = 2.0

    def __init__(self, clusters: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.clusters = clusters

    def build(self, _input_shape: tuple[int | None, ...]) -> None:
        """Create the ``(clusters - 1,)`` edges between the intervals, all of one length."""
        self.edges = self.add_weight(
            shape=(self.clusters - 1,), initializer="zeros", trainable=False, name="edges"
        )
        self.set_shares(np.full(self.clusters, 1 / self.clusters))

    def set_shares(self, shares: NDArray[np.float64]) -> None:
        """Make each cluster as frequent as its share; ``(clusters,)``, with sum 1."""
        self.edges.assign(2 * np.cumsum(shares)[:-1] - 1)

    def find_clusters(self, noise: Any) -> Any:
        """Return the ``(n,)`` int32 cluster that each row of noise stands for."""
        return tf.searchsorted(tf.convert_to_tensor(self.edges), noise[:, 0], side="right")

    def call(self, noise: Any) -> Any:
        """Replace the first coordinate by a cluster's code."""
        code = tf.one_hot(self.find_clusters(noise), self.clusters, on_value=self.SCALE)
        return tf.concat([noise[:, 1:], code], axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, int]) -> tuple[int | None, int]:
        """Take one coordinate away and add the code."""
        return input_shape[0], input_shape[1] - 1 + self.clusters

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build the layer again."""
        return {**super().get_config(), "clusters": self.clusters}


@keras.saving.register_keras_serializable(package="gan_aug")
class ProjectionHead(layers.Layer):  # type: ignore[misc] # Keras ships no types
    """A logit from features, given the image's cluster.

    Miyato and Koyama, "cGANs with projection discriminator" (2018), eq. 3: a linear function of the
    features, plus their inner product with a vector of the cluster. ``(n, d)`` features and
    ``(n,)`` int32 clusters → ``(n, 1)``. For cluster -1, "unknown", only the first term counts.
    """

    def __init__(self, clusters: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.clusters = clusters

    def build(self, input_shape: tuple[tuple[int | None, int], tuple[int | None]]) -> None:
        """Create the weights of the linear function and the vectors of the clusters."""
        (_, size), _ = input_shape
        self.kernel = self.add_weight((size, 1), initializer="glorot_uniform", name="kernel")
        self.bias = self.add_weight((1,), initializer="zeros", name="bias")
        self.vectors = self.add_weight((self.clusters, size), initializer="zeros", name="vectors")

    def call(self, inputs: tuple[Any, Any]) -> Any:
        """Return the logits."""
        features, clusters = inputs
        chosen = tf.matmul(tf.one_hot(clusters, self.clusters), self.vectors)
        projection = tf.reduce_sum(features * chosen, axis=1, keepdims=True)
        return tf.matmul(features, self.kernel) + self.bias + projection

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build the layer again."""
        return {**super().get_config(), "clusters": self.clusters}


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
    positive logit means "real"; the chapter's final sigmoid is part of the loss here.

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
    return [*hidden, layers.Flatten()]


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
        layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, dtype=dtype),
        layers.ReLU(dtype=dtype),
    ]
