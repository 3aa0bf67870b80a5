"""What a benchmark measured before: it goes on from there, and its page shows all of it."""

import json
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

from gan_aug.store.files import atomic_file, write_json

__all__ = ["Ledger", "write_outputs"]


class Measured(Protocol):
    """A pydantic model of something that is not measured twice."""

    @property
    def cell(self) -> Hashable:
        """What it measures: the same for one that would only be measured again."""

    @classmethod
    def model_validate(cls, obj: Any) -> Self:
        """Read it from what JSON has."""

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """Return what JSON has."""


Entry = TypeVar("Entry", bound=Measured)


@dataclass(frozen=True)
class Ledger(Generic[Entry]):
    """The JSON and the page of a benchmark, below a root folder.

    Attributes:
        entry: What is measured at once.
        key: Of the entries in the JSON.
        name: Of both files, without their endings.
        indent: Of the JSON; None for entries too large to be read by people.
    """

    entry: type[Entry]
    key: str
    name: str
    indent: int | None = 2

    def read(self, root: Path) -> list[Entry]:
        """Return what was measured before, in this order; nothing where there is no JSON."""
        path = root / "artifacts" / f"{self.name}.json"
        if not path.exists():
            return []
        return [self.entry.model_validate(row) for row in json.loads(path.read_bytes())[self.key]]

    def has(self, pending: Entry, root: Path) -> bool:
        """Say whether it was measured before, whatever was found."""
        return pending.cell in {found.cell for found in self.read(root)}

    def add(self, done: Entry, root: Path, render: Callable[[Sequence[Entry]], str]) -> None:
        """Add an entry to those that there are by now, and write JSON and page."""
        entries = [*self.read(root), done]
        rows = [entry.model_dump(mode="json") for entry in entries]
        write_outputs(self.name, {self.key: rows}, render(entries), root, indent=self.indent)


def write_outputs(
    name: str, results: Any, page: str, root: Path, *, indent: int | None = 2
) -> None:
    """Write `artifacts/NAME.json` and `docs/NAME.md` below a root folder."""
    write_json(root / "artifacts" / f"{name}.json", results, indent=indent)
    with atomic_file(root / "docs" / f"{name}.md", "w") as file:
        file.write(page)
