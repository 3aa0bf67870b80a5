"""How the flows tell a person how far they are: a bar on stderr, and log lines."""

import logging
import multiprocessing
import os
from contextlib import AbstractContextManager

from rich.console import Console

from gan_aug.bars import show_bar
from gan_aug.progress import OnProgress

__all__ = ["ERR", "Terminal", "log_progress", "show_progress"]


class Terminal(Console):
    """A console that says nothing more once nobody reads it, as after ``| head -1``.

    Attributes:
        shows_bars: Whether somebody wants to see how far a stage is.
    """

    shows_bars: bool = True

    def on_broken_pipe(self) -> None:
        """Go on in silence: what is computed is wanted all the same."""
        self.quiet = True
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, no path
            os.dup2(nowhere.fileno(), self.file.fileno())


ERR = Terminal(stderr=True, soft_wrap=True, highlight=False)


def log_progress() -> logging.Logger:
    """Return the logger of this project, which logs at level INFO unless it was told another."""
    logger = logging.getLogger("gan_aug")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    return logger


def show_progress(label: str, total: int) -> AbstractContextManager[OnProgress]:
    """Show a bar on stderr while a stage runs.

    Args:
        label: Name of the stage.
        total: Number of its steps.

    Returns:
        What yields a function that moves the bar.
    """
    # The bars of several processes would overwrite each other.
    shown = ERR.shows_bars and ERR.is_terminal and multiprocessing.parent_process() is None
    return show_bar(label, total, ERR, shown=shown)
