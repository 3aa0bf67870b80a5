"""How a stage's time grows with what drives it."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.interleave import Entrant, OnUnit, Worker
from benchmarks.machine import stamp
from benchmarks.results import Curve, Growth

__all__ = [
    "CURVES",
    "IMAGES",
    "OVERHEAD_FACTOR",
    "PHOTOS",
    "Plan",
    "fit_exponent",
    "measure_growth",
]

OVERHEAD_FACTOR = 3
FEWEST_POINTS = 2

LABELS = (100, 1_000, 10_000, 50_000)
IMAGES = (1_000, 10_000, 50_000, 200_000, 500_000)
PHOTOS = (500, 2_000, 8_000, 32_000)
STEPS = (100, 400, 1_600)
PHOTO_STEPS = (10, 40, 160)


@dataclass(frozen=True)
class Plan:
    """A curve to measure.

    Attributes:
        key: The stage, as :mod:`benchmarks.ours.growth` calls it.
        stage: The same for people.
        driver: What the sizes count.
        sizes: Ascending.
    """

    key: str
    stage: str
    driver: str
    sizes: tuple[int, ...]


CURVES = (
    Plan("lightgbm", "LightGBM training", "labels", LABELS),
    Plan("cnn", "CNN training", "labels", LABELS),
    Plan("generation", "generation", "synthetic images", IMAGES),
    Plan("pseudo_labelling", "pseudo-labelling", "synthetic images", IMAGES),
    Plan("augmentation", "augmentation", "synthetic images", IMAGES),
    Plan("dcgan", "DCGAN training", "DCGAN steps", STEPS),
    Plan("photo_generation", "generation, 64×64 RGB", "64×64 RGB images", PHOTOS),
    Plan("photo_pseudo_labelling", "pseudo-labelling, 64×64 RGB", "64×64 RGB images", PHOTOS),
    Plan("photo_augmentation", "augmentation, 64×64 RGB", "64×64 RGB images", PHOTOS),
    Plan("photo_dcgan", "DCGAN training, 64×64 RGB", "64×64 RGB DCGAN steps", PHOTO_STEPS),
)


def measure_growth(rounds: int, on_unit: OnUnit) -> Growth:
    """Time every stage at every size, all of them once a round.

    Args:
        rounds: Times for each size, of which the median counts.
        on_unit: Called before each unit.
    """
    code = stamp(("tensorflow", "keras", "lightgbm", "numpy"))
    units = [(plan, size) for plan in CURVES for size in plan.sizes]
    seconds: dict[tuple[Plan, int], list[float]] = {unit: [] for unit in units}
    on_unit("starting", 0, rounds * len(units))
    with Worker.start(Entrant("growth", "benchmarks.ours.growth")) as worker:
        for done, (plan, size) in enumerate(units * rounds):
            on_unit(f"{plan.stage}, {size:,} {plan.driver}", done, rounds * len(units))
            seconds[plan, size].append(worker.run_unit(f"{plan.key} {size}"))
    medians = {unit: statistics.median(times) for unit, times in seconds.items()}
    return Growth(
        stamp=code,
        rounds=rounds,
        curves=[build_curve(plan, [medians[plan, size] for size in plan.sizes]) for plan in CURVES],
    )


def build_curve(plan: Plan, seconds: Sequence[float]) -> Curve:
    """Fit the exponent of one stage's times."""
    exponent, fitted_from = fit_exponent(plan.sizes, seconds)
    return Curve(
        stage=plan.stage,
        driver=plan.driver,
        sizes=list(plan.sizes),
        seconds=list(seconds),
        fitted_from=fitted_from,
        exponent=exponent,
    )


def fit_exponent(sizes: Sequence[int], seconds: Sequence[float]) -> tuple[float, int]:
    """Fit ``seconds ~ sizes ** exponent`` where the constant overhead no longer dominates.

    The time at the smallest size bounds the overhead. Fitted, by least squares in log-log, are the
    largest sizes, from the first that takes three times as long as the smallest; at least two.

    Returns:
        The exponent, and the smallest size in the fit.
    """
    beyond = [i for i, time in enumerate(seconds) if time >= OVERHEAD_FACTOR * seconds[0]]
    first = min([*beyond, len(sizes) - FEWEST_POINTS])
    exponent, _ = np.polyfit(np.log(sizes[first:]), np.log(seconds[first:]), 1)
    return float(exponent), sizes[first]
