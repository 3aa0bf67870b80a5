"""The stages that learn of images without their labels; all label budgets share them."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_aug.device import Compute
from gan_aug.images import Float32, Images
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.settings.encoder import EncoderConfig
from gan_aug.stage import Stage
from gan_aug.store.formats import ArrayFormat, KerasFormat

if TYPE_CHECKING:
    import keras

__all__ = ["describe_encoder", "describe_features", "join_features"]

NOT_FOR_TRAINING = {"seed": None, "pixel_share": 0.0}
"""Settings that do not change how an encoder of a given seed is trained → one value for all."""
COMPONENTS_SEED = 0


def describe_encoder(
    data: Stage[Any], config: EncoderConfig, *, seed: int, compute: Compute
) -> Stage[Any]:
    """Return the training of an encoder on all training images, without their labels.

    Args:
        data: The data set, a :class:`gan_aug.data.dataset.Dataset`.
        config: Settings of the encoder.
        seed: Of the run; the settings may name another.
        compute: Device and precision.
    """
    own = seed if config.seed is None else config.seed
    return Stage(
        "encoder",
        "encoder",
        train_encoder,
        KerasFormat("encoder"),
        settings={"config": config.model_copy(update=NOT_FOR_TRAINING), "seed": own},
        inputs={"images": data.select("images")},
        compute=compute,
        steps=config.steps,
        trains=True,
        resumable=True,
    )


def describe_features(
    data: Stage[Any], encoder: Stage[Any], config: EncoderConfig, *, compute: Compute
) -> Stage[Float32]:
    """Return what makes the features that training images are compared by.

    Args:
        data: The data set, a :class:`gan_aug.data.dataset.Dataset`.
        encoder: Makes most of them; a network that began as an encoder can too.
        config: Says how much the pixels themselves count.
        compute: Device and precision.
    """
    return Stage(
        "features",
        "features",
        make_features,
        ArrayFormat("features"),
        settings={"pixel_share": config.pixel_share},
        inputs={"images": data.select("images"), "encoder": encoder},
        compute=compute,
    )


def train_encoder(images: Images, config: EncoderConfig, **training: Any) -> "keras.Model":
    """Train an encoder: see :func:`gan_aug.representation.contrastive.train_encoder`."""
    from gan_aug.representation import contrastive  # noqa: PLC0415 - it imports TensorFlow

    return contrastive.train_encoder(images, config, **training)


def make_features(
    images: Images,
    encoder: "keras.Model",
    on_progress: OnProgress = ignore_progress,
    *,
    pixel_share: float,
) -> Float32:
    """Return features of images: the encoder's, and principal components of the pixels.

    What an encoder learns to overlook, as a bar through a seven, the pixels still show, and they
    are right where few of them differ.

    Args:
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        encoder: An encoder, or a network that began as one.
        on_progress: Called with the number of images done.
        pixel_share: As for :func:`join_features`.

    Returns:
        ``(n, features)`` float32, each row of length 1.
    """
    from gan_aug.components import reduce_images  # noqa: PLC0415 - it imports scikit-learn
    from gan_aug.representation import contrastive  # noqa: PLC0415 - it imports TensorFlow

    encoded = contrastive.encode_images(encoder, images, on_progress)
    return join_features(encoded, reduce_images(images, seed=COMPONENTS_SEED), share=pixel_share)


def join_features(first: Float32, second: Float32, *, share: float) -> Float32:
    """Return features whose cosine similarity is the weighted mean of two kinds of features.

    Args:
        first: ``(n, d)``.
        second: ``(n, e)``.
        share: In [0, 1], how much the second kind's similarity counts; the first kind's the rest.

    Returns:
        ``(n, d + e)`` float32, each row of length 1.
    """
    from sklearn.preprocessing import normalize  # noqa: PLC0415 - seconds to import

    parts = [math.sqrt(1 - share) * normalize(first), math.sqrt(share) * normalize(second)]
    return np.concatenate(parts, axis=1).astype(np.float32)
