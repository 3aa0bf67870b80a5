"""What capacity brings LightGBM, and what it costs: ``python -m benchmarks.boosting``.

In every round all settings are trained by turns, on the same labeled images. So the ratios of their
times hold, whatever the machine does meanwhile. Accuracy is on validation images, since settings
are chosen by this.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from cyclopts import App
from pydantic import BaseModel, ConfigDict
from rich.console import Console

from benchmarks.ledger import Ledger
from benchmarks.machine import describe_machine, read_commit
from benchmarks.report import load_template
from benchmarks.workbench import Draws
from gan_aug.arms import build_original_set, transform_images
from gan_aug.classifiers.lightgbm import LightgbmConfig, predict_probabilities, train_lightgbm
from gan_aug.data.dataset import Dataset, draw_labeled
from gan_aug.data.load import load_dataset
from gan_aug.data.local import find_local_sets
from gan_aug.evaluation.study import student_margin
from gan_aug.images import LabeledImages, TrainingSet
from gan_aug.settings.augmentation import AugmentationConfig
from gan_aug.settings.data import DataConfig

__all__ = ["BASE", "LEDGER", "SETTINGS", "Round", "Row", "Trial", "render_page", "summarize"]

ROOT = Path(__file__).parent.parent
CONFIDENCE_LEVEL = 0.95
PAGE = "boosting.md.j2"
WARM_UP = LightgbmConfig(rounds=2)
ERR = Console(stderr=True, soft_wrap=True, highlight=False)

COMMON: Mapping[str, Any] = {
    "rounds": 100,
    "learning_rate": 0.1,
    "num_leaves": 31,
    "max_bin": 63,
    "colsample_bytree": 0.1,
}
BASE = "100 rounds, 31 leaves, 63 bins, a tenth of the pixels"
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    BASE: {},
    "200 rounds": {"rounds": 200},
    "300 rounds": {"rounds": 300},
    "400 rounds": {"rounds": 400},
    "600 rounds": {"rounds": 600},
    "15 leaves": {"num_leaves": 15},
    "63 leaves": {"num_leaves": 63},
    "15 bins": {"max_bin": 15},
    "255 bins": {"max_bin": 255},
    "255 bins, all pixels": {"max_bin": 255, "colsample_bytree": 1.0},
    "a twentieth of the pixels": {"colsample_bytree": 0.05},
    "a fifth of the pixels": {"colsample_bytree": 0.2},
    "300 rounds, 15 leaves": {"rounds": 300, "num_leaves": 15},
    "300 rounds, 63 leaves": {"rounds": 300, "num_leaves": 63},
    "300 rounds, 15 bins": {"rounds": 300, "max_bin": 15},
    "300 rounds, a twentieth of the pixels": {"rounds": 300, "colsample_bytree": 0.05},
    "300 rounds, a fifth of the pixels": {"rounds": 300, "colsample_bytree": 0.2},
}
"""Name → what differs from :data:`COMMON`."""

Found = TypeVar("Found")

app = App(name="python -m benchmarks.boosting", help="Measure what capacity brings LightGBM.")


class Trial(BaseModel):
    """One training.

    Attributes:
        name: One of :data:`SETTINGS`.
        settings: Of LightGBM, all of them.
        accuracy: On the validation images, in [0, 1].
        training_seconds: How long the training took.
        prediction_seconds: How long it took to predict all validation images.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    settings: dict[str, Any]
    accuracy: float
    training_seconds: float
    prediction_seconds: float


class Round(BaseModel):
    """All settings by turns, on one draw of labeled images.

    Attributes:
        dataset: Name of the data.
        rows: Labeled images.
        seed: Of their draw and of every training.
        trials: In the order of :data:`SETTINGS`; the first is of :data:`BASE`.
        validation_images: How many there are.
        commit: Of the source when the round began.
        cpu: What it was measured on.
        cores: As many as that has.
    """

    model_config = ConfigDict(frozen=True)

    dataset: str
    rows: int
    seed: int
    trials: list[Trial]
    validation_images: int
    commit: str | None
    cpu: str
    cores: int

    @property
    def cell(self) -> tuple[str, int, int, str]:
        """What it measures: the same for one that would only be measured again."""
        settings = json.dumps({trial.name: trial.settings for trial in self.trials}, sort_keys=True)
        return self.dataset, self.rows, self.seed, settings


