"""Who labels images, and which of the labels are believed."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator

from gan_aug.settings.base import Count, Share, StageConfig
from gan_aug.teachers import TEACHERS

__all__ = ["PseudoLabelConfig", "TargetKind", "TeacherName"]

if TYPE_CHECKING:
    TeacherName = str
else:
    TeacherName = Literal[tuple(TEACHERS)]
TargetKind = Literal["soft", "hard"]

LEARNS_FROM_IMAGES, LEARNS_FROM_LABELS = "consistency", "shift"


class PseudoLabelConfig(StageConfig):
    """Who labels synthetic and unlabeled images, and which of the labels are believed."""

    teacher: TeacherName | Literal["auto"] = Field(
        "auto",
        description="Who labels the images. "
        + "; ".join(f"`{name}`: {t.description}" for name, t in TEACHERS.items())
        + f". `auto`: `{LEARNS_FROM_IMAGES}` where most training images have no label, else, and "
        f"with `calibration_folds`, `{LEARNS_FROM_LABELS}`.",
    )
    teachers: Count = Field(
        1, description="Networks whose probabilities are averaged; they differ in their seeds."
    )
    calibration_folds: Annotated[int, Field(ge=0, le=10)] = Field(
        0,
        description="Divide the teachers' logits by a temperature, fitted to labeled images that a "
        "CNN trained on the other folds predicts; 0 leaves them as they are, and is the only "
        "choice for a teacher that is no CNN.",
    )
    confidence_threshold: Share = Field(
        0.9, description="Accept an image only if the teacher's top probability is at least this."
    )
    margin_threshold: Share = Field(
        0.0, description="And only if the second probability is lower by at least this."
    )
    per_class: Count = Field(
        2000,
        description="Images of a class to accept, on average or at most: see `balance`. As many "
        "transformed copies are in the `shift` arms, and in what the teacher is trained on.",
    )
    balance: Literal["none", "cap", "equal", "level"] = Field(
        "cap",
        description="`cap`: at most `per_class` images of every class. `equal`: as many of every "
        "class as the scarcest has. `level`: as many as bring every class, its labeled images "
        "counted, to `per_class` or to the size of the largest class, so most for the rarest; and "
        "all classes carry equal weight. `none`: whatever comes first, `per_class` times the "
        "number of classes in all.",
    )
    trust: Share | Literal["auto"] = Field(
        "auto",
        description="How much the teacher's labels count, as a share of the weight that added "
        "images carry; 0 leaves their images out. `auto`: 1 where the teacher makes at most half "
        "of the errors of a classifier that learned from the labels alone, 0 where it makes as "
        "many, and in proportion between. Both are asked about labels that were held out. Of "
        f"`{LEARNS_FROM_IMAGES}` alone; other teachers count in full.",
    )
    targets: TargetKind = Field(
        "soft",
        description="Train on the teacher's probabilities (`soft`) or on its top class (`hard`).",
    )

    @field_validator("calibration_folds")
    @classmethod
    def refuse_impossible_folds(cls, folds: int, info: ValidationInfo) -> int:
        """A single fold would leave nothing to train on; only classifiers are trained on folds."""
        if folds == 1:
            raise ValueError("expected 0 for no calibration, or at least 2, found 1")
        teacher = TEACHERS.get(info.data.get("teacher", ""))
        if folds and teacher and teacher.arm is None:
            raise ValueError(
                f"expected 0 with the teacher `{teacher.name}`, whose temperature is not fitted, "
                f"found {folds}"
            )
        return folds

    def plan(self, labels: int, images: int) -> Self:
        """Return the settings with the teacher that `auto` is.

        Args:
            labels: How many training images are labeled.
            images: How many training images there are.
        """
        if self.teacher != "auto":
            return self
        few = 2 * labels < images and not self.calibration_folds
        return self.model_copy(
            update={"teacher": LEARNS_FROM_IMAGES if few else LEARNS_FROM_LABELS}
        )

    @property
    def acceptance(self) -> dict[str, Any]:
        """The settings that decide which images are accepted, and nothing else."""
        names = ("confidence_threshold", "margin_threshold", "per_class", "balance")
        return {name: getattr(self, name) for name in names}
