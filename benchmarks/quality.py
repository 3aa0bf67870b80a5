"""How good the ``quick`` preset's images are after minutes of training."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.interleave import Entrant, OnUnit, Worker
from benchmarks.machine import stamp
from benchmarks.results import Quality, QualityPoint
from gan_aug.settings.presets import resolve_config

__all__ = ["measure_quality"]

TARGETS = {4: 4.0, 7: 2.8}
"""Minutes of training → what the Fréchet distance should be below, as a multiple of the floor."""

POINTS = 8


def measure_quality(rounds: int, on_unit: OnUnit) -> Quality:
    """Train the preset's DCGAN to its end, and measure its images on the way.

    The time is that of training alone, with the search for clusters and the compilation, which the
    resumption after every measurement repeats.

    Args:
        rounds: The training is cut into so many times eight pieces.
        on_unit: Called before each unit.
    """
    code = stamp(("tensorflow", "keras", "scikit-learn", "numpy"))
    last = resolve_config("quick").dcgan.steps
    steps = [int(step) for step in np.linspace(0, last, POINTS * rounds + 1)[1:]]
    requests = ["judge", *itertools.chain(*((f"train {step}", "measure") for step in steps))]
    on_unit("starting", 0, len(requests))
    with Worker.start(Entrant("quality", "benchmarks.ours.quality")) as worker:
        seconds = {}
        for done, request in enumerate(requests):
            on_unit(request, done, len(requests))
            seconds[request] = worker.run_unit(request)
        facts = worker.finish()
    times = np.cumsum([seconds[f"train {step}"] for step in steps]).tolist()
    points = build_points(steps, times, facts)
    return Quality(
        stamp=code,
        precision=str(facts["precision"]),
        judge_accuracy=float(facts["judge_accuracy"]),
        floor=float(facts["floor"]),
        points=points,
        targets=TARGETS,
        reached={minutes: latest_within(points, minutes) for minutes in TARGETS},
    )


def build_points(
    steps: Sequence[int], times: Sequence[float], facts: Mapping[str, Any]
) -> list[QualityPoint]:
    """Put steps, times and distances together."""
    return [
        QualityPoint(
            step=step,
            seconds=time,
            frechet_distance=facts[f"step_{step}"],
            ratio=facts[f"step_{step}"] / facts["floor"],
        )
        for step, time in zip(steps, times, strict=True)
    ]


def latest_within(points: Sequence[QualityPoint], minutes: int) -> float | None:
    """Return the last ratio measured in so many minutes of training; None if there was none.

    The last, not the lowest: who stops training by the clock can't choose.
    """
    ratios = [point.ratio for point in points if point.seconds <= 60 * minutes]
    return ratios[-1] if ratios else None
