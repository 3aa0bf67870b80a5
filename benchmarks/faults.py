"""What gan-aug survives: ``python -m benchmarks.faults``, or ``make faults``.

The fault matrix is tests (``tests/faults``), of which CI tries a part. This command tries all of
it, and renders what was tried and what held into ``docs/reliability.md``.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cyclopts import App
from pydantic import BaseModel, ConfigDict, TypeAdapter

from benchmarks.machine import describe_machine, stamp
from benchmarks.report import load_template
from benchmarks.results import Machine, Stamp
from gan_aug.store.files import atomic_file, write_json

__all__ = ["Group", "Row", "list_groups", "measure", "read_groups", "render_groups", "replace"]

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "tests" / "faults"
PREFIX = "test_"
JSON = "artifacts/faults.json"
PAGE = "docs/reliability.md"
# What pytest ends with where all tests passed, and where some failed.
TRIED = (0, 1)
LIBRARIES = ("numpy", "pillow", "pyarrow", "prefect", "tensorflow")

app = App(name="python -m benchmarks.faults", help="Try the fault matrix.")


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


class Group(BaseModel):
    """The faults of one file of tests, which are tried together.

    Attributes:
        name: ``parts`` of ``tests/faults/test_parts.py``.
        machine: Where they were tried.
        stamp: With which code.
        rows: One for each kind.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    machine: Machine
    stamp: Stamp
    rows: list[Row]


@app.default
def measure(*names: str, root: Path = ROOT) -> int:
    """Try faults, and write `artifacts/faults.json` and `docs/reliability.md`.

    Parameters
    ----------
    names
        Files of `tests/faults` to try, such as `parts` for `test_parts.py`; all by default. What
        was found of the others before stays on the page.
    root
        Folder whose `artifacts` and `docs` are written.
    """
    unknown = sorted(set(names) - set(list_groups()))
    if unknown:
        raise SystemExit(f"names: expected some of {list_groups()}, found {unknown}")
    broken = 0
    for name in names or list_groups():
        group = Group(
            name=name, machine=describe_machine(), stamp=stamp(LIBRARIES), rows=try_faults(name)
        )
        broken += sum(row.survived < row.tried for row in group.rows)
        write_groups(replace(read_groups(root), group), root)
    return min(broken, 1)


def list_groups() -> list[str]:
    """Return the names of all groups, in alphabetical order."""
    return sorted(path.stem.removeprefix(PREFIX) for path in TESTS.glob(f"{PREFIX}*.py"))


def try_faults(name: str) -> list[Row]:
    """Try the whole of a group."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.json"
        words = [f"{TESTS}/{PREFIX}{name}.py", "--whole-matrix", f"--matrix-json={path}", "-q"]
        done = subprocess.run([sys.executable, "-m", "pytest", *words], cwd=ROOT, check=False)  # noqa: S603 - our own
        rows = TypeAdapter(list[Row]).validate_json(path.read_bytes()) if path.exists() else []
    if done.returncode not in TRIED or not rows:
        raise SystemExit(f"{name}: expected faults to be tried, found exit code {done.returncode}")
    return rows


def replace(groups: Sequence[Group], tried: Group) -> list[Group]:
    """Put a group in the place of what was found of it before."""
    others = [group for group in groups if group.name != tried.name]
    return sorted([*others, tried], key=lambda group: group.name)


def read_groups(root: Path) -> list[Group]:
    """Return what was found last; nothing where there is no JSON."""
    path = root / JSON
    return TypeAdapter(list[Group]).validate_json(path.read_bytes()) if path.exists() else []


def write_groups(groups: Sequence[Group], root: Path) -> None:
    """Write JSON and page."""
    write_json(root / JSON, [group.model_dump(mode="json") for group in groups])
    with atomic_file(root / PAGE, "w") as file:
        file.write(render_groups(groups))


def render_groups(groups: Sequence[Group]) -> str:
    """Render the page, with the rows of each part together."""
    parts: dict[str, list[Row]] = {}
    for group in groups:
        for row in group.rows:
            parts.setdefault(row.part, []).append(row)
    return load_template("reliability.md.j2").render(groups=groups, parts=parts)


if __name__ == "__main__":
    sys.exit(app())