LEDGER = Ledger(Round, key="rounds", name="boosting")


class Row(BaseModel):
    """One setting at one number of labeled images, over the draws.

    Attributes:
        draws: How many there are.
        training_seconds: Median.
        training_ratio: Median over the draws of the training's time over that of :data:`BASE` in
            the same round.
        lowest_ratio: The smallest of these ratios.
        highest_ratio: The largest of them.
        prediction_ratio: Median of the same ratios of the predictions' times.
        accuracy: Mean, in [0, 1].
        difference: Mean of the accuracies minus those of :data:`BASE`, draw by draw.
        margin: Half the width of Student's t interval for it; None for one draw.
    """

    model_config = ConfigDict(frozen=True)

    draws: int
    training_seconds: float
    training_ratio: float
    lowest_ratio: float
    highest_ratio: float
    prediction_ratio: float
    accuracy: float
    difference: float
    margin: float | None

    @property
    def clear(self) -> bool:
        """Whether the interval of the difference leaves out zero."""
        return self.margin is not None and self.margin < abs(self.difference)


class Pair(NamedTuple):
    """A training, and that of :data:`BASE` in the same round."""

    trial: Trial
    base: Trial


@app.default
def measure(
    *names: str,
    rows: tuple[int, ...] = (1000, 10_000, 50_000, 100_000),
    draws: Draws = 3,
    dataset: str = "mnist",
    root: Path = ROOT,
) -> None:
    """Measure the rounds that are missing; add them to `artifacts/boosting.json`.

    The same command goes on where it was interrupted.

    Parameters
    ----------
    names
        Settings to train beside the first of the page, by their names there; everything by default.
    rows
        Numbers of labeled images; beyond all that there are, of transformed copies too.
    dataset
        As in `gan-aug run`.
    root
        Folder whose `artifacts` and `docs` are written.
    """
    unknown = set(names) - set(SETTINGS)
    if unknown:
        sys.exit(f"names: expected some of {list(SETTINGS)}, found {sorted(unknown)}")
    data = load_dataset(DataConfig(dataset=dataset), find_local_sets())
    chosen = [name for name in SETTINGS if name in {BASE, *(names or SETTINGS)}]
    for seed in range(draws):
        for count in rows:
            measure_round(chosen, data, count, seed, root)


def measure_round(names: Sequence[str], data: Dataset, rows: int, seed: int, root: Path) -> None:
    """Train all settings by turns unless that was done, and write what was found."""
    machine = describe_machine()
    configs = [configure(name, rows) for name in names]
    pending = Round(
        dataset=data.provenance.name,
        rows=rows,
        seed=seed,
        trials=[
            Trial(
                name=name,
                settings=config.model_dump(mode="json"),
                accuracy=0,
                training_seconds=0,
                prediction_seconds=0,
            )
            for name, config in zip(names, configs, strict=True)
        ],
        validation_images=len(data.validation),
        commit=read_commit(),
        cpu=machine.cpu_model,
        cores=machine.cores,
    )
    if LEDGER.has(pending, root):
        return
    ERR.print(f"{rows:,} labeled images, draw {seed}")
    training_set = build_original_set(draw_rows(data.train, rows, seed))
    train_lightgbm(training_set, WARM_UP, seed=seed)
    tried = {
        place: try_settings(pending.trials[place], configs[place], training_set, data, seed)
        for place in order_turns(len(configs), seed)
    }
    trials = [tried[place] for place in range(len(configs))]
    LEDGER.add(pending.model_copy(update={"trials": trials}), root, render_page)


def draw_rows(train: LabeledImages, rows: int, seed: int) -> LabeledImages:
    """Draw labeled images; where there are fewer, transformed copies of them make up the number."""
    if rows <= len(train):
        return train.take(draw_labeled(train, rows, seed=seed))
    again = train.take(np.arange(rows - len(train)) % len(train))
    copies = transform_images(again.images, AugmentationConfig(), seed=seed)
    return LabeledImages(
        np.concatenate([train.images, copies]),
        np.concatenate([train.labels, again.labels]),
        train.spec,
    )


