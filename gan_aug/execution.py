"""Executing stages: look in the store, else compute and keep."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol

from gan_aug.progress import OnProgress, ignore_progress, tell_each
from gan_aug.stage import External, Format, Input, Inputs, Stage, Value
from gan_aug.store.curve import Curve, read_curve, record_curve
from gan_aug.store.store import Entry, Store

__all__ = ["Execute", "Executor", "Hold", "Output", "Watch", "execute_stage"]

logger = logging.getLogger(__name__)

Watch = Callable[[Stage[Any]], AbstractContextManager[OnProgress]]
"""Opens what shows how far a stage is."""
Hold = Callable[[Stage[Any]], AbstractContextManager[None]]
"""Waits for what a stage needs for itself."""


@dataclass(frozen=True)
class Output(Generic[Value]):
    """What a stage made.

    Attributes:
        entry: Its place in the store.
        format: How it is stored.
        label: What it is, for people.
        reused: Whether the store had it.
    """

    entry: Entry
    format: Format[Value]
    label: str
    reused: bool

    @property
    def seconds(self) -> float:
        """How long it took to make."""
        return self.entry.seconds

    @property
    def made(self) -> datetime:
        """When it was made: before this run, where it is reused."""
        return self.entry.made

    def load(self) -> Value:
        """Return the value.

        Raises:
            UserError: It isn't where this host looks.
        """
        return self.format.load(self.entry.folder)

    def read_curve(self) -> Curve:
        """Return what the stage told of its metrics on the way; nothing if it trained nothing.

        Raises:
            UserError: It isn't where this host looks.
        """
        return read_curve(self.entry.folder)


class Execute(Protocol):
    """What executes stages."""

    def __call__(self, stage: Stage[Value]) -> Output[Value]:
        """Return a stage's output, made now or before."""


@dataclass(frozen=True)
class Executor:
    """Executes stages and all that they need, each of them once.

    Attributes:
        store: Where outputs are kept.
        execute: Executes one stage whose inputs are in the store.
        outputs: What was made so far, in order: place in the store → output.
    """

    store: Store
    execute: Callable[[Stage[Any], Store], Output[Any]]
    outputs: dict[str, Output[Any]] = field(default_factory=dict)

    def __call__(self, stage: Stage[Value]) -> Output[Value]:
        """Return a stage's output; its inputs are made first."""
        place = self.store.locate(stage).identity
        if place not in self.outputs:
            for needed in stage.list_inputs():
                self(needed)
            self.outputs[place] = self.execute(stage, self.store)
        return self.outputs[place]


@contextlib.contextmanager
def watch_silently(_stage: Stage[Any]) -> Iterator[OnProgress]:
    """Show nobody."""
    yield ignore_progress


@contextlib.contextmanager
def hold_nothing(_stage: Stage[Any]) -> Iterator[None]:
    """Wait for nothing."""
    yield


def execute_stage(
    stage: Stage[Value],
    store: Store,
    *,
    watch: Watch = watch_silently,
    hold: Hold = hold_nothing,
) -> Output[Value]:
    """Make a stage's output unless the store has it.

    Args:
        stage: Its inputs are in the store.
        store: Where outputs are kept.
        watch: Is told how far it is.
        hold: Is entered before anything is computed.

    Raises:
        UserError: An input isn't where this host looks, or what ``stage.run`` raises.
    """
    entry = store.locate(stage)
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug("%s: key %s%s", stage.label, entry.identity, describe_origins(stage, store))
    with entry.lock():
        reused = entry.is_complete()
        if not reused:
            with (
                hold(stage),
                entry.build() as folder,
                watch(stage) as on_progress,
                record_curve(folder, stage.steps) as record,
            ):
                told = tell_each(record, on_progress)
                stage.format.save(folder, compute(stage, store, entry, told))
        entry.push(replace=not reused)
    where = "found in" if reused else "written to"
    logger.debug("%s: %s %s", stage.label, where, entry.path)
    how = "cached" if reused else f"done in {entry.seconds:.1f} s"
    logger.info("%s: %s", stage.label, how)
    return Output(entry, stage.format, stage.label, reused)


def describe_origins(stage: Stage[Any], store: Store) -> str:
    """``, made of dataset/1a2b3c4d``: the keys of what a stage takes."""
    keys = dict.fromkeys(store.locate(needed).identity for needed in stage.list_inputs())
    return f", made of {', '.join(keys)}" if keys else ""


def compute(stage: Stage[Value], store: Store, entry: Entry, on_progress: OnProgress) -> Value:
    """Call what a stage runs with everything that it takes."""
    arguments = {name: load_inputs(inputs, store) for name, inputs in stage.inputs.items()}
    arguments |= stage.settings
    if stage.trains and stage.compute:
        arguments["compute"] = stage.compute
    if stage.steps is not None:
        arguments["on_progress"] = on_progress
    if stage.resumable:
        arguments["checkpoint"] = entry.checkpoint
    return stage.run(**arguments)


def load_inputs(inputs: Inputs, store: Store) -> Any:
    """Return the value, or the list of values, that an argument takes."""
    if isinstance(inputs, Input):
        return inputs.pick(load_inputs(inputs.stage, store))
    if isinstance(inputs, Stage):
        return inputs.format.load(store.locate(inputs).folder)
    if isinstance(inputs, External):
        return inputs.load()
    return [load_inputs(part, store) for part in inputs]
