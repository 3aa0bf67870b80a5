"""Test error with few labels, beside a paper's: ``python -m benchmarks.semi_supervised``.

Each kind of teacher, the semi-supervised GAN and the two CNNs, is trained on the same labels. Test
images are read here and by no one who chooses settings.
"""

import functools
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
from cyclopts import App, Parameter, validators
from pydantic import BaseModel, ConfigDict
from rich.console import Console

from benchmarks.ledger import Ledger
from benchmarks.machine import describe_machine, read_commit
from benchmarks.report import load_template
from gan_aug.data.dataset import Dataset, describe_dataset, draw_labeled, resolve_budget
from gan_aug.data.load import load_dataset
from gan_aug.data.local import find_local_sets
from gan_aug.device import Compute, select_compute
from gan_aug.evaluation.study import student_margin
from gan_aug.execution import Executor, Output, execute_stage
from gan_aug.images import Float32, Images, LabeledImages
from gan_aug.settings.data import DataConfig
from gan_aug.settings.presets import Preset, resolve_config
from gan_aug.settings.pseudo_labels import TeacherName
from gan_aug.settings.run import RunConfig
from gan_aug.stages import RunStages, describe_draw
from gan_aug.store.store import Store
from gan_aug.teachers import TEACHERS

__all__ = ["LEDGER", "Measurement", "Row", "render_page", "summarize"]

ROOT = Path(__file__).parent.parent
CONFIDENCE_LEVEL = 0.95
BUDGETS = (20, 50, 100, 200)
PAGE = "semi_supervised.md.j2"
ERR = Console(stderr=True, soft_wrap=True, highlight=False)

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


LEDGER = Ledger(Measurement, key="measurements", name="semi_supervised")


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
    teachers: tuple[TeacherName, ...] = tuple(TEACHERS)[::-1],
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
    data = load_dataset(DataConfig(dataset=dataset), find_local_sets())
    compute = select_compute("auto")
    for seed in range(draws):
        for labels in budgets:
            for teacher in teachers:
                changes = {"labels": labels, "seed": seed, "pseudo_labels": {"teacher": teacher}}
                measure_once(resolve_config(preset, changes), preset, data, compute, root)


def measure_once(
    config: RunConfig, preset: Preset, data: Dataset, compute: Compute, root: Path
) -> None:
    """Train and test a teacher unless that was done with these settings, and write what was found.

    The commit is that of the code when the training began.
    """
    teacher = config.pseudo_labels.teacher
    labels = len(
        draw_labeled(data.train, resolve_budget(config.labels, data.provenance), seed=config.seed)
    )
    planned = config.plan(labels)
    pending = Measurement(
        teacher=teacher,
        labels=labels,
        seed=config.seed,
        validation_error=1,
        test_error=1,
        seconds=0,
        settings=list_settings(planned),
        preset=preset,
        dataset=data.provenance.name,
        commit=read_commit(),
        cpu=describe_machine().cpu_model,
    )
    if LEDGER.has(pending, root):
        return
    ERR.print(f"{title(teacher)}, {labels} labels, seed {config.seed}")
    with tempfile.TemporaryDirectory() as folder:
        network = train_network(planned, data, compute, Path(folder))
        predict = functools.partial(TEACHERS[teacher].predict, network.load())
        done = pending.model_copy(
            update={
                "seconds": network.seconds,
                "validation_error": measure_error(predict, data.validation),
                "test_error": measure_error(predict, data.test),
            }
        )
    keras.backend.clear_session()
    LEDGER.add(done, root, render_page)


def train_network(
    config: RunConfig, data: Dataset, compute: Compute, folder: Path
) -> Output[keras.Model]:
    """Train the first network of a run's teacher, as the run would."""
    source = describe_dataset(data.provenance, data)
    drawn = describe_draw(config, source)
    stages = RunStages(config, source, data.provenance, drawn, compute)
    return Executor(Store(folder), execute_stage)(stages.train_networks()[0])


def title(teacher: TeacherName) -> str:
    """``CNN, `shift```; the kind alone of a teacher that is of no arm."""
    known = TEACHERS[teacher]
    return f"{known.kind}, `{teacher}`" if known.arm else known.kind


def list_settings(config: RunConfig) -> dict[str, Any]:
    """Return the settings that a teacher's training depends on."""
    settings = config.model_dump(mode="json")
    return {name: settings[name] for name in TEACHERS[config.pseudo_labels.teacher].depends_on}


def measure_error(predict: Callable[[Images], Float32], part: LabeledImages) -> float:
    """Return the share of images that a network names wrongly."""
    return float((predict(part.images).argmax(axis=1) != part.labels).mean())


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


def render_page(measurements: Sequence[Measurement]) -> str:
    """Render the page: a row a budget, a column a teacher, and the paper's."""
    rows = summarize(measurements)
    measured = {teacher for _, teacher in rows}
    teachers = [teacher for teacher in list(TEACHERS)[::-1] if teacher in measured]
    gans = [found for found in measurements if found.teacher == "sgan"]
    return load_template(PAGE).render(
        rows=rows,
        budgets=sorted({labels for labels, _ in rows}),
        teachers=teachers,
        titles={teacher: title(teacher) for teacher in teachers},
        paper=PAPER,
        sgan=gans[-1].settings["sgan"] if gans else None,
        origins=sorted(
            {
                (found.commit or "unknown", found.cpu, found.dataset, found.preset)
                for found in measurements
            }
        ),
    )


if __name__ == "__main__":
    app()
