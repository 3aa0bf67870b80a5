"""How the command reports an error: in one line and an exit code."""

from collections.abc import Sequence
from typing import Any

from cyclopts import CycloptsError
from pydantic import ValidationError

__all__ = ["EXIT_FAILED", "EXIT_INTERRUPTED", "EXIT_USER_ERROR", "phrase"]

EXIT_FAILED = 1
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130

COMMON_START = "Input should be "


def phrase(error: Exception) -> str:
    """Put an error into one line: what was expected, and what was found.

    Args:
        error: An error of the user's or of the operating system, or one that cyclopts or pydantic
            raised about an argument.
    """
    cause = error.__cause__ if isinstance(error, CycloptsError) else error
    if isinstance(cause, ValidationError):
        return phrase_fields(cause.errors())
    if isinstance(error, OSError):
        return phrase_system_error(error)
    return str(error)


def phrase_system_error(error: OSError) -> str:
    """Name the file, if the error is about one.

    ``artifacts/runs: expected to read or write there, found: Permission denied``, and ``a read, a
    write or a connection failed: Connection refused``.
    """
    found = error.strerror or str(error) or type(error).__name__
    if error.filename is None:
        return f"a read, a write or a connection failed: {found}"
    return f"{error.filename}: expected to read or write there, found: {found}"


def phrase_fields(details: Sequence[Any]) -> str:
    """Phrase the errors of all fields; those of one field, a union, are alternatives.

    ``labels: input should be greater than or equal to 10, or 'all', found '5'``. What pydantic says
    of a whole tuple is left out where it says what is wrong with an item: without that item it
    finds the tuple too short.
    """
    fields: dict[str, list[Any]] = {}
    for detail in details:
        fields.setdefault(name_field(detail["loc"]), []).append(detail)
    return "; ".join(
        phrase_field(field, details)
        for field, details in fields.items()
        if not any(other.startswith(f"{field}.") for other in fields)
    )


def phrase_field(field: str, details: Sequence[Any]) -> str:
    first = details[0]
    if first["type"] == "value_error":  # our own, which tell what was found
        return ": ".join(filter(None, (field, str(first["ctx"]["error"]))))
    expected = f"{first['msg'][0].lower()}{first['msg'][1:]}"
    alternatives = "".join(f", or {d['msg'].removeprefix(COMMON_START)}" for d in details[1:])
    return f"{field}: {expected}{alternatives}, found {first['input']!r}"


def name_field(location: Sequence[str | int]) -> str:
    """Name a field as its flag does, without pydantic's names for the members of a union."""
    names = (str(part) for part in location if isinstance(part, int) or part.isidentifier())
    return ".".join(names).replace("_", "-")
