"""The reports for people, as Markdown; :mod:`gan_aug.reporting.page` makes pages of it."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple, get_args

import jinja2

from gan_aug.arms import ARMS
from gan_aug.classifiers import CLASSIFIERS
from gan_aug.evaluation.anomaly import AnomalyResult, Separation, average_separations
from gan_aug.evaluation.calibration import TeacherCalibration
from gan_aug.evaluation.comparison import Comparison, Score
from gan_aug.evaluation.quality import Quality
from gan_aug.evaluation.study import CellSummary, StudyResult, arrange_arms
from gan_aug.evaluation.titles import ARM_TITLES
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
from gan_aug.settings.base import Budget
from gan_aug.settings.flags import to_flags, to_source_flags, to_study_flags
from gan_aug.settings.pictures import PicturesConfig
from gan_aug.settings.run import RunConfig
from gan_aug.settings.study import StudyConfig
from gan_aug.teachers.trust import Trust

__all__ = [
    "RunFacts",
    "Shown",
    "StageTime",
    "Surroundings",
    "render_anomaly_report",
    "render_dcgan_report",
    "render_report",
    "render_study_report",
    "show_duration",
]


SHOWN_FAILURES = 12


class Shown(NamedTuple):
    """How a report shows a picture.

    Attributes:
        file: Its name.
        title: What it is among those of its name; empty where it is alone.
    """

    file: str
    title: str = ""


@dataclass(frozen=True)
class StageTime:
    """How long a stage took, and when.

    Attributes:
        label: The stage's name for people.
        seconds: Wall-clock time.
        made: When it was computed, the last of several outputs.
        reused: Whether this run found it computed.
        outputs: How many outputs of the stage the time is of.
    """

    label: str
    seconds: float
    made: datetime
    reused: bool = False
    outputs: int = 1


@dataclass(frozen=True)
class Surroundings:
    """What every report tells beside what it is about.

    Attributes:
        environment: As from :func:`gan_aug.reporting.environment.describe_environment`.
        stages: In the order they ran; of a study, all runs together.
        pictures: Name → the pictures of that name beside the report.
        files: Names of the other files beside it.
    """

    environment: Mapping[str, Any]
    stages: Sequence[StageTime]
    pictures: Mapping[str, Sequence[Shown]]
    files: Sequence[str] = ()


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
    surroundings: Surroundings,
    *,
    command: str | None = None,
) -> str:
    """Render the report.

    Args:
        name: Name of the run.
        config: Its settings.
        comparison: Its result, whose verdict is the first line.
        facts: What else there is to tell.
        surroundings: What else there is to tell, and beside the report.
        command: What makes the run again; by default ``gan-aug run`` with its flags.

    Returns:
        Markdown that refers to the pictures.
    """
    return load_template("report.md.j2").render(
        name=name,
        config=config,
        labels=comparison.scores[0].budget,
        comparison=comparison,
        arms=[arm for arm in ARMS if any(score.arm == arm for score in comparison.scores)],
        rows=arrange_scores(comparison),
        facts=facts,
        **vars(surroundings),
        command=command or f"gan-aug run {shlex.join(to_flags(config))}",
    )


def arrange_scores(comparison: Comparison) -> list[dict[str, Score]]:
    """Return the scores in rows, by arm: a row a classifier and split, validation first."""
    order = [(name, split) for name in CLASSIFIERS for split in ("validation", "test")]
    rows = arrange_arms(comparison.scores, attrgetter("classifier", "split"))
    return [rows[place] for place in order if place in rows]


def render_dcgan_report(
    name: str,
    config: PicturesConfig,
    history: Sequence[Mapping[str, float]],
    surroundings: Surroundings,
) -> str:
    """Render the report of a DCGAN of pictures.

    Args:
        name: Name of the DCGAN.
        config: Its settings.
        history: Losses and accuracies, a row an interval.
        surroundings: What else there is to tell, and beside the report.

    Returns:
        Markdown that refers to the pictures.
    """
    return load_template("dcgan.md.j2").render(
        name=name,
        config=config,
        last=history[-1],
        **vars(surroundings),
        flags=shlex.join(to_source_flags(config)),
    )


def render_study_report(
    name: str,
    config: StudyConfig,
    result: StudyResult,
    facts: Mapping[int, RunFacts],
    surroundings: Surroundings,
) -> str:
    """Render the report of a study.

    Args:
        name: Name of the study.
        config: Its settings.
        result: What it found, whose verdict is the first line.
        facts: Label budget → what else there is to tell of its first draw.
        surroundings: What else there is to tell, and beside the report.

    Returns:
        Markdown that refers to the pictures.
    """
    return load_template("study.md.j2").render(
        name=name,
        config=config,
        result=result,
        facts=facts,
        arms=config.run.arms,
        cells=arrange_cells(result),
        means=arrange_arms(
            [cell for cell in result.summaries if cell.split == "test"],
            attrgetter("budget", "classifier"),
        ),
        **vars(surroundings),
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
    surroundings: Surroundings,
) -> str:
    """Render the report of a ranking.

    Args:
        name: Name of the ranking.
        config: What was asked for.
        result: What was found, whose verdict is the first line.
        surroundings: What else there is to tell, and beside the report.

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
        **vars(surroundings),
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


def show_budgets(budgets: Sequence[Budget]) -> str:
    """``100, 1,000 and all``."""
    shown = [f"{budget:,}" if isinstance(budget, int) else budget for budget in budgets]
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def show_duration(seconds: float) -> str:
    """``1.5 s``, ``3 min 12 s``, ``2 h 05 min``."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def load_template(name: str) -> jinja2.Template:
    """Return a template; it knows the filters and tables of the reports."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("gan_aug.reporting"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",), default=False),
    )
    templates.filters |= {
        "arm": ARM_TITLES.__getitem__,
        "sentences": lambda verdict: re.split(r"(?<=\.) (?=[A-Z])", verdict),
        "day": lambda made: f"{made.day} {made:%B %Y}",
        "minute": lambda made: f"{made:%Y-%m-%d %H:%M}",
        "duration": show_duration,
        "budgets": show_budgets,
        "title": lambda classifier: CLASSIFIERS[classifier].title,
        "count": lambda count: f"{count:,}",
        "percent": lambda share, decimals: "" if share is None else f"{share:.{decimals}%}",
        "points": lambda difference: f"{100 * difference:+.2f}",
        "plain": escape_markdown,
        "code": to_code,
    }
    templates.globals |= {
        "descriptions": {name: arm.description for name, arm in ARMS.items()},
        "show": show_difference,
        "show_accuracies": show_accuracies,
        "show_counts": show_counts,
        "show_images": show_images,
        "show_recalls": show_recalls,
        "named_classes": NAMED_CLASSES,
        "shown_failures": SHOWN_FAILURES,
    }
    return templates.get_template(name)
