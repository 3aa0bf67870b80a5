"""The stages that learn of images without their labels; all label budgets share them."""

from typing import TYPE_CHECKING, Any

from gan_aug.device import Compute
from gan_aug.images import Float32, Images
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.settings.encoder import EncoderConfig
from gan_aug.stage import Stage
from gan_aug.store.formats import ArrayFormat, KerasFormat

if TYPE_CHECKING:
    import keras

__all__ = ["describe_encoder", "describe_features"]


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
        settings={"config": config.model_copy(update={"seed": None}), "seed": own},
        inputs={"images": data.select("images")},
        compute=compute,
        steps=config.steps,
        trains=True,
        resumable=True,
    )


def describe_features(data: Stage[Any], encoder: Stage[Any], compute: Compute) -> Stage[Float32]:
    """Return what makes the features of all training images.

    Args:
        data: The data set, a :class:`gan_aug.data.dataset.Dataset`.
        encoder: Makes them.
        compute: Device and precision.
    """
    return Stage(
        "features",
        "features",
        encode_images,
        ArrayFormat("features"),
        inputs={"images": data.select("images"), "encoder": encoder},
        compute=compute,
    )


def train_encoder(images: Images, config: EncoderConfig, **training: Any) -> "keras.Model":
    """Train an encoder: see :func:`gan_aug.representation.contrastive.train_encoder`."""
    from gan_aug.representation import contrastive  # noqa: PLC0415 - it imports TensorFlow

    return contrastive.train_encoder(images, config, **training)


def encode_images(
    images: Images, encoder: "keras.Model", on_progress: OnProgress = ignore_progress
) -> Float32:
    """Return features: see :func:`gan_aug.representation.contrastive.encode_images`."""
    from gan_aug.representation import contrastive  # noqa: PLC0415 - it imports TensorFlow

    return contrastive.encode_images(encoder, images, on_progress)
