"""A report for where there is little room, and no file beside it: an artifact of Prefect."""

import re
from collections.abc import Sequence

__all__ = ["narrow_report"]

# Letters that fit beside each other in the Prefect UI, and what a column takes beside its own.
ROOM, BETWEEN = 84, 2
MOST_ROWS = 12
TABLE = re.compile(r"(?m)^\|.*\|$(?:\n\|.*\|$)+")
LINK = re.compile(r"(?<!!)\[((?:\\.|[^]\\])*)\]\((?!https?:|#|data:)[^)]*\)")
CELL = re.compile(r"(?<!\\)\|")


def narrow_report(report: str, page: str) -> str:
    """Return a report whose tables fit, without links to files.

    A table that is too wide becomes a list, an item a row. One that would be a long list is named,
    and where to find it.

    Args:
        report: Markdown.
        page: Name of the page that has everything.
    """
    narrow = TABLE.sub(lambda table: narrow_table(table[0], page), report)
    return LINK.sub(r"\1", narrow)


def narrow_table(table: str, page: str) -> str:
    """Return a table if it fits, else what takes its place."""
    head, _, *rows = [split_row(line) for line in table.splitlines()]
    columns = [max(map(measure, column)) for column in zip(head, *rows, strict=True)]
    if sum(columns) + BETWEEN * len(columns) <= ROOM:
        return table
    if not any(head):
        return "\n".join(f"- {': '.join(filter(None, row))}" for row in rows)
    if len(rows) > MOST_ROWS:
        named = ", ".join(filter(None, head[:2]))
        return f"*A table of {len(rows):,} rows by {named}: in {page}.*"
    return "\n".join(write_item(head, row) for row in rows)


def split_row(line: str) -> list[str]:
    """Return the cells of a line."""
    return [cell.strip() for cell in CELL.split(line)[1:-1]]


def measure(cell: str) -> int:
    """Return how many letters a cell shows."""
    return len(re.sub(r"\\(?=[^\w\s])|[*`]", "", cell))


def write_item(head: Sequence[str], row: Sequence[str]) -> str:
    """``- classifier CNN; original 89.10%; GAN images **+5.76** (+5.19 to +6.33)``."""
    told = (f"{name} {cell}".strip() for name, cell in zip(head, row, strict=True) if cell)
    return f"- {'; '.join(told)}"
