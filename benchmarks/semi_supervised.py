"""Test error with few labels, beside a paper's: ``python -m benchmarks.semi_supervised``.

Each kind of teacher, the semi-supervised GAN and the two CNNs, is trained on the same labels. Test
images are read here and by no one who chooses settings.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, get_args

import keras
import numpy as np
from cyclopts import App, Parameter, validators
from gan_aug.store.store.files import atomic_file, write_json
from pydantic import BaseModel, ConfigDict
from rich.console import Console

from benchmarks.machine import describe_machine, read_commit
from benchmarks.report import load_template
from flows.data import find_mnist
from flows.tasks import gather_material
from gan_aug.arms import ARMS
from gan_aug.classifiers.cnn import predict_probabilities, train_cnn
from gan_aug.data.dataset import Dataset, draw_labeled, load_dataset
from gan_aug.device import Compute, select_compute
from gan_aug.evaluation.study import student_margin
from gan_aug.images import LabeledImages
from gan_aug.settings.run import Preset, RunConfig, TeacherName, resolve_config
from gan_aug.teachers.sgan import train_sgan

__all__ = ["Measurement", "Measurements", "Row", "render_page", "summarize"]

ROOT = Path(__file__).parent.parent
CONFIDENCE_LEVEL = 0.95
BUDGETS = (20, 50, 100, 200)
PAGE = "semi_supervised.md.j2"
RESULTS = Path("artifacts", "semi_supervised.json")
ERR = Console(stderr=True, soft_wrap=True, highlight=False)

TITLES: Mapping[TeacherName, str] = {
    "sgan": "semi-supervised GAN",
    "shift": "CNN, `shift`",
    "original": "CNN, `original`",
}
"""Teacher → its column in the page."""

PAPER: Mapping[int, tuple[float, float]] = {
    20: (0.1677, 0.0452),
    50: (0.0221, 0.0136),
    100: (0.0093, 0.00065),
    200: (0.0090, 0.00042),
}
"""Labels → test error and its standard deviation in Salimans et al. (2016), table 1."""

app = App(name="python -m benchmarks.semi_supervised", help="Measure teachers with few labels.")


class Measurement(BaseModel):
    """One teacher, trained and tested.

    Attributes:
        teacher: Its kind.
        labels: Label budget.
        seed: Of the draw of labels and of the network.
        validation_error: In [0, 1].
        test_error: In [0, 1].
        seconds: How long the training took.
        settings: The teacher's, from the run's settings.
        preset: Whose settings those are.
        dataset: Name of the data.
        commit: Of the source.
        cpu: What it was measured on.
    """

    model_config = ConfigDict(frozen=True)

    teacher: TeacherName
    labels: int
    seed: int
    validation_error: float
    test_error: float
    seconds: float
    settings: dict[str, Any]
    preset: Preset
    dataset: str
    commit: str | None
    cpu: str

    @property
    def cell(self) -> tuple[str, int, int, str]:
        """What it measures: the same for one that would only be measured again."""
        settings = json.dumps([self.dataset, self.settings], sort_keys=True)
        return self.teacher, self.labels, self.seed, settings


class Measurements(BaseModel):
    """All that was measured.

    Attributes:
        measurements: In the order they were made.
    """

    model_config = ConfigDict(frozen=True)

    measurements: list[Measurement]


class Row(BaseModel):
    """One teacher at one budget.

    Attributes:
        error: Mean test error over the draws.
        margin: Half the width of Student's t interval for it; None for one draw.
        lowest: Smallest of the test errors.
        highest: Largest of them.
        draws: Draws of labels.
        seconds: Mean seconds of a training.
    """

    model_config = ConfigDict(frozen=True)

    error: float
    margin: float | None
    lowest: float
    highest: float
    draws: int
    seconds: float


@app.default
def measure(
    *,
    draws: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 3,
    budgets: tuple[int, ...] = BUDGETS,
    teachers: tuple[TeacherName, ...] = get_args(TeacherName)[::-1],
    preset: Preset = "quick",
    dataset: str = "mnist",
    root: Path = ROOT,
) -> None:
    """Measure what is missing; add it to `artifacts/semi_supervised.json`, and write the page.

    Parameters
    ----------
    draws
        Draws of labels, by seeds from 0.
    budgets
        Label budgets.
    teachers
        Kinds of teachers.
    preset
        Whose settings to take.
    dataset
        As in `gan-aug run`.
    root
        Folder whose `artifacts` and `docs` are written.
    """
    data = load_dataset(dataset, find_mnist())
    compute = select_compute("auto")
    for seed in range(draws):
        for labels in budgets:
            for teacher in teachers:
                config = resolve_config(preset, {"labels": labels, "seed": seed})
                measure_once(teacher, config, preset, data, compute, root)


def measure_once(
    teacher: TeacherName,
    config: RunConfig,
    preset: Preset,
    data: Dataset,
    compute: Compute,
    root: Path,
) -> None:
    """Train and test a teacher unless that was done with these settings, and write what was found.

    The commit is that of the code when the training began.
    """
    labeled = data.train.take(draw_labeled(data.train, config.labels, seed=config.seed))
    planned = config.model_copy(update={"cnn": config.cnn.plan_updates(len(labeled))})
    pending = Measurement(
        teacher=teacher,
        labels=len(labeled),
        seed=config.seed,
        validation_error=1,
        test_error=1,
        seconds=0,
        settings=list_settings(teacher, planned),
        preset=preset,
        dataset=data.provenance.name,
        commit=read_commit(),
        cpu=describe_machine().cpu_model,
    )
    if pending.cell in {found.cell for found in read_measurements(root)}:
        return
    ERR.print(f"{TITLES[teacher]}, {len(labeled)} labels, seed {config.seed}")
    started = perf_counter()
    model = TRAIN[teacher](data, labeled, planned, compute)
    done = pending.model_copy(
        update={
            "seconds": perf_counter() - started,
            "validation_error": measure_error(model, data.validation),
            "test_error": measure_error(model, data.test),
        }
    )
    keras.backend.clear_session()
    write_measurements([*read_measurements(root), done], root)


def list_settings(teacher: TeacherName, config: RunConfig) -> dict[str, Any]:
    """Return the settings that a teacher's training depends on."""
    if teacher == "sgan":
        return {"sgan": config.sgan.model_dump(mode="json")}
    settings = {"cnn": config.cnn.model_dump(mode="json")}
    if teacher == "shift":
        settings["augmentation"] = config.augmentation.model_dump(mode="json")
    return settings


