"""The layers that Keras has not, or not as fast.

Each of the fast ones is the same function of the same weights as Keras's own, and its tests hold it
to that; dropout draws other random bits.
"""

import itertools
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from numpy.typing import NDArray

__all__ = [
    "ClusterCode",
    "HalfWordDropout",
    "MinibatchDiscrimination",
    "ProjectionHead",
    "ReferenceNoise",
    "SmallMapConv2D",
    "UpsampledConv2D",
    "VirtualBatchNormalization",
    "WeightNormDense",
    "WithoutReference",
    "find_code",
]

# The largest map of outputs for which matrix products, tap by tap, are faster than the kernel
# gradient of a convolution in TensorFlow's CPU library.
SMALL_MAP_SIDE = 7

# Which of the 5 taps of a row fall on the source pixel before, at and after, for the even output
# pixel, then for the odd one: (phase, source, tap).
FOLD_ROW = np.array(
    [
        [[1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1]],
        [[1, 0, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 1, 1]],
    ],
    dtype=np.float32,
)
# (source, phase, tap), for both axes at once.
FOLD = np.einsum("pau,qbv->abpquv", FOLD_ROW, FOLD_ROW).reshape(9, 4, 25)


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
        phases = convolve_same(inputs, tf.convert_to_tensor(kernel))
        return tf.nn.depth_to_space(phases, 2) + self.bias

    def fold_kernel(self) -> Any:
        """Return the ``(3, 3, channels, 4 * filters)`` kernel, the four phases side by side."""
        *_, channels, filters = self.kernel.shape
        taps = ops.reshape(self.kernel, (25, channels * filters))
        folded = ops.reshape(ops.matmul(FOLD, taps), (3, 3, 4, channels, filters))
        return ops.reshape(ops.transpose(folded, (0, 1, 3, 2, 4)), (3, 3, channels, 4 * filters))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Double height and width."""
        count, height, width, _ = input_shape
        return count, height and 2 * height, width and 2 * width, self.filters

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build the layer again."""
        return {**super().get_config(), "filters": self.filters}


@keras.saving.register_keras_serializable(package="gan_aug")
class SmallMapConv2D(layers.Conv2D):  # type: ignore[misc] # Keras ships no types
    """A "same" convolution whose kernel gradient leaves out the padding of small maps.

    Where the map is hardly larger than the kernel, many taps meet padding: half of them with 5×5
    taps on 4×4 pixels. Each tap's gradient is one matrix product of the pixels it does meet with
    the gradients they went to; the same function as ``Conv2D``, and the same gradients. Rows and
    columns are strided alike.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Return ``(n, h / stride, w / stride, filters)`` for ``(n, h, w, channels)``."""
        return convolve_same(inputs, tf.convert_to_tensor(kernel), stride=self.strides[0])


def convolve_same(images: tf.Tensor, kernel: tf.Tensor, *, stride: int = 1) -> tf.Tensor:
    """Convolve ``(n, h, w, channels)`` with ``(rows, columns, channels, filters)``."""
    if max(images.shape[1:3]) <= SMALL_MAP_SIDE * stride:
        return convolve_small_map(images, kernel, stride=stride)
    return tf.nn.conv2d(images, kernel, stride, "SAME")


