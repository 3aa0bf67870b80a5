"""The reports for people: Markdown, and the same as a page."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import jinja2
import numpy as np
from markdown_it import MarkdownIt

from gan_aug.comparison import CLASSIFIER_NAMES, Comparison, Split
from gan_aug.config import ArmName, RunConfig, StudyConfig, to_flags, to_study_flags
from gan_aug.images import CLASSES, Images, PseudoLabeledImages
from gan_aug.pseudo_label import LOW_CONFIDENCE
from gan_aug.quality import Quality
from gan_aug.study import CellSummary, StudyResult

__all__ = [
    "StageTime",
    "pick_accepted",
    "pick_rejected",
    "render_page",
    "render_report",
    "render_study_report",
]

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
    return load_template("report.md.j2").render(
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


def render_study_report(
    name: str,
    config: StudyConfig,
    result: StudyResult,
    *,
    arms: Mapping[ArmName, str],
    environment: Mapping[str, Any],
    has_samples: bool,
) -> str:
    """Render the report of a study.

    Args:
        name: Name of the study.
        config: Its settings.
        result: What it found, whose verdict is the first line.
        arms: What each training set is.
        environment: As from :func:`gan_aug.environment.describe_environment`.
        has_samples: Whether there is a picture of generated images beside the report.

    Returns:
        Markdown that refers to the pictures beside it.
    """
    return load_template("study.md.j2").render(
        name=name,
        config=config,
        result=result,
        arms=arms,
        has_samples=has_samples,
        cells=arrange_cells(result),
        environment=environment,
        flags=shlex.join(to_study_flags(config)),
    )


def arrange_cells(result: StudyResult) -> dict[Split, list[CellSummary]]:
    """Order the means by classifier, budget and arm, for each split."""
    classifiers, arms = list(CLASSIFIER_NAMES), list(get_args(ArmName))

    def place(cell: CellSummary) -> tuple[int, int, int]:
        return classifiers.index(cell.classifier), cell.labels, arms.index(cell.arm)

    return {
        split: sorted((cell for cell in result.summaries if cell.split == split), key=place)
        for split in ("test", "validation")
    }


def render_page(markdown: str, title: str) -> str:
    """Turn a report into a page that needs nothing but itself.

    Args:
        markdown: The report, its pictures inside as ``data:`` URIs.
        title: Title of the page.

    Returns:
        HTML.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("table_open", open_wide_table)
    parser.add_render_rule("table_close", close_wide_table)
    return load_template("page.html.j2").render(title=title, body=parser.render(markdown))


def open_wide_table(*_arguments: object) -> str:
    """A wide table scrolls by itself, and not the page with it."""
    return '<div class="table" tabindex="0">\n<table>\n'


def close_wide_table(*_arguments: object) -> str:
    return "</table>\n</div>\n"


def load_template(name: str) -> jinja2.Template:
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("gan_aug"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",), default=False),
    )
    templates.filters |= {
        "count": lambda count: f"{count:,}",
        "percent": lambda share, decimals: "" if share is None else f"{share:.{decimals}%}",
        "points": lambda difference: f"{100 * difference:+.2f}",
    }
    return templates.get_template(name)


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
