"""What an experiment tracker is told of a run and of a study: plain values, and models."""

import hashlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel

from gan_aug.classifiers.rows import flatten_images
from gan_aug.evaluation.comparison import Score
from gan_aug.evaluation.study import CellSummary, Failure, StudyResult
from gan_aug.evaluation.verdict import Difference
from gan_aug.execution import Output
from gan_aug.gan.export import export_generator
from gan_aug.images import Images, to_unit
from gan_aug.reporting.folders import ReportFolder, Run, Study
from gan_aug.reporting.tables import summarize_pseudo_labels
from gan_aug.settings.flags import flatten, to_flags, to_study_flags
from gan_aug.settings.run import RunConfig
from gan_aug.store.files import Array
from gan_aug.teachers import TEACHERS

if TYPE_CHECKING:
    from gan_aug.pipeline import Outcome

__all__ = [
    "Metrics",
    "Record",
    "TrainedModel",
    "list_models",
    "record_cells",
    "record_run",
    "record_study",
]

EXAMPLES = 8
DIGEST_LENGTH = 16

Metrics = dict[str, list[tuple[int, float]]]
"""Name → step and value; what is measured once has step 0."""


@dataclass(frozen=True)
class Record:
    """A run or a study as a tracker shows it.

    Attributes:
        name: For people.
        question: Digest of the name, the settings and the data: of what was asked.
        results: Digest of what was found.
        data: Digest of the data set.
        note: The verdict, or what failed, in Markdown.
        settings: Flag without its dashes → value.
        tags: What else there is to know, by name.
        metrics: What was measured.
        failed: Whether something is missing.
    """

    name: str
    question: str
    results: str
    data: str
    note: str
    settings: dict[str, str]
    tags: dict[str, str]
    metrics: Metrics = field(default_factory=dict)
    failed: bool = False


@dataclass(frozen=True)
class TrainedModel:
    """A model, and what goes in and comes out.

    Attributes:
        name: ``cnn-gan``.
        cell: Name of the classifier and of the arm it was trained on; None for another model.
        library: What reads it: ``keras``, ``lightgbm`` or ``sklearn``.
        model: The model.
        inputs: A few examples: images, or noise for a generator.
        outputs: What the model makes of them.
        portable: Whether its library can read it without gan-aug.
    """

    name: str
    cell: tuple[str, str] | None
    library: Literal["keras", "lightgbm", "sklearn"]
    model: Any
    inputs: Array
    outputs: Array
    portable: bool = True

    def owns(self, metric: str) -> bool:
        """Whether a metric is a score of this model."""
        return self.cell is not None and f"/{name_cell(*self.cell)}/" in metric


def record_run(run: Run, outcome: "Outcome") -> Record:
    """Tell of a run whose folder is filled."""
    config = run.read_config()
    return Record(
        run.name,
        digest(run.name, config, outcome.data),
        digest_outputs([outcome]),
        outcome.data.entry.path.name,
        write_note(outcome.comparison.verdict, "run", to_flags(config)),
        name_settings(config),
        {"kind": "run", **name_circumstances(run)},
        measure_run(outcome),
    )


def record_study(
    study: Study, result: StudyResult, data: Output[Any], outcomes: Sequence["Outcome"]
) -> Record:
    """Tell of a study whose folder is filled: means, with the number of labels as the step."""
    config = study.read_config()
    told = flatten({"budgets": config.budgets, "draws": config.draws, **config.run.model_dump()})
    # The budgets are the labels.
    del told["labels"]
    return Record(
        study.name,
        digest(study.name, config, data),
        digest_outputs(outcomes),
        data.entry.path.name,
        write_note(result.verdict, "study", to_study_flags(config)),
        to_texts(told),
        {"kind": "study", **name_circumstances(study)},
        measure_study(result.summaries) | {"failed_cells": [(0, float(len(result.failures)))]},
        failed=bool(result.failures),
    )