def convolve_small_map(images: tf.Tensor, kernel: tf.Tensor, *, stride: int) -> tf.Tensor:
    """Convolve ``(n, h, w, channels)`` with ``(rows, columns, channels, filters)``."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def convolve(images: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Any]:
        def gradients(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            image_gradient = tf.nn.conv2d_transpose(upstream, kernel, tf.shape(images), stride)
            return image_gradient, compute_kernel_gradient(images, upstream, kernel.shape, stride)

        return tf.nn.conv2d(images, kernel, stride, "SAME"), gradients

    return convolve(images, kernel)


def compute_kernel_gradient(
    images: tf.Tensor, upstream: tf.Tensor, shape: Any, stride: int
) -> tf.Tensor:
    """Return the gradient of a kernel of ``shape``, tap by tap."""
    *taps, channels, filters = shape
    _, height, width, _ = images.shape
    rows, columns = (match_axis(*axis, stride) for axis in zip((height, width), taps, strict=True))
    pixels, outputs = list_pixels(images), list_pixels(upstream)
    gradients = []
    for row, column in itertools.product(rows, columns):
        met = tf.gather(pixels, join_axes(row.met, column.met, width))
        went_to = tf.gather(outputs, join_axes(row.went_to, column.went_to, upstream.shape[2]))
        gradients.append(
            tf.matmul(
                tf.reshape(met, (-1, channels)),
                tf.reshape(went_to, (-1, filters)),
                transpose_a=True,
            )
        )
    return tf.reshape(tf.stack(gradients), shape)


def list_pixels(maps: tf.Tensor) -> tf.Tensor:
    """Return ``(h * w, n * channels)`` for ``(n, h, w, channels)``, a pixel a row."""
    _, height, width, _ = maps.shape
    return tf.reshape(tf.transpose(maps, (1, 2, 0, 3)), (height * width, -1))


class Matched(NamedTuple):
    """The pixels that a tap meets along one axis, and the output pixels it meets them for."""

    met: NDArray[np.intp]
    went_to: NDArray[np.intp]


def match_axis(size: int, taps: int, stride: int) -> list[Matched]:
    """Return what each tap of a "same" convolution meets along an axis of so many pixels."""
    outputs = np.arange(-(-size // stride))
    padding = max((len(outputs) - 1) * stride + taps - size, 0) // 2
    pixels = outputs * stride - padding + np.arange(taps)[:, None]
    inside = (pixels >= 0) & (pixels < size)
    return [Matched(met[at], outputs[at]) for met, at in zip(pixels, inside, strict=True)]


def join_axes(rows: NDArray[np.intp], columns: NDArray[np.intp], width: int) -> NDArray[np.intp]:
    """Return the places of pixels, row by row, in a map of a width."""
    return (rows[:, None] * width + columns).ravel()


@keras.saving.register_keras_serializable(package="gan_aug")
class HalfWordDropout(layers.Dropout):  # type: ignore[misc] # Keras ships no types
    """Dropout that decides by 16 random bits an element in place of 32.

    Drawing them is most of what dropout takes. The rate is rounded to 1/65,536, and what is kept is
    scaled for the rounded one. ``(n, ...)`` → the same shape.
    """

    VALUES = 1 << 16

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """Drop a share of the inputs in training, and scale the others up."""
        if not training or not self.rate:
            return inputs
        dropped = min(round(self.rate * self.VALUES), self.VALUES - 1)
        kept = self.draw_half_words(inputs) >= dropped - self.VALUES // 2
        scale = tf.constant(self.VALUES / (self.VALUES - dropped), inputs.dtype)
        return inputs * (tf.cast(kept, inputs.dtype) * scale)

    def draw_half_words(self, inputs: Any) -> Any:
        """Draw an int16 from its whole range for each element."""
        seed = tf.cast(self.seed_generator.next(), tf.int32)
        count = tf.size(inputs)
        words = tf.random.stateless_uniform(((count + 1) // 2,), seed, None, None, tf.int32)
        halves = tf.reshape(tf.bitcast(words, tf.int16), (-1,))
        return tf.reshape(halves[:count], tf.shape(inputs))


@keras.saving.register_keras_serializable(package="gan_aug")
class ClusterCode(layers.Layer):  # type: ignore[misc] # Keras ships no types
    """Turns the first coordinate of the noise into the code of a cluster.

    The range [-1, 1] is cut into one interval a cluster, as long as the cluster's share of the
    images, so uniform noise draws clusters as often as they occur and a generator needs no second
    input. ``(n, latent_dim)`` → ``(n, latent_dim - 1 + clusters)``: the rest of the noise, and a
    one-hot code. The code's scale leaves room for the noise: with a larger one, the images of a
    cluster become more and more alike as training goes on.

    Args:
        clusters: How many there are.
        conditioned: Whether each cluster is of one class. The layer then keeps which, so that noise
            says of what class its image is meant to be.
        kwargs: As for every layer.
    """

    SCALE = 2.0

    def __init__(self, clusters: int, *, conditioned: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.clusters = clusters
        self.conditioned = conditioned

    def build(self, _input_shape: tuple[int | None, ...]) -> None:
        """Create the ``(clusters - 1,)`` edges between the intervals, all of one length.

        With classes, also the ``(clusters,)`` class of each.
        """
        if self.conditioned:
            self.classes = self.add_weight(
                shape=(self.clusters,),
                initializer="zeros",
                trainable=False,
                dtype="int64",
                name="classes",
            )
        self.edges = self.add_weight(
            shape=(self.clusters - 1,), initializer="zeros", trainable=False, name="edges"
        )
        self.set_shares(np.full(self.clusters, 1 / self.clusters))

    def set_shares(self, shares: NDArray[np.float64]) -> None:
        """Make each cluster as frequent as its share; ``(clusters,)``, with sum 1."""
        self.edges.assign(2 * np.cumsum(shares)[:-1] - 1)

    def set_classes(self, classes: NDArray[np.integer[Any]]) -> None:
        """Say of which class each cluster is; ``(clusters,)``."""
        self.classes.assign(classes)

    def find_classes(self, noise: Any) -> Any:
        """Return the ``(n,)`` int64 class that each row of noise stands for."""
        return tf.gather(tf.convert_to_tensor(self.classes), self.find_clusters(noise))

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
        own = {"clusters": self.clusters, "conditioned": self.conditioned}
        return {**super().get_config(), **own}


def find_code(generator: keras.Model) -> ClusterCode | None:
    """Return the layer of a generator that knows the clusters, if there is one."""
    return next((layer for layer in generator.layers if isinstance(layer, ClusterCode)), None)


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


@keras.saving.register_keras_serializable(package="gan_aug")
class MinibatchDiscrimination(layers.Layer):  # type: ignore[misc] # Keras ships no types
    """Appends to an image's features how close they are to those of the batch's other images.

    Salimans et al., "Improved techniques for training GANs" (2016), section 3.2: features times a
    tensor give a matrix for each image, of ``kernels`` rows of ``WIDTH``; a row's closeness to that
    of another image is ``exp(-‖difference‖₁)``, and an image gets the sum over the others, row by
    row. ``(n, d)`` → ``(n, d + kernels)``.
    """

    WIDTH = 5

    def __init__(self, kernels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kernels = kernels

    def build(self, input_shape: tuple[int | None, int]) -> None:
        """Create the tensor, ``(d, kernels * WIDTH)``."""
        self.kernel = self.add_weight(
            (input_shape[-1], self.kernels * self.WIDTH),
            initializer="glorot_uniform",
            name="kernel",
        )

    def call(self, features: Any) -> Any:
        """Return the features with their closeness to the others."""
        rows = tf.reshape(tf.matmul(features, self.kernel), (-1, self.kernels, self.WIDTH))
        distances = tf.reduce_sum(tf.abs(rows[:, None] - rows[None, :]), axis=-1)
        # An image's closeness to itself is always 1.
        closeness = tf.reduce_sum(tf.exp(-distances), axis=1) - 1.0
        return tf.concat([features, closeness], axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, int]) -> tuple[int | None, int]:
        """Add a feature for each kernel."""
        return input_shape[0], input_shape[1] + self.kernels

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build the layer again."""
        return {**super().get_config(), "kernels": self.kernels}


