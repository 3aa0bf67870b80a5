"""What was measured: the content of ``artifacts/benchmarks.json``.

Every ratio is gan-aug's time over the other's: below 1, gan-aug is the faster one.
"""

import statistics
from pathlib import Path

from pydantic import BaseModel, ConfigDict

__all__ = [
    "CnnTraining",
    "Contender",
    "Curve",
    "DcganStep",
    "Floor",
    "Growth",
    "LightgbmTraining",
    "Machine",
    "Memory",
    "Peak",
    "Quality",
    "QualityPoint",
    "Results",
    "Stamp",
    "read_results",
]


# Shares of a machine's time: above them, seconds are not worth much, and ratios less.
BUSY, STOLEN = 0.1, 0.02


class Values(BaseModel):
    """Measured values do not change, and none is infinite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Machine(Values):
    """What all parts of one file were measured on.

    Attributes:
        cpu_model: As the system calls it.
        cores: Logical cores.
        cpu_flags: Its vector and matrix instructions.
        memory_gib: Installed memory in GiB.
    """

    cpu_model: str
    cores: int
    cpu_flags: list[str]
    memory_gib: float


class Stamp(Values):
    """Which code a part was measured with.

    Attributes:
        commit: Of this project, ``+changes`` added if the working tree had some.
        date: UTC.
        versions: Of Python and the libraries.
        busy: Share of the machine's time that went to others just before, in [0, 1].
        stolen: Share of it that other machines on the same hardware had, in [0, 1].
    """

    commit: str | None
    date: str
    versions: dict[str, str]
    busy: float = 0.0
    stolen: float = 0.0

    @property
    def warning(self) -> str | None:
        """What is to be known of a result that was measured on a busy machine."""
        if self.busy <= BUSY and self.stolen <= STOLEN:
            return None
        return (
            f"on a busy machine: {self.busy:.0%} of its time went to other work, and "
            f"{self.stolen:.0%} to other machines, just before"
        )


class Contender(Values):
    """One side of a comparison; without times where it is not installed.

    Attributes:
        title: For people.
        unit_seconds: Wall-clock time of each unit, in the order of the rounds.
        median_seconds: Their median.
        ratio: Median over the rounds of gan-aug's time divided by this one's.
        lowest_ratio: The smallest of these ratios.
        highest_ratio: The largest of them.
        facts: What else the contender reports, such as ``validation_accuracy``.
    """

    title: str
    unit_seconds: list[float] = []
    median_seconds: float | None = None
    ratio: float | None = None
    lowest_ratio: float | None = None
    highest_ratio: float | None = None
    facts: dict[str, int | float | str] = {}


class Floor(Values):
    """The least time the step's multiplications can take on this machine.

    Attributes:
        multiply_adds: Of one step, as :mod:`benchmarks.floor` counts them.
        chapter_multiply_adds: Of one step of the chapter's loop.
        multiply_adds_per_second: Best rate of a large matrix product, in the step's precision.
        fastest_product: Which product that was.
        seconds: The quotient of the first and the rate.
    """

    multiply_adds: int
    chapter_multiply_adds: int
    multiply_adds_per_second: float
    fastest_product: str
    seconds: float


class DcganStep(Values):
    """One training step of the chapter's DCGAN."""

    stamp: Stamp
    precision: str
    ratio_vs_chapter: float
    ratio_vs_chapter_onednn: float
    ratio_vs_pytorch: float | None
    ratio_vs_pytorch_tuned: float | None = None
    ratio_vs_floor: float
    floor: Floor
    contenders: dict[str, Contender]


class CnnTraining(Values):
    """One epoch of the chapter's CNN."""

    stamp: Stamp
    images_per_unit: int
    ratio_vs_keras_fit: float
    contenders: dict[str, Contender]


class LightgbmTraining(Values):
    """LightGBM on 10,000 images."""

    stamp: Stamp
    images_per_unit: int
    ratio_vs_lightgbm_defaults: float
    contenders: dict[str, Contender]


class Peak(Values):
    """Resident memory of a whole run with nothing to reuse.

    Attributes:
        preset: The run's preset.
        images: Synthetic images that it generates and labels.
        peak_gib: Largest sum over all processes of the run, sampled; shared pages count in each.
        peak_process_gib: Largest single process, exact.
    """

    preset: str
    images: int
    peak_gib: float
    peak_process_gib: float


class Memory(Values):
    """Resident memory of runs.

    Attributes:
        stamp: The code.
        usual: A run with its preset's images.
        curve: Runs with more and more images, the fewest first.
        target_gib: What every ``peak_gib`` should stay below.
    """

    stamp: Stamp
    usual: Peak
    curve: list[Peak]
    target_gib: float

    @property
    def bytes_per_image(self) -> float:
        """What each further image takes: the slope of a least-squares line through the curve."""
        images = [peak.images for peak in self.curve]
        line = statistics.linear_regression(images, [peak.peak_gib for peak in self.curve])
        return line.slope * 2**30

    @property
    def met(self) -> bool:
        """Whether all stay below the target."""
        return all(peak.peak_gib <= self.target_gib for peak in (self.usual, *self.curve))


class QualityPoint(Values):
    """What the judge says of the images after some training.

    Attributes:
        step: Steps taken.
        seconds: Time they took.
        frechet_distance: Of the generated images from the test images.
        ratio: The same over that of as many training images, the floor.
    """

    step: int
    seconds: float
    frechet_distance: float
    ratio: float


class Quality(Values):
    """Quality of the ``quick`` preset's images against time.

    Attributes:
        stamp: The code.
        precision: Of the DCGAN's training.
        judge_accuracy: Of the judge on the validation images, in [0, 1].
        floor: Fréchet distance of as many training images from the test images.
        points: In the order of training.
        targets: Minutes → what the ratio should be below.
        reached: Minutes → the last ratio measured by then, None if there was none.
    """

    stamp: Stamp
    precision: str
    judge_accuracy: float
    floor: float
    points: list[QualityPoint]
    targets: dict[int, float]
    reached: dict[int, float | None]


class Curve(Values):
    """A stage's time against the size of its input.

    Attributes:
        stage: For people.
        driver: What the sizes count.
        sizes: Ascending.
        seconds: Median time for each size.
        fitted_from: The smallest size in the fit.
        exponent: Slope of the fit in log-log; 1 is linear growth.
    """

    stage: str
    driver: str
    sizes: list[int]
    seconds: list[float]
    fitted_from: int
    exponent: float


class Growth(Values):
    """Stage times against what drives them."""

    stamp: Stamp
    rounds: int
    curves: list[Curve]


class Results(Values):
    """All parts, each of them absent until it is measured."""

    machine: Machine
    commit: str | None = None
    dcgan_step: DcganStep | None = None
    cnn_training: CnnTraining | None = None
    lightgbm_training: LightgbmTraining | None = None
    quality: Quality | None = None
    memory: Memory | None = None
    growth: Growth | None = None


def read_results(path: Path) -> Results | None:
    """Read an earlier ``benchmarks.json``, or return None where there is none."""
    return Results.model_validate_json(path.read_text()) if path.exists() else None
