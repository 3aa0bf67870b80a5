"""What the techniques for training GANs do to the images: ``python -m benchmarks.techniques``.

Each DCGAN gets the time that the defaults take for a number of steps: how long a step takes is
measured by turns, and the steps that fit into that time are trained. So the images do not depend on
what else the machine does meanwhile. The judge compares them with validation images, since choices
are made by this.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from cyclopts import App, Parameter, validators
from pydantic import BaseModel, ConfigDict
from rich.console import Console

from benchmarks.ledger import write_outputs
from benchmarks.machine import describe_machine, read_commit
from benchmarks.report import load_template
from gan_aug.data.dataset import describe_dataset
from gan_aug.data.load import load_dataset
from gan_aug.data.local import find_local_sets
from gan_aug.device import Compute, select_compute
from gan_aug.evaluation.quality import Features, Metrics, extract_features, measure
from gan_aug.evaluation.study import student_margin
from gan_aug.execution import Executor, execute_stage
from gan_aug.gan.adversarial import METRICS, build_players, build_train_step, train_dcgan
from gan_aug.gan.synthesis import generate_images
from gan_aug.images import Images, image_shape
from gan_aug.seeding import seed_keras
from gan_aug.settings.dcgan import DcganConfig
from gan_aug.settings.presets import Preset, resolve_config
from gan_aug.settings.run import RunConfig
from gan_aug.stages import RunStages, describe_draw
from gan_aug.store.store import Store
from gan_aug.training import compile_steps

__all__ = ["TECHNIQUES", "Technique", "Techniques", "fit_steps", "render_techniques"]

ROOT = Path(__file__).parent.parent
PAGE = "techniques.md.j2"
RESULTS = Path("artifacts") / "techniques.json"
CONFIDENCE_LEVEL = 0.95
TURNS = 8
STEPS_PER_TURN = 30
ERR = Console(stderr=True, soft_wrap=True, highlight=False)

BASE = "the defaults"
TECHNIQUES: Mapping[str, Mapping[str, Any]] = {
    BASE: {},
    "no gradient penalty": {"gradient_penalty": 0.0},
    "feature matching": {"feature_matching": True},
    "minibatch discrimination, no gradient penalty": {
        "minibatch_discrimination": 32,
        "gradient_penalty": 0.0,
    },
    "one-sided label smoothing": {"label_smoothing": 0.1},
    "historical averaging": {"historical_averaging": 1e-4},
    "virtual batch normalization": {"virtual_batch_normalization": 64},
}
"""What is changed → the fields of the DCGAN's settings."""

app = App(name="python -m benchmarks.techniques", help="Measure what each technique is worth.")


class Technique(BaseModel):
    """One technique, with as much time as the defaults.

    Attributes:
        name: What is changed.
        step_time: Time of a step over that of the defaults.
        steps: That fit into the time.
        metrics: Seed → how the images compare with the validation images.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    step_time: float
    steps: int
    metrics: dict[int, Metrics] = {}

    def summarize(self, metric: str) -> tuple[float, float | None]:
        """Return a metric's mean over the seeds, and half the width of Student's t interval."""
        return summarize([getattr(found, metric) for found in self.metrics.values()])

    def compare(self, base: "Technique", metric: str) -> tuple[float, float | None]:
        """Return the same of what a metric differs from another technique's, seed by seed."""
        return summarize(
            [
                getattr(found, metric) - getattr(base.metrics[seed], metric)
                for seed, found in self.metrics.items()
            ]
        )


def summarize(values: Sequence[float]) -> tuple[float, float | None]:
    """Return a mean, and half the width of Student's t interval where there is one."""
    margin = student_margin(np.array(values), CONFIDENCE_LEVEL) if len(values) > 1 else None
    return float(np.mean(values)), margin


class Techniques(BaseModel):
    """All that was measured.

    Attributes:
        command: That measures it again.
        commit: Of the source.
        cpu: What it was measured on.
        seconds: Each training's time, by the times that steps took in turns.
        floor: How as many training images compare with the validation images.
        techniques: In the order of :data:`TECHNIQUES`.
    """

    model_config = ConfigDict(frozen=True)

    command: str
    commit: str | None
    cpu: str
    seconds: float
    floor: Metrics
    techniques: list[Technique]


class Bench(NamedTuple):
    """What all trainings share.

    Attributes:
        config: Settings, of which the techniques change some.
        compute: Device and precision.
        images: What the DCGANs are trained on.
        look: Shows images to the judge.
        reference: What it sees in the validation images.
    """

    config: RunConfig
    compute: Compute
    images: Images
    look: Callable[[Images], Features]
    reference: Features