@keras.saving.register_keras_serializable(package="gan_aug")
class ReferenceNoise(layers.Layer):  # type: ignore[misc] # Keras ships no types
    """Puts noise that never changes, uniform in [-1, 1), before a batch of noise.

    Together with :class:`WithoutReference` it lets the reference batch of
    :class:`VirtualBatchNormalization` travel through a network with every other batch.
    ``(n, latent_dim)`` → ``(count + n, latent_dim)``.
    """

    def __init__(self, count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count = count

    def build(self, input_shape: tuple[int | None, int]) -> None:
        """Draw the noise."""
        self.noise = self.add_weight(
            (self.count, input_shape[-1]),
            initializer=keras.initializers.RandomUniform(-1.0, 1.0),
            trainable=False,
            name="noise",
        )

    def call(self, noise: Any) -> Any:
        """Return both, one below the other."""
        return tf.concat([tf.convert_to_tensor(self.noise), noise], axis=0)

    def compute_output_shape(self, input_shape: tuple[int | None, int]) -> tuple[int | None, int]:
        """Leave the number of rows open."""
        return None, input_shape[1]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build the layer again."""
        return {**super().get_config(), "count": self.count}


@keras.saving.register_keras_serializable(package="gan_aug")
class WithoutReference(layers.Layer):  # type: ignore[misc] # Keras ships no types
    """Takes the rows of the reference batch away: ``(count + n, ...)`` → ``(n, ...)``."""

    def __init__(self, count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count = count

    def call(self, inputs: Any) -> Any:
        """Return the other rows."""
        return inputs[self.count :]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Leave the number of rows open."""
        return None, *input_shape[1:]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build the layer again."""
        return {**super().get_config(), "count": self.count}


@tf.custom_gradient  # type: ignore[untyped-decorator]
def measure_rows(values: tf.Tensor) -> tuple[tuple[tf.Tensor, ...], Any]:
    """Return the values, each row's means and its mean squares, ``(n, 1, ..., channels)``.

    The gradient adds its three terms in one order, whereas TensorFlow's ``AddN`` begins with the
    one whose buffer is free. It subtracts what is multiplied by a negative number: of additions in
    a row TensorFlow makes an ``AddN`` again.
    """
    inside = list(range(1, len(values.shape) - 1))
    means, squares = (
        tf.reduce_mean(moment, axis=inside, keepdims=True) if inside else moment
        for moment in (values, values**2)
    )

    def gradients(upstream: tf.Tensor, of_means: tf.Tensor, of_squares: tf.Tensor) -> tf.Tensor:
        pixels = float(np.prod(values.shape[1:-1]))
        return upstream - values * (of_squares / pixels * -2.0) - of_means / pixels * -1.0

    return (tf.identity(values), means, squares), gradients


@keras.saving.register_keras_serializable(package="gan_aug")
class VirtualBatchNormalization(layers.Layer):  # type: ignore[misc] # Keras ships no types
    """Normalizes each row by the statistics of a fixed reference batch and of itself.

    Salimans et al. (2016), section 3.4. The reference batch is the first ``count`` rows; means and
    mean squares are those of its rows, weighed ``count`` to 1 against those of the row itself. So
    no row depends on the others, in training neither. ``(count + n, ..., channels)`` → the same.
    """

    EPSILON = 1e-3

    def __init__(self, count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs, autocast=False)
        self.count = count

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the scale, all 1, and the offset, all 0, of each channel."""
        self.gamma, self.beta = (
            self.add_weight((input_shape[-1],), initializer=start, autocast=False, name=name)
            for name, start in {"gamma": "ones", "beta": "zeros"}.items()
        )

    def call(self, inputs: Any) -> Any:
        """Return the normalized rows."""
        values, *moments = measure_rows(tf.cast(inputs, tf.float32))
        mean, squares = (self.weigh(rows) for rows in moments)
        variance = tf.maximum(squares - mean**2, 0.0)
        normalized = (values - mean) * tf.math.rsqrt(variance + self.EPSILON)
        return tf.cast(normalized * self.gamma + self.beta, inputs.dtype)

    def weigh(self, rows: Any) -> Any:
        """Return a moment's mean over the reference batch and over each row, weighed."""
        reference = tf.reduce_mean(rows[: self.count], axis=0, keepdims=True)
        return (self.count * reference + rows) / (self.count + 1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build the layer again."""
        return {**super().get_config(), "count": self.count}


@tf.custom_gradient  # type: ignore[untyped-decorator]
def sum_squares(directions: tf.Tensor) -> tuple[tuple[tf.Tensor, tf.Tensor], Any]:
    """Return ``(d, units)`` directions and the sum of each unit's squares.

    The gradient is added in one order, as in :func:`measure_rows`: each pass of a network brings
    two terms, so two passes would make a sum of four.
    """

    def gradients(upstream: tf.Tensor, of_squares: tf.Tensor) -> tf.Tensor:
        return upstream - directions * (of_squares * -2.0)

    return (tf.identity(directions), tf.reduce_sum(directions**2, axis=0)), gradients


@keras.saving.register_keras_serializable(package="gan_aug")
class WeightNormDense(layers.Layer):  # type: ignore[misc] # Keras ships no types
    """A dense layer that learns the direction of each unit's weights apart from their length.

    Salimans and Kingma, "Weight normalization: a simple reparameterization to accelerate training
    of deep neural networks" (2016): ``w = scale * v / |v|``, eq. 2. ``(n, d)`` → ``(n, units)``.

    Args:
        units: Outputs.
        learn_scale: Whether training changes the scales, or leaves them as they began.
        kwargs: As of any layer.
    """

    def __init__(self, units: int, *, learn_scale: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.learn_scale = learn_scale

    def build(self, input_shape: tuple[int | None, int]) -> None:
        """Create the ``(d, units)`` directions, the ``(units,)`` scales, all 1, and the biases."""
        # Lengths are summed in float32, whatever the precision of the product.
        self.directions = self.add_weight(
            (input_shape[-1], self.units),
            initializer=keras.initializers.RandomNormal(stddev=0.1),
            autocast=False,
            name="directions",
        )
        self.scale = self.add_weight(
            (self.units,),
            initializer="ones",
            trainable=self.learn_scale,
            autocast=False,
            name="scale",
        )
        self.bias = self.add_weight((self.units,), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        """Return the ``(n, units)`` sums."""
        directions, squares = sum_squares(tf.convert_to_tensor(self.directions))
        products = tf.matmul(inputs, tf.cast(directions, self.compute_dtype))
        return products * tf.cast(self.measure_gain(squares), self.compute_dtype) + self.bias

    def measure_gain(self, squares: Any) -> Any:
        """Return what each unit's directions are multiplied by: its scale over their length."""
        return self.scale * tf.math.rsqrt(squares)

    def standardize(self, inputs: Any) -> None:
        """Choose scales and biases by which the outputs for ``inputs`` have mean 0, variance 1.

        Section 3 of the paper, "data-dependent initialization".
        """
        outputs = tf.cast(self(inputs), tf.float32)
        deviation = tf.math.reduce_std(outputs, axis=0)
        self.scale.assign(self.scale / deviation)
        self.bias.assign((self.bias - tf.reduce_mean(outputs, axis=0)) / deviation)

    def fold(self) -> list[NDArray[np.float32]]:
        """Return kernel and bias of the ``Dense`` layer that computes the same."""
        directions, squares = sum_squares(tf.convert_to_tensor(self.directions))
        return [(directions * self.measure_gain(squares)).numpy(), self.bias.numpy()]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build the layer again."""
        return {**super().get_config(), "units": self.units, "learn_scale": self.learn_scale}
