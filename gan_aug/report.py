"""The report a run leaves for people, in Markdown."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
import numpy as np

from gan_aug.comparison import Comparison
from gan_aug.config import RunConfig, to_flags
from gan_aug.images import CLASSES, Images, PseudoLabeledImages
from gan_aug.pseudo_label import LOW_CONFIDENCE
from gan_aug.quality import Quality

__all__ = ["StageTime", "pick_accepted", "pick_rejected", "render_report"]

PICKED_PER_CLASS = 20
PICKED_REJECTED = 100


@dataclass(frozen=True)
class StageTime:
    """How long a stage took, when it ran.

    Attributes:
        label: The stage's name for people.
        seconds: Wall-clock time.
        cached: Whether this run reused an earlier output.
    """

    label: str
    seconds: float
    cached: bool


def render_report(
    name: str,
    config: RunConfig,
    comparison: Comparison,
    pseudo: PseudoLabeledImages,
    quality: Quality | None,
    *,
    environment: Mapping[str, Any],
    stages: Sequence[StageTime],
    grids: Sequence[str],
) -> str:
    """Render the report.

    Args:
        name: Name of the run.
        config: Its settings.
        comparison: Its result, whose verdict is the first line.
        pseudo: All synthetic images with their pseudo-labels.
        quality: How good they are, if that was measured.
        environment: As from :func:`gan_aug.environment.describe_environment`.
        stages: In the order they ran.
        grids: Paths of the sample grids relative to the report, in the order of training.

    Returns:
        Markdown that refers to the pictures beside it.
    """
    return load_template().render(
        name=name,
        config=config,
        labels=comparison.scores[0].labels,
        comparison=comparison,
        environment=environment,
        pseudo=summarize_pseudo_labels(pseudo, config.pseudo_labels.confidence_threshold),
        quality=quality,
        stages=stages,
        grids=grids,
        flags=shlex.join(to_flags(config)),
    )


def load_template() -> jinja2.Template:
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("gan_aug"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        autoescape=False,  # noqa: S701 - Markdown, from the run's own values
    )
    templates.filters |= {
        "count": lambda count: f"{count:,}",
        "percent": lambda share, decimals: "" if share is None else f"{share:.{decimals}%}",
        "points": lambda difference: f"{100 * difference:+.2f}",
    }
    return templates.get_template("report.md.j2")


def summarize_pseudo_labels(pseudo: PseudoLabeledImages, threshold: float) -> dict[str, Any]:
    """Count offered, confident and accepted images, in all and by class."""

    def per_class(chosen: np.ndarray[Any, np.dtype[np.bool_]]) -> list[int]:
        counts: list[int] = np.bincount(pseudo.labels[chosen], minlength=CLASSES).tolist()
        return counts

    return {
        "offered": len(pseudo.images),
        "accepted": int(pseudo.accepted.sum()),
        "rejected": pseudo.rejected,
        "rejected_for_confidence": pseudo.rejected[LOW_CONFIDENCE],
        "accepted_per_class": per_class(pseudo.accepted),
        "confident_per_class": per_class(pseudo.confidence >= threshold),
        "offered_per_class": per_class(np.ones_like(pseudo.accepted)),
    }


def pick_accepted(pseudo: PseudoLabeledImages) -> Images:
    """Return up to 20 accepted images of each digit, by digit; blank where there are fewer."""
    picked = np.zeros((CLASSES, PICKED_PER_CLASS, *pseudo.images.shape[1:]), dtype=np.uint8)
    for digit in range(CLASSES):
        images = pseudo.images[pseudo.accepted & (pseudo.labels == digit)][:PICKED_PER_CLASS]
        picked[digit, : len(images)] = images
    return picked.reshape(-1, *pseudo.images.shape[1:])


def pick_rejected(pseudo: PseudoLabeledImages, threshold: float) -> Images:
    """Return up to 100 images that were rejected for low confidence; possibly none."""
    return pseudo.images[pseudo.confidence < threshold][:PICKED_REJECTED]