@app.default
def measure_techniques(
    *names: str,
    steps: int = 2000,
    seeds: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 3,
    preset: Preset = "quick",
    dataset: str = "mnist",
    artifacts: Path = ROOT / "artifacts",
    root: Path = ROOT,
) -> None:
    """Train a DCGAN for every technique and seed; write `artifacts/techniques.json` and the page.

    What was measured before with the same command is kept: a seed that is there is not repeated.

    Parameters
    ----------
    names
        Techniques to train beside the defaults, by the names in the page; everything by default.
    steps
        Of the defaults; the others get as much time.
    seeds
        Trainings of each.
    preset
        Of the other settings.
    dataset
        As for `gan-aug run`.
    artifacts
        Folder of the store, which keeps the judge.
    root
        Folder whose `artifacts` and `docs` are written.
    """
    unknown = set(names) - set(TECHNIQUES)
    if unknown:
        sys.exit(f"names: expected some of {list(TECHNIQUES)}, found {sorted(unknown)}")
    wanted = [name for name in TECHNIQUES if name in {BASE, *(names or TECHNIQUES)}]
    bench = prepare(resolve_config(preset, {"dataset": dataset, "device": "cpu"}), artifacts)
    command = f"python -m benchmarks.techniques --steps {steps} --seeds {seeds}"
    found = resume(root, command) or begin(bench, wanted, steps, command)
    for seed in range(seeds):
        for technique in found.techniques:
            if seed not in technique.metrics:
                ERR.print(f"seed {seed}: {technique.name}, {technique.steps} steps")
                technique.metrics[seed] = measure_images(bench, technique, seed)
                write(found, root)


def prepare(config: RunConfig, artifacts: Path) -> Bench:
    """Load the data, and train the judge or find it in the store."""
    compute = select_compute(config.device, config.precision)
    execute = Executor(Store.open(artifacts, None), execute_stage)
    loaded = load_dataset(config, find_local_sets())
    data = describe_dataset(loaded.provenance, loaded)
    stages = RunStages(config, data, loaded.provenance, describe_draw(config, data), compute)
    judge = execute(stages.train_judge()).load()

    def look(images: Images) -> Features:
        return extract_features(judge, images)

    return Bench(config, compute, loaded.train.images, look, look(loaded.validation.images))


def resume(root: Path, command: str) -> Techniques | None:
    """Return what the same command measured before, if it did."""
    path = root / RESULTS
    found = Techniques.model_validate_json(path.read_bytes()) if path.exists() else None
    return found if found and found.command == command else None


def begin(bench: Bench, names: Sequence[str], steps: int, command: str) -> Techniques:
    """Measure how long steps take, and how real images compare with real ones."""
    ERR.print("how long a step takes, by turns")
    seconds = time_steps({name: configure(bench.config.dcgan, name) for name in names}, bench)
    floor = bench.look(bench.images[: bench.config.quality.images])
    return Techniques(
        command=command,
        commit=read_commit(),
        cpu=describe_machine().cpu_model,
        seconds=steps * seconds[BASE],
        floor=measure(floor, bench.reference, neighbors=bench.config.quality.neighbors),
        techniques=fit_steps(seconds, steps),
    )


def configure(config: DcganConfig, name: str) -> DcganConfig:
    """Return the settings of a technique."""
    return DcganConfig.model_validate(config.model_dump() | dict(TECHNIQUES[name]))


def time_steps(configs: Mapping[str, DcganConfig], bench: Bench) -> dict[str, float]:
    """Return the seconds of a step of each training, in the fastest of its turns.

    Whatever else the machine does can only make a turn slower.
    """
    runners = {name: prepare_turn(config, bench) for name, config in configs.items()}
    times: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(TURNS):
        for name, take_turn in runners.items():
            started = time.perf_counter()
            take_turn()
            times[name].append((time.perf_counter() - started) / STEPS_PER_TURN)
    return {name: min(seconds) for name, seconds in times.items()}


def prepare_turn(config: DcganConfig, bench: Bench) -> Callable[[], None]:
    """Compile a training, and return a function that takes some steps of it."""
    with seed_keras(0):
        players = build_players(config, bench.compute, image_shape(bench.images))
    train_step = build_train_step(players, bench.images, config, seed=0)
    train_steps = compile_steps(train_step, len(METRICS), bench.compute)

    def take_turn() -> None:
        for first in range(0, STEPS_PER_TURN, bench.compute.steps_per_call):
            count = min(bench.compute.steps_per_call, STEPS_PER_TURN - first)
            train_steps(first, count).numpy()

    take_turn()
    return take_turn


def fit_steps(seconds: Mapping[str, float], steps: int) -> list[Technique]:
    """Give each training the steps that take as long as those of the defaults."""
    return [
        Technique(
            name=name,
            step_time=time_of_one / seconds[BASE],
            steps=max(1, round(steps * seconds[BASE] / time_of_one)),
        )
        for name, time_of_one in seconds.items()
    ]


def measure_images(bench: Bench, technique: Technique, seed: int) -> Metrics:
    """Train a DCGAN and compare its images with the validation images."""
    config = configure(bench.config.dcgan, technique.name).model_copy(
        update={"steps": technique.steps}
    )
    trained = train_dcgan(bench.images, config, seed=seed, compute=bench.compute)
    images = generate_images(trained.generator, bench.config.quality.images, seed=seed)
    return measure(bench.look(images), bench.reference, neighbors=bench.config.quality.neighbors)


def write(found: Techniques, root: Path) -> None:
    """Write JSON and page."""
    write_outputs("techniques", found.model_dump(mode="json"), render_techniques(found), root)


def render_techniques(found: Techniques) -> str:
    """Render the page: a row a technique, a column a metric."""
    measured: Sequence[Technique] = [t for t in found.techniques if t.metrics]
    return load_template(PAGE).render(found=found, techniques=measured, changes=TECHNIQUES)


if __name__ == "__main__":
    app()
