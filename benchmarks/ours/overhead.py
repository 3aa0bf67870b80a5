"""A run of the ``quick`` preset, as a flow or by calling its functions; a unit is a whole run."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import Any
from unittest import mock

from benchmarks.worker import Facts, Pause
from gan_aug.flows.cli import QUIET
from gan_aug.settings.presets import resolve_config
from gan_aug.settings.run import RunConfig

PUBLISHERS = (
    "create_link_artifact",
    "create_markdown_artifact",
    "create_progress_artifact",
    "create_table_artifact",
    "update_progress_artifact",
)


def run(pause: Pause, *, orchestrated: bool, steps: int) -> Facts:
    """Do whole runs, each in an empty folder."""
    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)
    config = resolve_config(
        "quick", {"dataset": "mnist", "device": "cpu", "dcgan": {"steps": steps}}
    )
    run_once(resolve_config("smoke", {"dataset": "digits", "device": "cpu"}), orchestrated)
    while pause() is not None:
        run_once(config, orchestrated)
    return {}


def run_once(config: RunConfig, orchestrated: bool) -> None:
    """Do one run in an empty folder."""
    from gan_aug.flows.augment import augment  # noqa: PLC0415 - reads the environment

    with tempfile.TemporaryDirectory() as folder:
        if orchestrated:
            augment(config, artifacts=folder)
        else:
            with call_functions():
                augment.fn(config, artifacts=folder)


@contextlib.contextmanager
def call_functions() -> Iterator[None]:
    """Have a task be the function that it is made of, and nothing published."""
    from prefect import Task  # noqa: PLC0415 - reads the environment

    def call(task: Task[Any, Any], *arguments: Any, **named: Any) -> Any:
        return task.fn(*arguments, **named)

    with contextlib.ExitStack() as patches:
        patches.enter_context(mock.patch.object(Task, "__call__", call))
        for publisher in PUBLISHERS:
            patches.enter_context(mock.patch(f"gan_aug.flows.publish.{publisher}"))
        yield
