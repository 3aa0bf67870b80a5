"""A stage of the pipeline describes itself: what runs, on which inputs, stored in which format.

Stages form a graph. Nothing is computed while it is built: whoever executes a stage first executes
its inputs, and skips what the store already has.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from gan_aug.device import Compute
from gan_aug.errors import UserError

__all__ = ["External", "Format", "Given", "Input", "Inputs", "Stage", "Value"]

Value = TypeVar("Value")


class Format(Protocol[Value]):
    """How values of one kind are stored in a folder."""

    def save(self, folder: Path, value: Value) -> None:
        """Write a value into an empty folder."""

    def load(self, folder: Path) -> Value:
        """Read back what :meth:`save` wrote."""


@dataclass(frozen=True)
class Stage(Generic[Value]):
    """One computation and everything that its result depends on.

    Attributes:
        name: Kind of stage; outputs of a kind share a folder of the store.
        label: What the stage makes, for people: ``CNN, shift``.
        run: A plain function. It is called with inputs and settings as keyword arguments; with
            ``on_progress`` and ``checkpoint`` where the stage has them; and with ``compute`` where
            it trains. Its module's source, and that of all it imports, is part of the key.
        format: How the output is stored.
        settings: Name of an argument → its value: settings (pydantic models), JSON values, or
            functions, which count by the source of their module.
        inputs: Name of an argument → where its value comes from.
        compute: Device and precision, where the result depends on them.
        steps: How many steps of progress ``run`` tells; None if it tells none.
        trains: Whether it trains a network or trees, and may take hours.
        resumable: Whether ``run`` keeps its state in a checkpoint and goes on from it.
    """

    name: str
    label: str
    run: Callable[..., Value]
    format: Format[Value]
    settings: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, "Inputs"] = field(default_factory=dict)
    compute: Compute | None = None
    steps: int | None = None
    trains: bool = False
    resumable: bool = False

    def select(self, attribute: str) -> "Input":
        """Return a part of the output as an input: ``data.select("train.images")``."""
        return Input(self, attribute)

    def list_inputs(self) -> list["Stage[Any]"]:
        """Return the stages that must be executed first."""
        given = [part for inputs in self.inputs.values() for part in as_sequence(inputs)]
        stages = [part.stage if isinstance(part, Input) else part for part in given]
        return [stage for stage in stages if isinstance(stage, Stage)]


@dataclass(frozen=True)
class Input:
    """A part of a stage's output.

    Attributes:
        stage: Makes the output.
        attribute: Which part: attribute names, with dots between them.
    """

    stage: Stage[Any]
    attribute: str

    def pick(self, value: Any) -> Any:
        """Return the part of an output."""
        return attrgetter(self.attribute)(value)


@dataclass(frozen=True)
class External:
    """A value that no stage made.

    Attributes:
        identity: Digest of its content.
        load: Returns it.
    """

    identity: str
    load: Callable[[], Any]


@dataclass(frozen=True)
class Given(Generic[Value]):
    """What the stage of loaded data runs: their key is their content, so they were loaded before.

    Attributes:
        value: The data; None where the store must have them already.
    """

    value: Value | None

    def __call__(self, **_identity: Any) -> Value:
        """Return the data.

        Raises:
            UserError: They are not there to be returned.
        """
        if self.value is None:
            raise UserError("data: expected them in the store, found them gone; start again")
        return self.value


Inputs = Stage[Any] | Input | External | Sequence[Stage[Any] | Input | External]
"""Where an argument comes from; a sequence becomes a list of values."""


def as_sequence(inputs: Inputs) -> Sequence[Stage[Any] | Input | External]:
    """Return one input or several as several."""
    return [inputs] if isinstance(inputs, Stage | Input | External) else inputs
