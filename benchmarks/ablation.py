"""What each choice does to the ``gan`` arm, with intervals: ``python -m benchmarks.ablation``.

A variant is a study that differs from the defaults in one choice. Both are compared draw by draw:
the same labels, the same seeds. Validation images only, since choices are made by this.
"""

import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import App, Parameter, validators
from pydantic import BaseModel, ConfigDict
from rich.console import Console

from benchmarks.ledger import write_outputs
from benchmarks.machine import describe_machine, read_commit
from benchmarks.report import load_template
from gan_aug.classifiers import CLASSIFIERS
from gan_aug.evaluation.study import StudyResult, student_margin
from gan_aug.settings.run import ClassifierName, RunConfig

__all__ = ["VARIANTS", "Ablation", "Effect", "compare_variant", "render_ablation"]

Cell = tuple[ClassifierName, int, int]

ROOT = Path(__file__).parent.parent
COMMAND = Path(sys.executable).with_name("gan-aug")
CONFIDENCE_LEVEL = 0.95
PAGE = "ablation.md.j2"
ERR = Console(stderr=True, soft_wrap=True, highlight=False)

VARIANTS: Mapping[str, str] = {
    "a teacher of the labeled images alone": "--pseudo-labels.teacher original",
    "a teacher of shifted copies of the labeled images": "--pseudo-labels.teacher shift",
    "three teachers": "--pseudo-labels.teachers 3",
    "temperature, from three folds": "--pseudo-labels.calibration-folds 3",
    "no confidence threshold": "--pseudo-labels.confidence-threshold 0",
    "confidence 0.99": "--pseudo-labels.confidence-threshold 0.99",
    "margin 0.8 instead of confidence 0.9": "--pseudo-labels.confidence-threshold 0 "
    "--pseudo-labels.margin-threshold 0.8",
    "digits as they come": "--pseudo-labels.balance none",
    "up to 1,500 of each digit, equally many": "--pseudo-labels.balance equal "
    "--pseudo-labels.per-class 1500",
    "hard labels": "--pseudo-labels.targets hard",
    "a quarter of the weight, for the teacher too": "--augmentation.added-share 0.25",
    "three quarters of the weight, for the teacher too": "--augmentation.added-share 0.75",
    "a third of the images, for the teacher too": "--synthesis.images 5000 "
    "--pseudo-labels.per-class 333",
    "four times the images, for the teacher too": "--synthesis.images 60000 "
    "--pseudo-labels.per-class 4000",
    "half of the weight": "--augmentation.added-share 0.5",
    "half of the images": "--synthesis.images 15000 --pseudo-labels.per-class 1000",
    "600 updates of the CNN": "--cnn.updates 600",
    "label smoothing 0.1, confidence 0.8": "--cnn.label-smoothing 0.1 "
    "--pseudo-labels.confidence-threshold 0.8",
    "200 boosting rounds": "--lightgbm.rounds 200",
}
"""What is changed → the flags that change it."""

app = App(name="python -m benchmarks.ablation", help="Measure what each choice is worth.")


class Effect(BaseModel):
    """One variant beside the defaults, for one classifier and label budget.

    Attributes:
        variant: What is changed.
        classifier: Kind of classifier.
        labels: Label budget.
        draws: Draws of labels.
        difference: Mean over the draws of the ``gan`` arm's validation accuracy, minus that of the
            defaults.
        margin: Half the width of Student's t interval for it.
        commit: Of the source.
        cpu: What it was measured on.
        flags: Of both studies, beside those of the variant.
    """

    model_config = ConfigDict(frozen=True)

    variant: str
    classifier: ClassifierName
    labels: int
    draws: int
    difference: float
    margin: float
    commit: str | None
    cpu: str
    flags: str


class Ablation(BaseModel):
    """All that was measured.

    Attributes:
        effects: One per variant, classifier and budget.
    """

    model_config = ConfigDict(frozen=True)

    effects: list[Effect]


