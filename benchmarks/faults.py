"""What gan-aug survives: ``python -m benchmarks.faults``, or ``make faults``.

The fault matrix is tests (``tests/faults``), of which CI tries a part. This command tries all of
it, and renders what was tried and what held into ``docs/reliability.md``.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from cyclopts import App
from pydantic import BaseModel, ConfigDict, TypeAdapter

from benchmarks.machine import describe_machine, stamp
from benchmarks.report import load_template
from benchmarks.results import Machine, Stamp
from gan_aug.store.files import atomic_file, write_json

__all__ = ["FaultMatrix", "Row", "read_matrix", "render_matrix"]

ROOT = Path(__file__).parent.parent
COMMAND = "make faults"
JSON = "artifacts/faults.json"
PAGE = "docs/reliability.md"

app = App(name="python -m benchmarks.faults", help="Try the whole fault matrix.")


class Row(BaseModel):
    """One kind of fault.

    Attributes:
        part: Of the matrix.
        what: What is done.
        promise: What is to hold then.
        tried: How many times.
        survived: How many times it held.
    """

    model_config = ConfigDict(frozen=True)

    part: str
    what: str
    promise: str
    tried: int
    survived: int


class FaultMatrix(BaseModel):
    """All kinds of faults.

    Attributes:
        machine: Where they were tried.
        stamp: With which code.
        command: That tries them again.
        rows: One for each kind.
    """

    model_config = ConfigDict(frozen=True)

    machine: Machine
    stamp: Stamp
    command: str
    rows: list[Row]


@app.default
def measure(*pytest: str, root: Path = ROOT) -> int:
    """Try all faults, and write `artifacts/faults.json` and `docs/reliability.md`.

    Parameters
    ----------
    pytest
        Further words for pytest, such as `-n 2`.
    root
        Folder whose `artifacts` and `docs` are written.
    """
    code = stamp(("numpy", "pillow", "pyarrow", "prefect", "tensorflow"))
    rows = root / "artifacts" / "faults-rows.json"
    words = ["-m", "pytest", "tests/faults", "--whole-matrix", f"--matrix-json={rows}", *pytest]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, check=False)  # noqa: S603 - our own
    found = TypeAdapter(list[Row]).validate_json(rows.read_bytes())
    rows.unlink()
    matrix = FaultMatrix(machine=describe_machine(), stamp=code, command=COMMAND, rows=found)
    write_json(root / JSON, matrix.model_dump(mode="json"))
    with atomic_file(root / PAGE, "w") as file:
        file.write(render_matrix(matrix))
    return done.returncode


def read_matrix(root: Path) -> FaultMatrix:
    """Return what was tried last."""
    return FaultMatrix.model_validate_json((root / JSON).read_bytes())


def render_matrix(matrix: FaultMatrix) -> str:
    """Render the page."""
    return load_template("reliability.md.j2").render(matrix=matrix, parts=group_rows(matrix.rows))


def group_rows(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows of each part, in the order in which they were tried."""
    parts: dict[str, list[Row]] = {}
    for row in rows:
        parts.setdefault(row.part, []).append(row)
    return parts


if __name__ == "__main__":
    sys.exit(app())