def order_turns(count: int, seed: int) -> list[int]:
    """Return whose turn is when: every draw begins with another, since the first may be slower."""
    places = range(count)
    first = seed % count
    return [*places[first:], *places[:first]]


def configure(name: str, rows: int) -> LightgbmConfig:
    """Return the settings of that name for so many labeled images."""
    return LightgbmConfig(**{**COMMON, **SETTINGS[name]}).plan(rows)


def try_settings(
    trial: Trial, config: LightgbmConfig, training_set: TrainingSet, data: Dataset, seed: int
) -> Trial:
    """Train and predict, and return the trial with what came out."""
    booster, training_seconds = time_call(lambda: train_lightgbm(training_set, config, seed=seed))
    images, labels = data.validation.images, data.validation.labels
    probabilities, seconds = time_call(lambda: predict_probabilities(booster, images))
    ERR.print(f"  {trial.name}: {training_seconds:.1f} s")
    return trial.model_copy(
        update={
            "accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
            "training_seconds": training_seconds,
            "prediction_seconds": seconds,
        }
    )


def time_call(call: Callable[[], Found]) -> tuple[Found, float]:
    """Return what a function returns, and the seconds that it took."""
    started = time.perf_counter()
    found = call()
    return found, time.perf_counter() - started


def summarize(rounds: Sequence[Round]) -> dict[int, dict[str, Row]]:
    """Return means and ratios over the draws: labeled images → name → row.

    Where a draw was measured more than once with a setting, the last round counts.
    """
    newest: dict[tuple[int, str], dict[int, Pair]] = {}
    for found in rounds:
        base, *_ = found.trials
        for trial in found.trials:
            newest.setdefault((found.rows, trial.name), {})[found.seed] = Pair(trial, base)
    summaries: dict[int, dict[str, Row]] = {}
    for rows, name in sorted(newest, key=lambda key: (key[0], list(SETTINGS).index(key[1]))):
        pairs = list(newest[rows, name].values())
        summaries.setdefault(rows, {})[name] = summarize_draws(pairs)
    return summaries


def summarize_draws(pairs: Sequence[Pair]) -> Row:
    """Return the row of one setting at one number of labeled images."""
    ratios = [trial.training_seconds / base.training_seconds for trial, base in pairs]
    differences = np.array([trial.accuracy - base.accuracy for trial, base in pairs])
    return Row(
        draws=len(pairs),
        training_seconds=statistics.median(trial.training_seconds for trial, _ in pairs),
        training_ratio=statistics.median(ratios),
        lowest_ratio=min(ratios),
        highest_ratio=max(ratios),
        prediction_ratio=statistics.median(
            trial.prediction_seconds / base.prediction_seconds for trial, base in pairs
        ),
        accuracy=statistics.mean(trial.accuracy for trial, _ in pairs),
        difference=float(differences.mean()),
        margin=student_margin(differences, CONFIDENCE_LEVEL) if len(pairs) > 1 else None,
    )


def find_frontier(rows: Mapping[str, Row]) -> list[str]:
    """Return the settings beside which no other is as fast and more accurate, the fastest first."""
    frontier: list[str] = []
    for name in sorted(rows, key=lambda name: (rows[name].training_ratio, -rows[name].accuracy)):
        if not frontier or rows[name].accuracy > rows[frontier[-1]].accuracy:
            frontier.append(name)
    return frontier


def render_page(rounds: Sequence[Round]) -> str:
    """Render the page: for every number of labeled images a row a setting."""
    tables = summarize(rounds)
    return load_template(PAGE).render(
        tables=tables,
        frontiers={images: find_frontier(rows) for images, rows in tables.items()},
        base=BASE,
        validation_images=sorted({found.validation_images for found in rounds}),
        origins=sorted(
            {(found.commit or "unknown", found.cpu, found.cores, found.dataset) for found in rounds}
        ),
    )


if __name__ == "__main__":
    app()
