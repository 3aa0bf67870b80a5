"""The teacher that learns most from unlabeled images: an encoder, spread labels, consistency."""

from typing import TYPE_CHECKING, Any

from gan_aug.classifiers.cnn import CNN
from gan_aug.images import Indices, Shape
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
from gan_aug.stage import Stage
from gan_aug.store.formats import ArraysFormat, KerasFormat
from gan_aug.teachers.teacher import Ingredients, Teacher

if TYPE_CHECKING:
    import keras

__all__ = ["CONSISTENCY", "describe_propagation", "train_network"]


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


def test_labels(ingredients: Ingredients) -> Stage[Propagated]:
    """Return what spreads the labels by the encoder's features, and holds them out in turn."""
    return describe_propagation(ingredients, train_encoder(ingredients))


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
    config: ConsistencyConfig = ingredients.config.consistency
    features = describe_features(
        ingredients.data, network, ingredients.config.encoder, compute=ingredients.compute
    )
    neighbors = Stage(
        "neighbors",
        "neighbors",
        find_neighbors,
        ArraysFormat("neighbors", Neighbors),
        settings={"count": config.neighbors},
        inputs={"features": features},
    )
    return Stage(
        "propagation",
        "spread labels",
        propagate,
        ArraysFormat("propagated", Propagated),
        settings={"slack": config.size_slack},
        inputs={
            "neighbors": neighbors,
            "drawn": ingredients.drawn,
            "train": ingredients.data.select("train"),
        },
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
    test=test_labels,
)