def train_gan(
    data: Dataset, labeled: LabeledImages, config: RunConfig, compute: Compute
) -> keras.Model:
    """Train a semi-supervised GAN on all training images and a few labels."""
    return train_sgan(labeled, data.train.images, config.sgan, seed=config.seed, compute=compute)


def train_original(
    _data: Dataset, labeled: LabeledImages, config: RunConfig, compute: Compute
) -> keras.Model:
    """Train the CNN of ``original``."""
    training_set = ARMS["original"].build(gather_material(config, labeled))
    return train_cnn(training_set, config.cnn, seed=config.seed, compute=compute)


def train_shift(
    _data: Dataset, labeled: LabeledImages, config: RunConfig, compute: Compute
) -> keras.Model:
    """Train the CNN of ``shift``, the default teacher."""
    training_set = ARMS["shift"].build(gather_material(config, labeled))
    return train_cnn(training_set, config.cnn, seed=config.seed, compute=compute)


TRAIN: Mapping[TeacherName, Callable[[Dataset, LabeledImages, RunConfig, Compute], keras.Model]] = {
    "sgan": train_gan,
    "shift": train_shift,
    "original": train_original,
}


def measure_error(model: keras.Model, part: LabeledImages) -> float:
    """Return the share of images that a network names wrongly."""
    return float((predict_probabilities(model, part.images).argmax(axis=1) != part.labels).mean())


def read_measurements(root: Path) -> list[Measurement]:
    """Return what was measured before."""
    path = root / RESULTS
    return Measurements.model_validate_json(path.read_bytes()).measurements if path.exists() else []


def write_measurements(measurements: Sequence[Measurement], root: Path) -> None:
    """Write JSON and page."""
    whole = Measurements(measurements=list(measurements))
    write_json(root / RESULTS, whole.model_dump(mode="json"))
    with atomic_file(root / "docs" / "semi_supervised.md", "w") as file:
        file.write(render_page(whole))


def summarize(measurements: Sequence[Measurement]) -> dict[tuple[int, TeacherName], Row]:
    """Return means and intervals over the draws: labels and teacher → row.

    Where a draw was measured with several settings, the last of them count.
    """
    newest = {(found.labels, found.teacher, found.seed): found for found in measurements}
    groups: dict[tuple[int, TeacherName], list[Measurement]] = {}
    for (labels, teacher, _), found in newest.items():
        groups.setdefault((labels, teacher), []).append(found)
    return {key: summarize_draws(group) for key, group in groups.items()}


def summarize_draws(draws: Sequence[Measurement]) -> Row:
    errors = np.array([found.test_error for found in draws])
    return Row(
        error=float(errors.mean()),
        margin=student_margin(errors, CONFIDENCE_LEVEL) if len(draws) > 1 else None,
        lowest=float(errors.min()),
        highest=float(errors.max()),
        draws=len(draws),
        seconds=float(np.mean([found.seconds for found in draws])),
    )


def render_page(whole: Measurements) -> str:
    """Render the page: a row a budget, a column a teacher, and the paper's."""
    rows = summarize(whole.measurements)
    teachers = [teacher for teacher in TITLES if any(teacher == other for _, other in rows)]
    gans = [found for found in whole.measurements if found.teacher == "sgan"]
    return load_template(PAGE).render(
        rows=rows,
        budgets=sorted({labels for labels, _ in rows}),
        teachers=teachers,
        titles=TITLES,
        paper=PAPER,
        sgan=gans[-1].settings["sgan"] if gans else None,
        origins=sorted(
            {
                (found.commit or "unknown", found.cpu, found.dataset, found.preset)
                for found in whole.measurements
            }
        ),
    )


if __name__ == "__main__":
    app()
