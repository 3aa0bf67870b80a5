"""The teacher that learns most from unlabeled images: an encoder, spread labels, consistency."""

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_aug.classifiers.cnn import CNN
from gan_aug.classifiers.cross_fitting import cross_fit_error
from gan_aug.errors import TrainingCollapsedError, TrainingDivergedError
from gan_aug.images import Indices, Shape
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.representation.encoder import describe_encoder, describe_features
from gan_aug.representation.propagation import (
    Neighbors,
    Propagated,
    estimate_graph,
    find_neighbors,
    propagate,
)
from gan_aug.seeding import number_seed
from gan_aug.settings.consistency import ConsistencyConfig
from gan_aug.stage import Inputs, Stage
from gan_aug.store.formats import ArraysFormat, JsonFormat, KerasFormat
from gan_aug.teachers.teacher import Ingredients, Teacher
from gan_aug.teachers.trust import FOLDS, FULL

if TYPE_CHECKING:
    import keras

__all__ = ["CONSISTENCY", "describe_propagation", "examine_teacher", "train_network"]

logger = logging.getLogger(__name__)


def plan(ingredients: Ingredients, number: int) -> Stage[Any]:
    """Return the training of the teacher's n-th network in its last round.

    All begin as one encoder. By the features of a network labels spread again, and the network of
    the next round learns from these.
    """
    config: ConsistencyConfig = ingredients.config.consistency
    encoder = train_encoder(ingredients)
    network = encoder
    for lap in range(1, config.rounds + 1):
        propagated = describe_propagation(ingredients, network)
        network = describe_network(ingredients, number, lap, propagated, encoder)
    return network


def train_encoder(ingredients: Ingredients) -> Stage[Any]:
    """Return the training of the encoder."""
    config = ingredients.config
    return describe_encoder(
        ingredients.data, config.encoder, seed=config.seed, compute=ingredients.compute
    )


def describe_examination(ingredients: Ingredients, student_error: Inputs) -> Stage[float]:
    """Return how often the teacher errs about labels that were held out.

    Args:
        ingredients: Data, labels and settings.
        student_error: How often a classifier errs that has no teacher.
    """
    config: ConsistencyConfig = ingredients.config.consistency
    encoder = train_encoder(ingredients)
    return Stage(
        "examination",
        "teacher, labels held out",
        examine_teacher,
        JsonFormat("error", float),
        settings={
            "config": config.model_copy(update={"rounds": 1}),
            "views": ingredients.config.encoder.views,
            "seed": ingredients.config.seed,
        },
        inputs={
            "data": ingredients.data,
            "drawn": ingredients.drawn,
            "neighbors": describe_neighbors(ingredients, encoder),
            "propagated": describe_propagation(ingredients, encoder),
            "encoder": encoder,
            "student_error": student_error,
        },
        compute=ingredients.compute,
        steps=FOLDS * config.updates,
        trains=True,
    )


def describe_network(
    ingredients: Ingredients,
    number: int,
    lap: int,
    propagated: Stage[Propagated],
    encoder: Stage[Any],
) -> Stage[Any]:
    """Return the training of the teacher's n-th network in a round.

    Args:
        ingredients: Data, labels and settings.
        number: Of the network.
        lap: Number of the round.
        propagated: Labels that spread to all training images.
        encoder: Where the network begins.
    """
    config: ConsistencyConfig = ingredients.config.consistency
    return Stage(
        "consistency",
        f"consistency {number}{f', round {lap}' if lap > 1 else ''}",
        train_network,
        KerasFormat("consistency"),
        settings={
            "config": config.model_copy(update={"rounds": 1}),
            "views": ingredients.config.encoder.views,
            "seed": number_seed(ingredients.config.seed, number),
        },
        inputs={
            "data": ingredients.data,
            "drawn": ingredients.drawn,
            "propagated": propagated,
            "encoder": encoder,
        },
        compute=ingredients.compute,
        steps=config.updates,
        trains=True,
        resumable=True,
    )


def describe_propagation(ingredients: Ingredients, network: Stage[Any]) -> Stage[Propagated]:
    """Return what spreads the labels to all training images.

    Args:
        ingredients: Data, labels and settings.
        network: By whose features, and the pixels, images are neighbours.
    """
    return Stage(
        "propagation",
        "spread labels",
        propagate,
        ArraysFormat("propagated", Propagated),
        settings={"slack": ingredients.config.consistency.size_slack},
        inputs={
            "neighbors": describe_neighbors(ingredients, network),
            "drawn": ingredients.drawn,
            "train": ingredients.data.select("train"),
        },
    )


def describe_neighbors(ingredients: Ingredients, network: Stage[Any]) -> Stage[Neighbors]:
    """Return what finds the neighbours of all training images, by a network's features."""
    features = describe_features(
        ingredients.data, network, ingredients.config.encoder, compute=ingredients.compute
    )
    return Stage(
        "neighbors",
        "neighbors",
        find_neighbors,
        ArraysFormat("neighbors", Neighbors),
        settings={"count": ingredients.config.consistency.neighbors},
        inputs={"features": features},
    )


