"""The reports for people: Markdown, and the same as a page."""

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, get_args

import jinja2
from markdown_it import MarkdownIt

from gan_aug.arms import ARMS
from gan_aug.classifiers import CLASSIFIERS
from gan_aug.evaluation.anomaly import AnomalyResult, Separation, average_separations
from gan_aug.evaluation.calibration import TeacherCalibration
from gan_aug.evaluation.comparison import Comparison
from gan_aug.evaluation.quality import Quality
from gan_aug.evaluation.study import CellSummary, StudyResult, arrange_arms
from gan_aug.prediction import Split
from gan_aug.reporting.names import NAMED_CLASSES, escape_markdown, to_code
from gan_aug.reporting.tables import (
    PseudoLabelCounts,
    show_accuracies,
    show_counts,
    show_difference,
    show_images,
    show_recalls,
)
from gan_aug.settings.anomalies import AnomalyConfig, Detector
from gan_aug.settings.flags import to_flags, to_source_flags, to_study_flags
from gan_aug.settings.pictures import PicturesConfig
from gan_aug.settings.run import RunConfig
from gan_aug.settings.study import StudyConfig
from gan_aug.teachers.trust import Trust

__all__ = [
    "RunFacts",
    "StageTime",
    "render_anomaly_report",
    "render_dcgan_report",
    "render_page",
    "render_report",
    "render_study_report",
]


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
class RunFacts:
    """What a report tells of a run beside its scores.

    Attributes:
        pseudo: What became of the synthetic images.
        teacher: How far the teacher can be trusted.
        teacher_kind: What its networks are: ``CNN``, ``semi-supervised GAN``.
        trust: Classifier, as in a sentence → how much it learns from the teacher; empty where that
            was settled.
        quality: How good the synthetic images are, if that was measured.
    """

    pseudo: PseudoLabelCounts
    teacher: TeacherCalibration
    teacher_kind: str
    trust: Mapping[str, Trust]
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
    command: str | None = None,
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
        command: What makes the run again; by default ``gan-aug run`` with its flags.

    Returns:
        Markdown that refers to the pictures.
    """
    return load_template("report.md.j2").render(
        name=name,
        config=config,
        labels=comparison.scores[0].budget,
        comparison=comparison,
        environment=environment,
        facts=facts,
        stages=stages,
        pictures=pictures,
        command=command or f"gan-aug run {shlex.join(to_flags(config))}",
    )


def render_dcgan_report(
    name: str,
    config: PicturesConfig,
    history: Sequence[Mapping[str, float]],
    *,
    environment: Mapping[str, Any],
    stages: Sequence[StageTime],
) -> str:
    """Render the report of a DCGAN of pictures.

    Args:
        name: Name of the DCGAN.
        config: Its settings.
        history: Losses and accuracies, a row an interval.
        environment: As from :func:`gan_aug.reporting.environment.describe_environment`.
        stages: In the order they ran.

    Returns:
        Markdown that refers to the pictures ``training``, ``gan_history`` and ``samples``.
    """
    return load_template("dcgan.md.j2").render(
        name=name,
        config=config,
        last=history[-1],
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
        arms={arm: ARMS[arm].description for arm in config.run.arms},
        cells=arrange_cells(result),
        means=arrange_arms(
            [cell for cell in result.summaries if cell.split == "test"],
            attrgetter("budget", "classifier"),
        ),
        show=show_difference,
        environment=environment,
        stages=stages,
        pictures=pictures,
        seeds=sorted({run.seed for run in config.list_runs()}),
        flags=shlex.join(to_study_flags(config)),
    )


def arrange_cells(result: StudyResult) -> dict[Split, list[CellSummary]]:
    """Order the means by classifier, budget and arm, for each split."""
    classifiers, arms = list(CLASSIFIERS), list(ARMS)

    def place(cell: CellSummary) -> tuple[int, int, int]:
        return classifiers.index(cell.classifier), cell.budget, arms.index(cell.arm)

    splits: tuple[Split, ...] = ("test", "validation")
    return {
        split: sorted((cell for cell in result.summaries if cell.split == split), key=place)
        for split in splits
    }


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
    """Return what was measured by kind and detector.

    Of more than 20 kinds, the 10 that are hardest to find and the 10 that are easiest.
    """
    rows: dict[str, dict[Detector, Separation]] = {}
    for separation in separations:
        rows.setdefault(separation.kind, {})[separation.detector] = separation
    if len(rows) <= NAMED_CLASSES:
        return rows
    best = {kind: max(s.auroc for s in found.values()) for kind, found in rows.items()}
    order = sorted(best, key=lambda kind: best[kind])
    half = NAMED_CLASSES // 2
    return {kind: rows[kind] for kind in [*order[:half], *order[-half:]]}


def render_page(markdown: str, title: str, pictures: Mapping[str, str]) -> str:
    """Turn a report into a page that needs nothing but itself.

    Args:
        markdown: The report, which refers to its pictures.
        title: Title of the page.
        pictures: File that the report refers to → ``data:`` URI.

    Returns:
        HTML.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("table_open", open_wide_table)
    parser.add_render_rule("table_close", close_wide_table)

    def embed(source: re.Match[str]) -> str:
        return f'<img src="{pictures.get(source["file"], source["file"])}"'

    # Not before: the parser takes a minute for megabytes of URIs.
    body = re.sub(r'<img src="(?P<file>[^"]*)"', embed, parser.render(markdown))
    return load_template("page.html.j2").render(title=title, body=body)


def open_wide_table(*_arguments: object) -> str:
    """Let a wide table scroll by itself, and not the page with it."""
    return '<div class="table" tabindex="0">\n<table>\n'


def close_wide_table(*_arguments: object) -> str:
    """Close what :func:`open_wide_table` opened."""
    return "</table>\n</div>\n"


def load_template(name: str) -> jinja2.Template:
    """Return a template; it knows the filters and tables of the reports."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("gan_aug.reporting"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",), default=False),
    )
    templates.filters |= {
        "title": lambda classifier: CLASSIFIERS[classifier].title,
        "count": lambda count: f"{count:,}",
        "percent": lambda share, decimals: "" if share is None else f"{share:.{decimals}%}",
        "points": lambda difference: f"{100 * difference:+.2f}",
        "plain": escape_markdown,
        "code": to_code,
    }
    templates.globals |= {
        "show_accuracies": show_accuracies,
        "show_counts": show_counts,
        "show_images": show_images,
        "show_recalls": show_recalls,
        "named_classes": NAMED_CLASSES,
    }
    return templates.get_template(name)