def record_cells(
    name: str,
    study: Study,
    config: RunConfig,
    data: Output[Any],
    outcome: "Outcome | None",
    failures: Sequence[Failure],
) -> Record:
    """Tell of one run of a study.

    Args:
        name: Of the run, for people.
        study: Its folder.
        config: Settings of the run.
        data: The data set.
        outcome: What its stages made; None if one failed that all of it needs.
        failures: What is missing.
    """
    verdict = outcome.comparison.verdict if outcome else "Nothing was computed."
    missing = "".join(f"\n\nFailed: `{failure.message}`" for failure in failures)
    return Record(
        name,
        digest(name, config, data),
        digest_outputs([outcome] if outcome else []),
        data.entry.path.name,
        f"{verdict}{missing}",
        name_settings(config),
        {"kind": "run of a study", **name_circumstances(study)},
        measure_run(outcome) if outcome else {},
        failed=bool(failures),
    )


def digest(name: str, config: BaseModel, data: Output[Any]) -> str:
    """Return what tells one question from another."""
    text = json.dumps([name, config.model_dump(mode="json"), data.entry.identity])
    return shorten(text)


def digest_outputs(outcomes: Sequence["Outcome"]) -> str:
    """Return what tells results from others: outputs with the same names are the same."""
    identities = {output.entry.identity for outcome in outcomes for output in outcome.stages}
    return shorten(" ".join(sorted(identities)))


def shorten(text: str) -> str:
    """Return a short digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def write_note(verdict: str, command: str, flags: Sequence[str]) -> str:
    """Return the verdict, and the command that finds it again."""
    # Not a block of code, which does not wrap and pushes all values out of MLflow's page.
    return f"{verdict}\n\n`gan-aug {command} {shlex.join(flags)}`"


def name_settings(config: BaseModel) -> dict[str, str]:
    """Return all settings by the names of their flags."""
    return to_texts(flatten(config.model_dump()))


def to_texts(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return settings as texts, by the names of their flags."""
    return {name.replace("_", "-"): to_text(value) for name, value in settings.items()}


def to_text(value: Any) -> str:
    """``original, gan`` of several values."""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def name_circumstances(folder: ReportFolder) -> dict[str, str]:
    """Return data, device, version and commit; what is not known is missing."""
    environment = folder.read_environment()
    known = {
        "dataset": environment["dataset"]["name"],
        "device": environment["device"]["name"],
        "precision": environment["device"]["precision"],
        "gan-aug": environment["versions"]["gan-aug"],
        "commit": environment["git_commit"],
    }
    return {name: str(value) for name, value in known.items() if value}


def measure_run(outcome: "Outcome") -> Metrics:
    """Return the scores of a run, and the curves of its trainings."""
    once = {
        name: value
        for score in outcome.comparison.scores
        for name, value in measure_score(score).items()
    }
    once |= measure_teacher(outcome) | measure_images(outcome)
    return {**{name: [(0, value)] for name, value in once.items()}, **draw_curves(outcome)}


def measure_score(score: Score) -> dict[str, float]:
    """``test/cnn/gan/accuracy`` and the like."""
    measured = {
        "accuracy": score.accuracy,
        "balanced_accuracy": score.balanced_accuracy,
        "macro_f1": score.macro_f1,
        "log_loss": score.log_loss,
        "calibration_error": score.calibration.error,
        "training_images": float(score.n_train),
        **measure_differences(score.differences),
    }
    for baseline, paired in score.differences.items():
        measured[f"minus_{plain(baseline)}_mcnemar_p"] = paired.mcnemar_p
    return place(score, measured)


def measure_study(summaries: Sequence[CellSummary]) -> Metrics:
    """Return the means over the draws, by number of labels."""
    metrics: Metrics = {}
    for summary in sorted(summaries, key=lambda summary: summary.budget):
        measured = {
            "accuracy": summary.accuracy,
            "balanced_accuracy": summary.balanced_accuracy,
            "macro_f1": summary.macro_f1,
            "draws": float(summary.draws),
            **measure_differences(summary.differences),
        }
        if summary.accuracy_sd is not None:
            measured["accuracy_sd"] = summary.accuracy_sd
        for name, value in place(summary, measured).items():
            metrics.setdefault(name, []).append((summary.budget, value))
    return metrics


def measure_differences(differences: Mapping[str, Difference]) -> dict[str, float]:
    """Return how much more accurate an arm is than each baseline, with the ends of intervals."""
    return {
        f"minus_{plain(baseline)}{ending}": value
        for baseline, found in differences.items()
        for ending, value in (("", found.difference), ("_low", found.low), ("_high", found.high))
    }


