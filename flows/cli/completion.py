"""What a shell completes that only the artifacts know."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cyclopts.completion import CompletionContext

__all__ = ["complete_run"]


def complete_run(typed: "CompletionContext") -> Sequence[str]:
    """Return ``latest`` and the names of all runs, in the artifacts that the words before name."""
    from gan_aug.reporting.folders import LATEST, list_names  # noqa: PLC0415 - a second to import

    names = list_names(Path(typed["artifacts"].value))
    return [LATEST, *names] if names else []
