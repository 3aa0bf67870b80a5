"""The options that several commands share; each is declared here and nowhere else."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypedDict

from cyclopts import Parameter, Token

from gan_aug.errors import UserError
from gan_aug.flows.cli.panels import GENERAL, OUTPUT
from gan_aug.flows.tracker import Tracker, check_tracker
from gan_aug.settings.names import check_name
from gan_aug.settings.presets import Preset

__all__ = [
    "ARTIFACTS",
    "Artifacts",
    "Destination",
    "Integer",
    "Json",
    "Setup",
    "TrackedDestination",
    "Verbosity",
]

ARTIFACTS = Path("artifacts")

Artifacts = Annotated[
    Path,
    Parameter(
        group=OUTPUT,
        help="Folder of all results, and of the store of finished stages.",
    ),
]


def read_integer(_type: Any, tokens: Sequence[Token]) -> int:
    """Return a whole number; cyclopts would round others."""
    try:
        return int(tokens[0].value)
    except ValueError:
        raise ValueError(f"expected a whole number, found {tokens[0].value!r}") from None


def validate_name(_type: Any, name: str | None) -> None:
    """Refuse what no results can be called."""
    if name is not None:
        check_name(name)


def validate_tracker(_type: Any, tracker: Tracker | None) -> None:
    """Refuse a tracker that is not installed."""
    check_tracker(tracker)


Integer = Annotated[int, Parameter(converter=read_integer)]
Json = Annotated[
    bool,
    Parameter(
        negative="",
        group=OUTPUT,
        help="Print the result on stdout as JSON, all else on stderr.",
    ),
]


class FlowArguments(TypedDict):
    """Arguments that every flow takes beside its settings."""

    name: str | None
    artifacts: str
    store: str | None


class TrackedFlowArguments(FlowArguments):
    """The same of a flow that a tracker can be told of."""

    track: Tracker | None


@Parameter(name="*", group=GENERAL)
@dataclass(frozen=True, kw_only=True)
class Setup:
    """Where the settings of a flow come from, and whether they are all that is asked for."""

    preset: Annotated[
        Preset,
        Parameter(
            help="Settings to start from; other flags change single ones. `smoke` takes seconds "
            "and shows that all works, `quick` minutes on two cores. `chapter` is the book "
            "chapter's and `paper` the DCGAN paper's, for 64x64 RGB images; both are for a GPU. "
            "The defaults below are those of `quick`."
        ),
    ] = "quick"
    dry_run: Annotated[
        bool, Parameter(negative="", help="Print all settings as JSON and stop.")
    ] = False


@Parameter(name="*", group=OUTPUT)
@dataclass(frozen=True, kw_only=True)
class Verbosity:
    """How much a command says on the way.

    Raises:
        UserError: Less and more are asked for.
    """

    quiet: Annotated[
        bool,
        Parameter(
            alias="-q", negative="", help="Print the result, warnings and errors, and no bars."
        ),
    ] = False
    verbose: Annotated[
        bool,
        Parameter(
            alias="-v", negative="", help="Print also what each stage is made of, and where it is."
        ),
    ] = False

    def __post_init__(self) -> None:
        """Refuse both at once."""
        if self.quiet and self.verbose:
            raise UserError("verbose: expected --quiet or --verbose, found both; leave one out")

    @property
    def level(self) -> int:
        """The least that a line must be worth to be printed."""
        if self.quiet:
            return logging.WARNING
        return logging.DEBUG if self.verbose else logging.INFO


@Parameter(name="*", group=OUTPUT)
@dataclass(frozen=True, kw_only=True)
class Destination(Verbosity):
    """Where a flow leaves its results, and how much it says meanwhile."""

    name: Annotated[
        str | None,
        Parameter(
            help="Name of the results; by default made of data and settings.",
            validator=validate_name,
        ),
    ] = None
    artifacts: Artifacts = ARTIFACTS
    store: Annotated[
        str | None,
        Parameter(
            help="Another place for the store: a folder, or a URL such as `s3://bucket/folder` "
            "that several hosts share."
        ),
    ] = None

    def to_arguments(self) -> FlowArguments:
        """Return what to call a flow with."""
        return {"name": self.name, "artifacts": str(self.artifacts), "store": self.store}


@Parameter(name="*", group=OUTPUT)
@dataclass(frozen=True, kw_only=True)
class TrackedDestination(Destination):
    """Where a flow leaves its results, and which tracker is told of them."""

    track: Annotated[
        Tracker | None,
        Parameter(
            help="`mlflow` logs settings, curves, scores, report and models to an MLflow tracker "
            "(extra `mlflow`); `none` logs nothing. By default gan-aug logs to the tracker that "
            "`MLFLOW_TRACKING_URI` names, and to none if that is not set.",
            validator=validate_tracker,
        ),
    ] = None

    def to_arguments(self) -> TrackedFlowArguments:
        """Return what to call a flow with."""
        return {**super().to_arguments(), "track": self.track}