@app.default
def measure(
    *variants: str,
    budgets: tuple[int, ...] = (100, 1000),
    draws: Annotated[int, Parameter(validator=validators.Number(gte=2))] = 3,
    classifiers: tuple[ClassifierName, ...] = RunConfig().classifiers,
    flags: Annotated[str, Parameter(allow_leading_hyphen=True)] = "--dataset mnist",
    artifacts: Path = ROOT / "artifacts",
    root: Path = ROOT,
) -> None:
    """Run the defaults and every variant; add the effects to `artifacts/ablation.json`.

    Parameters
    ----------
    variants
        What to change, by the names in the page; everything by default.
    budgets
        Label budgets.
    draws
        Draws of labels.
    classifiers
        Whose accuracy to look at.
    flags
        More flags of `gan-aug study`, for all studies alike.
    artifacts
        Folder of the studies and the store.
    root
        Folder whose `artifacts` and `docs` are written.
    """
    unknown = set(variants) - set(VARIANTS)
    if unknown:
        sys.exit(f"variants: expected some of {list(VARIANTS)}, found {sorted(unknown)}")
    grid = [f"--budgets {budget}" for budget in budgets]
    grid += [f"--classifiers {classifier}" for classifier in classifiers]
    common = " ".join([*grid, f"--draws {draws} --arms gan", flags])
    defaults = run_study(common, artifacts)
    for variant in variants or VARIANTS:
        ERR.print(variant)
        changed = run_study(f"{common} {VARIANTS[variant]}", artifacts)
        add_effects(compare_variant(variant, defaults, changed, flags), root)


def run_study(flags: str, artifacts: Path) -> StudyResult:
    """Run a study, of which everything finished is reused; what it logs goes to stderr."""
    command = [str(COMMAND), "study", *shlex.split(flags), "--artifacts", str(artifacts), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode:
        sys.exit(f"gan-aug study {flags}: expected exit code 0, found {done.returncode}")
    return StudyResult.model_validate_json(done.stdout)


def compare_variant(
    variant: str, defaults: StudyResult, changed: StudyResult, flags: str
) -> list[Effect]:
    """Compare two studies draw by draw."""
    commit, cpu = read_commit(), describe_machine().cpu_model
    before, after = (collect_accuracies(result) for result in (defaults, changed))
    groups: dict[tuple[ClassifierName, int], list[float]] = {}
    for (classifier, labels, seed), accuracy in after.items():
        difference = accuracy - before[classifier, labels, seed]
        groups.setdefault((classifier, labels), []).append(difference)
    return [
        Effect(
            variant=variant,
            classifier=classifier,
            labels=labels,
            draws=len(differences),
            difference=float(np.mean(differences)),
            margin=student_margin(np.array(differences), CONFIDENCE_LEVEL),
            commit=commit,
            cpu=cpu,
            flags=flags,
        )
        for (classifier, labels), differences in groups.items()
    ]


def collect_accuracies(result: StudyResult) -> dict[Cell, float]:
    """Return the ``gan`` arm's validation accuracies by classifier, budget and seed."""
    return {
        (score.classifier, score.budget, score.seed): score.accuracy
        for score in result.scores
        if (score.arm, score.split) == ("gan", "validation")
    }


def add_effects(effects: Sequence[Effect], root: Path) -> None:
    """Put effects in the place of earlier ones of the same cells, and write JSON and page."""
    path = root / "artifacts" / "ablation.json"
    latest: dict[tuple[str, str, int], Effect] = {}
    earlier = Ablation.model_validate_json(path.read_bytes()).effects if path.exists() else []
    for effect in [*earlier, *effects]:
        latest[effect.variant, effect.classifier, effect.labels] = effect
    ablation = Ablation(effects=list(latest.values()))
    write_outputs("ablation", ablation.model_dump(mode="json"), render_ablation(ablation), root)


def render_ablation(ablation: Ablation) -> str:
    """Render the page: a row a variant, a column a classifier and budget."""
    cells = {(effect.classifier, effect.labels) for effect in ablation.effects}
    columns = sorted(cells, key=lambda cell: (list(CLASSIFIERS).index(cell[0]), cell[1]))
    effects = {(e.variant, (e.classifier, e.labels)): e for e in ablation.effects}
    return load_template(PAGE).render(
        ablation=ablation,
        names={name: part.title for name, part in CLASSIFIERS.items()},
        columns=columns,
        rows={
            variant: [effects.get((variant, column)) for column in columns]
            for variant in VARIANTS
            if any((variant, column) in effects for column in columns)
        },
        variants=VARIANTS,
        origins=sorted({(e.commit or "unknown", e.cpu, e.flags) for e in ablation.effects}),
    )


if __name__ == "__main__":
    app()