def train_network(
    data: Any,
    drawn: Indices,
    propagated: Propagated,
    encoder: "keras.Model",
    config: ConsistencyConfig,
    *,
    views: Any,
    **training: Any,
) -> "keras.Model":
    """Train a network on all training images and the labels of those that were drawn.

    Args:
        data: The data set, a :class:`gan_aug.data.dataset.Dataset`.
        drawn: ``(labels,)`` places of the training images whose labels may be seen.
        propagated: What they say of all training images.
        encoder: Where the network begins.
        config: Settings of the training.
        views: Name of the views, as in the encoder's settings.
        training: As for :func:`gan_aug.representation.consistency.train_consistently`.

    Raises:
        UserError: The training collapsed.
    """
    from gan_aug.representation.consistency import (  # noqa: PLC0415 - it imports TensorFlow
        Lesson,
        train_consistently,
    )
    from gan_aug.representation.views import choose_views  # noqa: PLC0415 - it imports TensorFlow

    images, labels = data.images, data.train.labels[drawn]
    lesson = Lesson(images, drawn, labels, propagated, len(data.spec.classes))
    known = choose_views(views, images)
    return train_consistently(lesson, encoder, config, views=known, **training)


def examine_teacher(
    data: Any, drawn: Indices, propagated: Propagated, student_error: float, **training: Any
) -> float:
    """Return how often the teacher errs about labels that were held out.

    Spread labels err more often than the network that learns from them, and were held out already.
    Only if that leaves the answer open, networks are trained with half of the labels.

    Args:
        data: The data set, a :class:`gan_aug.data.dataset.Dataset`.
        drawn: ``(labels,)`` places of the training images whose labels may be seen.
        propagated: What the labels say of all training images.
        student_error: How often a classifier errs that has no teacher, in [0, 1].
        training: As for :func:`cross_fit_network`.

    Returns:
        In [0, 1]. The error of the spread labels, if it is small enough, if a class has a single
        label, or if half of the labels are too few to train with.
    """
    error = float(propagated.tested_wrong.mean())
    scarcest = np.bincount(data.train.labels[drawn]).min()
    if error <= FULL * student_error or scarcest < FOLDS:
        return error
    try:
        return cross_fit_network(data, drawn, **training)
    except (TrainingCollapsedError, TrainingDivergedError):
        logger.warning(
            "teacher: its training failed with half of the labels; spread labels stand in for it"
        )
        return error


def cross_fit_network(
    data: Any,
    drawn: Indices,
    neighbors: Neighbors,
    encoder: "keras.Model",
    config: ConsistencyConfig,
    *,
    seed: int,
    on_progress: OnProgress = ignore_progress,
    **training: Any,
) -> float:
    """Return how often a network errs about the half of the labels that it did not learn from.

    Args:
        data: The data set, a :class:`gan_aug.data.dataset.Dataset`.
        drawn: ``(labels,)`` places of the training images whose labels may be seen.
        neighbors: Of all training images; along them half of the labels spread.
        encoder: Where the networks begin.
        config: Settings of the training.
        seed: Of the halves and of both trainings.
        on_progress: Called with the steps of both trainings done.
        training: As for :func:`train_network`.

    Returns:
        In [0, 1].

    Raises:
        TrainingCollapsedError: Half of the labels are too few.
        TrainingDivergedError: A loss is not finite.
    """

    def train_one(learned: Indices, on_progress: OnProgress) -> Any:
        part = drawn[learned]
        spread = propagate(neighbors, data.train, part, slack=config.size_slack)
        return train_network(
            data, part, spread, encoder, config, seed=seed, on_progress=on_progress, **training
        )

    return cross_fit_error(
        data.train.take(drawn),
        folds=FOLDS,
        seed=seed,
        train=train_one,
        predict=CNN.predict,
        steps=config.updates,
        on_progress=on_progress,
    )


def estimate_memory(shape: Shape, classes: int, images: int, config: Any) -> float:
    """Estimate the bytes of the largest of its steps: encoder, features, graph or network."""
    from gan_aug.components import estimate_components  # noqa: PLC0415 - it imports scikit-learn
    from gan_aug.representation.consistency import (  # noqa: PLC0415 - it imports TensorFlow
        estimate_consistency,
    )
    from gan_aug.representation.contrastive import (  # noqa: PLC0415 - it imports TensorFlow
        estimate_encoder,
    )

    return max(
        estimate_encoder(shape, config.encoder),
        estimate_components(shape, images),
        estimate_graph(images, config.consistency.neighbors, classes),
        estimate_consistency(shape, config.consistency, config.encoder.width),
    )


CONSISTENCY = Teacher(
    name="consistency",
    kind="consistency-trained network",
    description="a network that begins as an encoder trained without labels, learns labels that "
    "spread to the encoder's neighbours, and then to say the same of every view of an image",
    settings=ConsistencyConfig,
    depends_on=("encoder", "consistency"),
    arm=None,
    plan=plan,
    predict=CNN.predict,
    file="consistency.keras",
    estimate_memory=estimate_memory,
    remedy="--encoder.batch-size, --consistency.batch-size or --consistency.neighbors",
    examine=describe_examination,
)
