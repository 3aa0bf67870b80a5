"""The reports for people: Markdown, and the same as a page."""

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import jinja2
import numpy as np
from markdown_it import MarkdownIt

from gan_aug.evaluation.anomaly import AnomalyResult, Separation, average_separations
from gan_aug.evaluation.calibration import TeacherCalibration
from gan_aug.evaluation.comparison import CLASSIFIER_NAMES, Comparison, Split
from gan_aug.evaluation.quality import Quality
from gan_aug.evaluation.study import CellSummary, StudyResult
from gan_aug.images import CLASSES, Decision, PseudoLabels
from gan_aug.settings.run import (
    AnomalyConfig,
    ArmName,
    Detector,
    PicturesConfig,
    RunConfig,
    StudyConfig,
    to_flags,
    to_source_flags,
    to_study_flags,
)

__all__ = [
    "PseudoLabelCounts",
    "RunFacts",
    "StageTime",
    "render_anomaly_report",
    "render_dcgan_report",
    "render_page",
    "render_report",
    "render_study_report",
    "summarize_pseudo_labels",
]

REASONS = {
    Decision.LOW_CONFIDENCE: "confidence below the threshold",
    Decision.SMALL_MARGIN: "margin below the threshold",
    Decision.SURPLUS: "class already full",
}


@dataclass(frozen=True)
class StageTime:
    """How long a stage took, when it ran.

    Attributes:
        label: The stage's name for people.
        seconds: Wall-clock time.
        cached: Whether this run reused an earlier output.
        outputs: How many outputs of the stage the time is of.
    """

    label: str
    seconds: float
    cached: bool
    outputs: int = 1


@dataclass(frozen=True)
class PseudoLabelCounts:
    """How many images the teacher was offered and what became of them.

    Attributes:
        offered: Images in all.
        accepted: Of them, those that entered the training sets.
        per_class: What is counted → images of each digit, as the teacher sees it.
    """

    offered: int
    accepted: int
    per_class: Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class RunFacts:
    """What a report tells of a run beside its scores.

    Attributes:
        pseudo: What became of the synthetic images.
        teacher: How far the teacher can be trusted.
        teacher_kind: What its networks are: ``CNN``, ``semi-supervised GAN``.
        quality: How good the synthetic images are, if that was measured.
    """

    pseudo: PseudoLabelCounts
    teacher: TeacherCalibration
    teacher_kind: str
    quality: Quality | None


def render_report(
    name: str,
    config: RunConfig,
    comparison: Comparison,
    facts: RunFacts,
    *,
    environment: Mapping[str, Any],
    stages: Sequence[StageTime],
    pictures: Collection[str],
) -> str:
    """Render the report.

    Args:
        name: Name of the run.
        config: Its settings.
        comparison: Its result, whose verdict is the first line.
        facts: What else there is to tell.
        environment: As from :func:`gan_aug.reporting.environment.describe_environment`.
        stages: In the order they ran.
        pictures: Names of the pictures beside the report.

    Returns:
        Markdown that refers to the pictures.
    """
    return load_template("report.md.j2").render(
        name=name,
        config=config,
        labels=comparison.scores[0].labels,
        comparison=comparison,
        environment=environment,
        facts=facts,
        stages=stages,
        pictures=pictures,
        flags=shlex.join(to_flags(config)),
    )


def render_dcgan_report(
    name: str,
    config: PicturesConfig,
    history: Sequence[Mapping[str, float]],
    shape: Sequence[int],
    *,
    environment: Mapping[str, Any],
    stages: Sequence[StageTime],
) -> str:
    """Render the report of a DCGAN of pictures.

    Args:
        name: Name of the DCGAN.
        config: Its settings.
        history: Losses and accuracies, a row an interval.
        shape: Height, width and channels of the pictures.
        environment: As from :func:`gan_aug.reporting.environment.describe_environment`.
        stages: In the order they ran.

    Returns:
        Markdown that refers to the pictures ``training``, ``gan_history`` and ``samples``.
    """
    return load_template("dcgan.md.j2").render(
        name=name,
        config=config,
        last=history[-1],
        shape=shape,
        environment=environment,
        stages=stages,
        flags=shlex.join(to_source_flags(config)),
    )


def render_study_report(
    name: str,
    config: StudyConfig,
    result: StudyResult,
    facts: Mapping[int, RunFacts],
    *,
    arms: Mapping[ArmName, str],
    environment: Mapping[str, Any],
    stages: Sequence[StageTime],
    pictures: Collection[str],
) -> str:
    """Render the report of a study.

    Args:
        name: Name of the study.
        config: Its settings.
        result: What it found, whose verdict is the first line.
        facts: Label budget → what else there is to tell of its first draw.
        arms: What each training set is.
        environment: As from :func:`gan_aug.reporting.environment.describe_environment`.
        stages: What took how long, all runs together.
        pictures: Names of the pictures beside the report.

    Returns:
        Markdown that refers to the pictures.
    """
    return load_template("study.md.j2").render(
        name=name,
        config=config,
        result=result,
        facts=facts,
        arms=arms,
        cells=arrange_cells(result),
        environment=environment,
        stages=stages,
        pictures=pictures,
        seeds=sorted({run.seed for run in config.list_runs()}),
        flags=shlex.join(to_study_flags(config)),
    )


def render_anomaly_report(
    name: str,
    config: AnomalyConfig,
    result: AnomalyResult,
    *,
    environment: Mapping[str, Any],
    stages: Sequence[StageTime],
    pictures: Collection[str],
) -> str:
    """Render the report of a ranking.

    Args:
        name: Name of the ranking.
        config: What was asked for.
        result: What was found, whose verdict is the first line.
        environment: As from :func:`gan_aug.reporting.environment.describe_environment`.
        stages: In the order they ran.
        pictures: Names of the pictures beside the report.

    Returns:
        Markdown that refers to the pictures.
    """
    return load_template("anomalies.md.j2").render(
        name=name,
        config=config,
        result=result,
        detectors=get_args(Detector),
        foreign=arrange_separations(result.foreign),
        left_out=arrange_separations(result.left_out),
        average=average_separations,
        environment=environment,
        stages=stages,
        pictures=pictures,
        flags=shlex.join(to_source_flags(config)),
    )


def arrange_separations(
    separations: Sequence[Separation],
) -> dict[str, dict[Detector, Separation]]:
    """Return what was measured by kind and detector."""
    rows: dict[str, dict[Detector, Separation]] = {}
    for separation in separations:
        rows.setdefault(separation.kind, {})[separation.detector] = separation
    return rows


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


def summarize_pseudo_labels(pseudo: PseudoLabels) -> PseudoLabelCounts:
    """Count offered, accepted and rejected images, in all and by class."""

    def count(decision: Decision) -> list[int]:
        chosen = pseudo.labels[pseudo.decisions == decision]
        counts: list[int] = np.bincount(chosen, minlength=CLASSES).tolist()
        return counts

    rejected = {name: count(decision) for decision, name in REASONS.items()}
    occurring = {name: counts for name, counts in rejected.items() if any(counts)}
    generated: list[int] = np.bincount(pseudo.labels, minlength=CLASSES).tolist()
    return PseudoLabelCounts(
        offered=len(pseudo.images),
        accepted=int(pseudo.accepted.sum()),
        per_class={
            "generated": generated,
            "accepted": count(Decision.ACCEPTED),
            **{f"rejected: {name}": counts for name, counts in occurring.items()},
        },
    )
