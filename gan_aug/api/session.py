"""Where and how stages are executed for a caller in Python: no server, no files unless asked."""

import contextlib
import functools
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from gan_aug.bars import show_bar
from gan_aug.device import Compute, select_compute
from gan_aug.execution import Executor, execute_stage
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.quiet import mute_native_output
from gan_aug.settings.run import RunConfig
from gan_aug.settings.suggestion import SuggestionConfig
from gan_aug.stage import Stage
from gan_aug.store.store import Store

__all__ = ["Session", "open_session"]


@dataclass(frozen=True)
class Session:
    """Executes stages, and keeps their outputs as long as it is referred to.

    Attributes:
        execute: Executes stages.
        compute: Device and precision.
        folder: Of the outputs, where nobody named one; it goes with the session.
    """

    execute: Executor
    compute: Compute
    folder: "tempfile.TemporaryDirectory[str] | None" = field(repr=False)


def open_session(
    config: RunConfig | SuggestionConfig, cache: str | os.PathLike[str] | None, *, verbose: int
) -> Session:
    """Open a session.

    Args:
        config: Names device and precision.
        cache: Folder that keeps finished stages and the checkpoints of unfinished ones; None for
            one that goes with the session.
        verbose: 0 shows nothing; more shows a bar for each stage that takes long.

    Raises:
        UserError: There is no such device.
    """
    with mute_native_output():
        compute = select_compute(config.device, config.precision)
    folder = None if cache is not None else tempfile.TemporaryDirectory(prefix="gan-aug-")
    store = Store(Path(cache if folder is None else folder.name))  # type: ignore[arg-type] # one of them
    watch = functools.partial(watch_stage, shown=verbose > 0)
    executor = Executor(store, functools.partial(execute_stage, watch=watch))
    return Session(executor, compute, folder)


@contextlib.contextmanager
def watch_stage(stage: Stage[Any], *, shown: bool) -> Iterator[OnProgress]:
    """Show how far a stage is."""
    if stage.steps is None:
        yield ignore_progress
        return
    with show_bar(stage.label, stage.steps, Console(stderr=True), shown=shown) as on_progress:
        yield on_progress
