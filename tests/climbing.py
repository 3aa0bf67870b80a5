"""A stage of a few steps that keeps its state: what a training is for the store."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_aug.progress import OnProgress
from gan_aug.stage import Stage
from gan_aug.store.formats import ArrayFormat
from gan_aug.store.store import ArrayCheckpoint


def climb(
    steps: int, *, checkpoint: ArrayCheckpoint, on_progress: OnProgress
) -> NDArray[np.float64]:
    """Take steps whose heights depend on all before; keep the state after each, then tell."""
    kept = checkpoint.load()
    heights = [1.0] if kept is None else kept["heights"].tolist()
    while len(heights) <= steps:
        heights.append(heights[-1] / 3 + len(heights))
        checkpoint.save({"heights": np.array(heights)})
        on_progress(len(heights) - 1, {})
    return np.array(heights)


def describe_climb(steps: int = 4) -> Stage[NDArray[np.float64]]:
    """Return the stage."""
    return Stage(
        "climb",
        f"climb of {steps}",
        climb,
        ArrayFormat("heights"),
        settings={"steps": steps},
        steps=steps,
        resumable=True,
    )


class Watcher:
    """Notes the steps that a stage tells, and ends the process at one, as far as files can tell.

    Args:
        last: The step after which it ends; None for never.
    """

    def __init__(self, last: int | None = None) -> None:
        self.last = last
        self.steps: list[int] = []

    @contextlib.contextmanager
    def __call__(self, _stage: Stage[Any]) -> Iterator[OnProgress]:
        """Watch a stage."""

        def on_progress(done: int, _metrics: object) -> None:
            self.steps.append(done)
            if done == self.last:
                raise KeyboardInterrupt

        yield on_progress
