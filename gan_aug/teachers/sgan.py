"""The semi-supervised GAN as a teacher: it learns from the unlabeled images too."""

from typing import TYPE_CHECKING, Any

from gan_aug.classifiers.cnn import CNN
from gan_aug.device import Compute
from gan_aug.images import Indices, Shape
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.seeding import number_seed
from gan_aug.settings.sgan import SganConfig
from gan_aug.stage import Stage
from gan_aug.store.formats import KerasFormat
from gan_aug.teachers.teacher import Ingredients, Teacher

if TYPE_CHECKING:
    import keras

    from gan_aug.training import Checkpoint

__all__ = ["SGAN", "train_network"]


def plan(ingredients: Ingredients, number: int) -> Stage[Any]:
    """Return the training of the teacher's n-th network."""
    config: SganConfig = ingredients.config.sgan
    return Stage(
        "sgan",
        f"SGAN {number}",
        train_network,
        KerasFormat("sgan"),
        settings={"config": config, "seed": ingredients.config.seed, "member": number},
        inputs={"data": ingredients.data, "drawn": ingredients.drawn},
        compute=ingredients.compute,
        steps=config.updates,
        trains=True,
        resumable=True,
    )


def train_network(
    data: Any,
    drawn: Indices,
    config: SganConfig,
    *,
    seed: int,
    member: int,
    compute: Compute,
    checkpoint: "Checkpoint | None" = None,
    on_progress: OnProgress = ignore_progress,
) -> "keras.Model":
    """Train a network on all training images and the labels of those that were drawn.

    Args:
        data: The data set, a :class:`gan_aug.data.dataset.Dataset`.
        drawn: ``(labels,)`` places of the training images whose labels may be seen.
        config: Settings of the semi-supervised GAN.
        seed: Of the run.
        member: Number among the teacher's networks, which gives each a seed of its own.
        compute: Device, precision and compilation.
        checkpoint: Where the state is kept from time to time, and found again.
        on_progress: Called every few updates with the number done and the newest losses.
    """
    from gan_aug.gan.semi_supervised import train_sgan  # noqa: PLC0415 - it imports TensorFlow

    return train_sgan(
        data.train.take(drawn),
        data.images,
        config,
        seed=number_seed(seed, member),
        compute=compute,
        checkpoint=checkpoint,
        on_progress=on_progress,
    )


def estimate_memory(shape: Shape, classes: int, _images: int, config: Any) -> float:
    """Estimate the bytes of both networks' states and of one update's values."""
    from gan_aug.gan.semi_supervised import estimate_sgan  # noqa: PLC0415 - it imports TensorFlow

    return estimate_sgan(shape, classes, config.sgan)


SGAN = Teacher(
    name="sgan",
    kind="semi-supervised GAN",
    description="a semi-supervised GAN, trained on the labeled images and on all training images "
    "without their labels",
    settings=SganConfig,
    depends_on=("sgan",),
    arm=None,
    plan=plan,
    predict=CNN.predict,
    file="sgan.keras",
    estimate_memory=estimate_memory,
    remedy="--sgan.batch-size or --sgan.labeled-batch-size",
)
