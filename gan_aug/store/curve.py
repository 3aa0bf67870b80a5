"""The curve of a training: what it told of its metrics on the way, kept beside its output."""

import contextlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gan_aug.store.files import atomic_file

__all__ = ["Curve", "read_curve", "record_curve"]

CURVE_FILE = "curve.jsonl"
MOST_ROWS = 200

Curve = dict[int, dict[str, float]]
"""Steps taken by then → metrics by name."""


@contextlib.contextmanager
def record_curve(
    folder: Path, steps: int | None
) -> Iterator[Callable[[int, Mapping[str, float]], None]]:
    """Yield what is told the metrics of a training, and keeps some 200 of them in a folder.

    A training that goes on from a checkpoint goes on in the curve that it left in the folder.

    Args:
        folder: Of the output, while it is being made.
        steps: How many there are to be.
    """
    recorder = Recorder(folder / CURVE_FILE, max(1, (steps or 1) // MOST_ROWS), read_curve(folder))
    yield recorder
    recorder.finish()


@dataclass
class Recorder:
    """Keeps one row of metrics for each so many steps.

    Attributes:
        path: Of the file; there is none before the first metrics.
        stride: The so many steps.
        before: Rows that an interrupted training left.
        rows: Those up to now.
    """

    path: Path
    stride: int
    before: Curve
    rows: Curve = field(default_factory=dict)

    def __call__(self, done: int, metrics: Mapping[str, float]) -> None:
        """Note the metrics after ``done`` steps, if it is time to."""
        if not metrics:
            return
        # The interrupted training may have been further than its last checkpoint.
        self.rows |= {step: row for step, row in self.before.items() if step < done}
        self.before = {}
        if self.rows and done // self.stride == max(self.rows) // self.stride:
            return
        self.rows[done] = {name: float(value) for name, value in metrics.items()}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(self.write_row(done))

    def write_row(self, step: int) -> str:
        """Return a row as a line of JSON."""
        return json.dumps({"step": step, **self.rows[step]}) + "\n"

    def finish(self) -> None:
        """Leave each row once, as a training without interruption would have."""
        if self.rows:
            with atomic_file(self.path, "w") as file:
                file.writelines(map(self.write_row, sorted(self.rows)))


def read_curve(folder: Path) -> Curve:
    """Return the curve that is kept in a folder; an empty one where none is.

    Lines that a killed process wrote in part, and values that are no numbers, are left out.
    """
    path = folder / CURVE_FILE
    if not path.exists():
        return {}
    curve: Curve = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
            row = json.loads(line)
            step = int(row.pop("step"))
            curve[step] = {name: float(v) for name, v in row.items() if math.isfinite(v)}
    return curve