def place(cell: Score | CellSummary, measured: Mapping[str, float]) -> dict[str, float]:
    """Name what was measured of a cell."""
    prefix = f"{cell.split}/{name_cell(cell.classifier, cell.arm)}"
    return {f"{prefix}/{name}": value for name, value in measured.items()}


def name_cell(classifier: str, arm: str) -> str:
    """``cnn/gan_and_shift``."""
    return f"{classifier}/{plain(arm)}"


def measure_teacher(outcome: "Outcome") -> dict[str, float]:
    """Return how far the teacher can be trusted, and what it accepted."""
    teacher = outcome.calibration.load()
    measured = {
        "accuracy": teacher.accuracy,
        "balanced_accuracy": teacher.balanced_accuracy,
        "calibration_error": teacher.after.error,
        "temperature": teacher.temperature,
    }
    for source, output in outcome.pseudo.items():
        counts = summarize_pseudo_labels(output.load())
        measured |= {f"{source}_offered": counts.offered, f"{source}_accepted": counts.accepted}
    return {f"teacher/{name}": float(value) for name, value in measured.items()}


def measure_images(outcome: "Outcome") -> dict[str, float]:
    """Return how good the synthetic images are, and the real ones beside them, if that is known."""
    if outcome.quality is None:
        return {}
    quality = outcome.quality.load()
    return {
        f"quality/{images}/{name}": value
        for images, measured in (("synthetic", quality.synthetic), ("floor", quality.floor))
        for name, value in measured.model_dump().items()
    }


def draw_curves(outcome: "Outcome") -> Metrics:
    """Return what the trainings measured on the way: ``training/CNN gan/loss`` and the like."""
    curves = {output.label: output.read_curve() for output in outcome.stages}
    # Means over intervals, in place of what single steps told.
    history = outcome.dcgan.load().history
    curves[outcome.dcgan.label] = {int(row["step"]): without_step(row) for row in history}
    metrics: Metrics = {}
    for label, curve in curves.items():
        for step, row in curve.items():
            for name, value in row.items():
                series = metrics.setdefault(f"training/{plain(label)}/{name}", [])
                series.append((step, value))
    return metrics


def without_step(row: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics of a row."""
    return {name: value for name, value in row.items() if name != "step"}


def plain(name: str) -> str:
    """Return a name in the letters that trackers take: ``gan_and_shift``."""
    return re.sub(r"[^\w .-]", "", name.replace("+", "_and_"))


def list_models(outcome: "Outcome") -> Iterator[TrainedModel]:
    """Yield the generator, the classifiers and the networks of the teacher, one at a time.

    Args:
        outcome: Of a run.

    Raises:
        UserError: An output isn't where this host looks.
    """
    yield show_generator(export_generator(outcome.dcgan.load().generator))
    images = outcome.data.load().validation.images[:EXAMPLES]
    for (classifier, arm), output in outcome.models.items():
        cell = (classifier, arm)
        yield show_classifier(f"{classifier}-{arm}", cell, output.load(), images)
    own = TEACHERS[outcome.teacher].arm is None
    for number, output in enumerate(outcome.networks, start=1):
        if own or number > 1:
            yield show_classifier(f"teacher-{number}", None, output.load(), images)


def show_generator(generator: Any) -> TrainedModel:
    """Return the generator of a DCGAN with examples of its noise."""
    shape = (EXAMPLES, generator.input_shape[-1])
    noise = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    images = generator.predict_on_batch(noise)
    return TrainedModel("generator", None, "keras", generator, noise, images)


def show_classifier(
    name: str, cell: tuple[str, str] | None, model: Any, images: Images
) -> TrainedModel:
    """Return a classifier with examples of its images."""
    library: Any = type(model).__module__.split(".")[0]
    if library == "keras":
        inputs = to_unit(images)
        portable = all(type(layer).__module__.startswith("keras.") for layer in model.layers)
        return TrainedModel(
            name, cell, library, model, inputs, model.predict_on_batch(inputs), portable=portable
        )
    rows = flatten_images(images)
    ask = model.predict_proba if library == "sklearn" else model.predict
    return TrainedModel(name, cell, library, model, rows, np.asarray(ask(rows)))
