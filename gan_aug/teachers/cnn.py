"""The teachers that are the CNN of an arm: students pay nothing for them."""

from typing import Any

from gan_aug.classifiers.cnn import CNN
from gan_aug.images import Shape
from gan_aug.stage import Stage
from gan_aug.teachers.teacher import Ingredients, Teacher

__all__ = ["ORIGINAL", "SHIFT"]


def name_arm(arm: str, description: str) -> Teacher:
    """Return the teacher that is the CNN of an arm."""

    def plan(ingredients: Ingredients, number: int) -> Stage[Any]:
        return ingredients.train_classifier(CNN, arm, number)

    return Teacher(
        name=arm,
        kind="CNN",
        description=description,
        settings=None,
        depends_on=(CNN.name, "augmentation"),
        arm=arm,
        plan=plan,
        predict=CNN.predict,
        file=CNN.file,
        estimate_memory=estimate_memory,
        remedy=CNN.remedy,
    )


def estimate_memory(shape: Shape, classes: int, _images: int, config: Any) -> float:
    """Estimate the bytes of the CNN's training."""
    return CNN.estimate_memory(shape, classes, config.of(CNN), 0)


ORIGINAL = name_arm("original", "a CNN, trained on the labeled images alone")
SHIFT = name_arm(
    "shift", "a CNN, trained on the labeled images and on shifted, turned and scaled copies of them"
)
