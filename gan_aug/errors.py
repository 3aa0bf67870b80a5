"""What a user can get wrong, and what can go wrong under a user's hands."""

__all__ = [
    "DownloadError",
    "GateError",
    "TrainingCollapsedError",
    "TrainingDivergedError",
    "UserError",
    "escape",
]


class UserError(ValueError):
    """Something the user can put right; a ``ValueError`` for callers in Python.

    The message is one line: what was expected, what was found, what to do. The command prints it
    and exits with code 2.

    Args:
        message: Made one line; what no terminal shows is escaped.
    """

    def __init__(self, message: str) -> None:
        line = " ".join(message.splitlines())
        super().__init__("".join(map(escape, line)))


def escape(character: str) -> str:
    """Return a character that terminals show, or its escape sequence."""
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode()


class DownloadError(UserError):
    """Something can't be fetched now.

    Args:
        message: As of any such error.
        temporary: Whether it may be there when it is asked for again soon.
    """

    def __init__(self, message: str, *, temporary: bool = True) -> None:
        super().__init__(message)
        self.temporary = temporary


class GateError(Exception):
    """A run went well and found something that it was told not to pass over."""


class TrainingDivergedError(UserError):
    """A loss became infinite or not a number."""


class TrainingCollapsedError(UserError):
    """A network hardly ever names some classes, or is no surer than chance."""
