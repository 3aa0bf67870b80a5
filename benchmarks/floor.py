"""The arithmetic of a DCGAN training step: the multiply-adds it can't do without.

Counted are the products of dense layers and direct convolutions, one multiply-add for each pair of
an input value and a weight that meet in an output value, where the input value is a pixel of the
image and not padding. Each layer has three such products of equal size: its output, the gradient of
its weights, and the gradient of its input.

Not counted, so that the floor is below what any program can reach: biases, activations,
normalization, dropout, losses, optimizers, the running average, the folding of kernels, and all
movement of data. Methods that trade multiplications for additions (Winograd, FFT) could go below.
"""

from collections.abc import Sequence

import keras
from keras import layers

from gan_aug.gan.layers import UpsampledConv2D

__all__ = ["count_chapter_step", "count_layers", "count_step", "count_taps"]


def count_step(generator: keras.Model, discriminator: keras.Model, batch_size: int) -> int:
    """Count one step's multiply-adds: one update of each player, all that is shared done once.

    The generator runs once on ``batch_size`` noise vectors, forward and backward; nobody needs the
    gradient of the noise. The discriminator runs once on as many real and generated images; the
    gradient of its input is needed for the generated ones only.
    """
    fakes, images = batch_size, 2 * batch_size
    return (
        fakes * count_training(count_layers(generator))
        + images * count_training(count_layers(discriminator))
        + fakes * count_layers(discriminator)[0]
    )


def count_chapter_step(generator: keras.Model, discriminator: keras.Model, batch_size: int) -> int:
    """Count the multiply-adds of the same step in the chapter's loop.

    Upsampled images are convolved with all 25 taps; ``predict`` is a forward pass of the generator;
    the generator's training is another, and one of the discriminator, whose weight gradients are
    computed there too.
    """
    generator_layers = count_layers(generator, fold=False)
    discriminator_layers = count_layers(discriminator)
    fakes, images = batch_size, 2 * batch_size
    return (
        fakes * sum(generator_layers)
        + images * count_training(discriminator_layers)
        + fakes * count_training(generator_layers)
        + fakes * 3 * sum(discriminator_layers)
    )


def count_training(forward: Sequence[int]) -> int:
    """Count output, weight gradient and input gradient of all layers but the first's last."""
    return 3 * sum(forward) - forward[0]


def count_layers(model: keras.Model, *, fold: bool = True) -> list[int]:
    """Count each layer's forward multiply-adds for one image, in order; 0 for none is left out.

    Args:
        model: Of the layers this project's networks are made of.
        fold: Whether :class:`UpsampledConv2D` counts as the 3×3 convolution it computes, or as
            the upsampling and the 5×5 convolution it stands for.
    """
    counts = [count_layer(layer, fold=fold) for layer in model.layers]
    return [count for count in counts if count]


def count_layer(layer: layers.Layer, *, fold: bool) -> int:
    if isinstance(layer, layers.Dense):
        inputs, outputs = layer.kernel.shape
        return int(inputs * outputs)
    if isinstance(layer, UpsampledConv2D):
        return count_upsampled(layer, fold=fold)
    if isinstance(layer, layers.Conv2DTranspose):
        # The transpose meets the same pairs as the convolution from its output to its input.
        return count_convolution(layer, image=layer.output.shape, result=layer.input.shape)
    if isinstance(layer, layers.Conv2D):
        return count_convolution(layer, image=layer.input.shape, result=layer.output.shape)
    if layer.trainable_variables and not isinstance(layer, layers.BatchNormalization):
        raise TypeError(f"{layer.name}: expected a layer that can be counted, found {type(layer)}")
    return 0


def count_convolution(layer: layers.Layer, *, image: Sequence[int], result: Sequence[int]) -> int:
    taps = [
        count_taps(image[1 + axis], result[1 + axis], layer.kernel_size[axis], layer.strides[axis])
        for axis in (0, 1)
    ]
    return taps[0] * taps[1] * int(image[-1]) * int(result[-1])


def count_upsampled(layer: UpsampledConv2D, *, fold: bool) -> int:
    """Count it as it is computed, four phases of 3×3 taps, or as it is meant, 5×5 taps."""
    _, *source, inputs = layer.input.shape
    _, *target, outputs = layer.output.shape
    rows, columns = (
        2 * count_taps(before, before, 3, 1) if fold else count_taps(after, after, 5, 1)
        for before, after in zip(source, target[:2], strict=True)
    )
    return int(rows * columns * inputs * outputs)


def count_taps(image: int, result: int, kernel: int, stride: int) -> int:
    """Count along one axis the pairs of a kernel's tap and a pixel of the image, padding "same".

    Args:
        image: Pixels of the larger side, which is padded.
        result: Pixels of the other side, ``ceil(image / stride)``.
        kernel: Taps.
        stride: Pixels from one position of the kernel to the next.
    """
    before = max((result - 1) * stride + kernel - image, 0) // 2
    starts = [position * stride - before for position in range(result)]
    return sum(min(start + kernel, image) - max(start, 0) for start in starts)
