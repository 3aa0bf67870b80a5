"""A generator as people get it: of Keras's own layers, so that any Keras loads it."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from gan_aug.fused import FusedBatchNormalization
from gan_aug.gan.layers import (
    ClusterCode,
    HalfWordDropout,
    ReferenceNoise,
    SmallMapConv2D,
    UpsampledConv2D,
    VirtualBatchNormalization,
    WithoutReference,
)

__all__ = ["export_generator"]

# Layers that Keras has under another name, with the same settings and weights.
TWINS: dict[type[layers.Layer], type[layers.Layer]] = {
    FusedBatchNormalization: layers.BatchNormalization,
    HalfWordDropout: layers.Dropout,
    SmallMapConv2D: layers.Conv2D,
}


def export_generator(generator: keras.Model) -> keras.Model:
    """Return the same function of the same noise, without the layers of this project.

    A file of it needs no gan-aug to be loaded. It computes in float32, whatever precision the
    generator was trained in.

    Args:
        generator: ``(n, latent_dim)`` noise → ``(n, height, width, channels)`` images in [0, 1].
    """
    noise = keras.Input(generator.input_shape[1:], name="latent")
    values = noise
    for layer in generator.layers:
        if isinstance(layer, ClusterCode):
            values = write_code(layer, values)
        elif isinstance(layer, UpsampledConv2D):
            values = convolve_upsampled(layer, values)
        elif isinstance(layer, VirtualBatchNormalization):
            values = normalize_virtually(layer, values, *measure_reference(generator, layer))
        elif not isinstance(layer, ReferenceNoise | WithoutReference):
            values = copy_layer(layer, values)
    return keras.Model(noise, values, name=generator.name)


def copy_layer(layer: layers.Layer, values: Any) -> Any:
    """Apply the layer of Keras that has the same settings and weights."""
    kind = TWINS.get(type(layer), type(layer))
    copy = kind.from_config(layer.get_config() | {"dtype": "float32"})
    outputs = copy(values)
    copy.set_weights(layer.get_weights())
    return outputs


def write_code(layer: ClusterCode, noise: Any) -> Any:
    """Apply :class:`ClusterCode`."""
    edges = [float(edge) for edge in ops.convert_to_numpy(layer.edges)]
    which = layers.Discretization(bin_boundaries=edges, output_mode="one_hot", dtype="float32")
    code = layers.Rescaling(layer.SCALE, dtype="float32")(which(noise[:, :1]))
    return layers.Concatenate(dtype="float32")([noise[:, 1:], code])


def convolve_upsampled(layer: UpsampledConv2D, values: Any) -> Any:
    """Apply :class:`UpsampledConv2D` as the two layers that it stands for."""
    larger = layers.UpSampling2D(dtype="float32")(values)
    convolution = layers.Conv2D(layer.filters, 5, padding="same", dtype="float32")
    outputs = convolution(larger)
    convolution.set_weights(layer.get_weights())
    return outputs


def measure_reference(
    generator: keras.Model, layer: VirtualBatchNormalization
) -> tuple[list[float], list[float]]:
    """Return what reaches a layer from the reference batch: each channel's mean and mean square."""
    before = keras.Model(generator.inputs, layer.input)
    rows = before.predict(np.zeros((1, *generator.input_shape[1:])), verbose=0)[: layer.count]
    axes = tuple(range(rows.ndim - 1))
    rows = rows.astype(np.float64)
    return rows.mean(axes).tolist(), (rows**2).mean(axes).tolist()


def normalize_virtually(
    layer: VirtualBatchNormalization, values: Any, mean: list[float], square: list[float]
) -> Any:
    """Apply :class:`VirtualBatchNormalization`, to which the reference batch is a constant."""
    inside = list(range(1, len(values.shape) - 1))

    def weigh(rows: Any, reference: list[float]) -> Any:
        own = ops.mean(rows, axis=inside, keepdims=True) if inside else rows
        share = 1 / (layer.count + 1)
        offset = [value * (1 - share) for value in reference]
        return layers.Rescaling(share, offset, dtype="float32")(own)

    middle = weigh(values, mean)
    variance = ops.relu(weigh(ops.square(values), square) - ops.square(middle))
    scale, offset = (weights.tolist() for weights in layer.get_weights())
    normalized = (values - middle) * ops.rsqrt(variance + layer.EPSILON)
    return layers.Rescaling(scale, offset, dtype="float32")(normalized)
