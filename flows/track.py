"""Telling an MLflow tracker what runs and studies found.

Everything is told once it is finished, from what the stages left: a run that is cached tells the
same. A tracker that does not answer costs a warning and a bounded time, and nothing else.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from prefect import task
from prefect.cache_policies import NO_CACHE

from gan_aug.errors import GateError
from gan_aug.evaluation.study import StudyResult
from gan_aug.flows.cells import Call, Cells, describe
from gan_aug.flows.tracker import (
    Session,
    Tracker,
    check_tracker,
    connect,
    explain,
    find_address,
    is_installed,
    name_address,
)
from gan_aug.pipeline import Outcome
from gan_aug.reporting.folders import Run, Study
from gan_aug.reporting.records import list_models, record_cells, record_run, record_study

__all__ = ["Tracking"]

logger = logging.getLogger(__name__)

# Seconds that a tracker may take in all, and further ones for each run of a study.
PATIENCE = 300
PATIENCE_PER_CELL = 10


@dataclass(frozen=True)
class Tracking:
    """Whether a tracker is told of a flow.

    Attributes:
        wanted: Whether it is.
        started: When the flow began, in seconds since 1970.
    """

    wanted: bool
    started: float = field(default_factory=time.time)

    @classmethod
    def open(cls, asked: Tracker | None) -> "Tracking":
        """Decide: by what is asked for, else by whether the environment names a tracker.

        Raises:
            UserError: The tracker that is asked for is not installed.
        """
        check_tracker(asked)
        if asked is not None or find_address() is None:
            return cls(asked == "mlflow")
        if not is_installed():
            logger.warning(
                "tracking: MLFLOW_TRACKING_URI is set, and mlflow is not installed: nothing will "
                "be tracked; install gan-aug[mlflow], or give --track none"
            )
            return cls(wanted=False)
        return cls(wanted=True)

    @contextlib.contextmanager
    def follow_run(self, run: Run, outcome: Outcome) -> Iterator[None]:
        """Tell the tracker of a run, once it is known whether it passes its gates.

        Args:
            run: Its folder, which is filled.
            outcome: What it made.
        """
        try:
            yield
        except GateError as error:
            self.tell_run(run, outcome, str(error))
            raise
        self.tell_run(run, outcome, None)

    def tell_run(self, run: Run, outcome: Outcome, failed: str | None) -> None:
        """Tell the tracker of a run, and which gates it does not pass."""
        if self.wanted:
            track_run(run, outcome, self.started, failed)

    def tell_study(
        self, study: Study, result: StudyResult, calls: Sequence[Call], cells: Sequence[Cells]
    ) -> None:
        """Tell the tracker of a study and of each of its runs.

        Args:
            study: Its folder, which is filled.
            result: What it found.
            calls: What the runs were computed from.
            cells: What became of each.
        """
        if self.wanted:
            track_study(study, result, calls, cells, self.started)


@dataclass
class Attempt:
    """The telling of a tracker, part by part.

    Attributes:
        left: What it is not yet told, for people.
        abandoned: Set once nobody waits for it any more.
    """

    left: list[str]
    abandoned: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Tell a part of it."""
        self.check()
        yield
        self.left.remove(name)

    def check(self) -> None:
        """Stop if nobody waits.

        Raises:
            TimeoutError: It is so.
        """
        if self.abandoned.is_set():
            raise TimeoutError


@task(cache_policy=NO_CACHE, task_run_name="track")
def track_run(run: Run, outcome: Outcome, started: float, failed: str | None) -> None:
    """Tell the tracker of a run; what goes wrong with that is told in one line."""

    def tell(session: Session, attempt: Attempt) -> None:
        record = record_run(run, outcome)
        if failed:
            record = replace(record, note=f"{record.note}\n\n{failed}", failed=True)
        found = session.begin(record, started)
        with attempt.part("settings and metrics"):
            session.tell(found, record)
        with attempt.part("report"):
            session.attach(found, run)
        with attempt.part("models"):
            there = session.list_models(found)
            for trained in list_models(outcome):
                attempt.check()
                if trained.name not in there:
                    session.keep_model(found, record, trained)
        session.end(found, record)

    try_to(tell, run.name, ["settings and metrics", "report", "models"], PATIENCE)


@task(cache_policy=NO_CACHE, task_run_name="track")
def track_study(
    study: Study,
    result: StudyResult,
    calls: Sequence[Call],
    cells: Sequence[Cells],
    started: float,
) -> None:
    """Tell the tracker of a study; what goes wrong with that is told in one line."""
    outcomes = [done.outcome for done in cells if done.outcome]

    def tell(session: Session, attempt: Attempt) -> None:
        record = record_study(study, result, calls[0]["data"], outcomes)
        found = session.begin(record, started)
        with attempt.part("settings and metrics"):
            session.tell(found, record)
        with attempt.part("report"):
            session.attach(found, study)
        with attempt.part("runs"):
            for call, done in zip(calls, cells, strict=True):
                attempt.check()
                config = call["config"]
                own = record_cells(
                    describe(config), study, config, call["data"], done.outcome, done.failures
                )
                child = session.begin(own, started, parent=found.info.run_id)
                session.tell(child, own)
                session.end(child, own)
        session.end(found, record)

    patience = PATIENCE + PATIENCE_PER_CELL * len(calls)
    try_to(tell, study.name, ["settings and metrics", "report", "runs"], patience)


def try_to(
    tell: Callable[[Session, Attempt], None], name: str, parts: Sequence[str], seconds: float
) -> None:
    """Tell the tracker something, and warn if that fails or takes too long.

    Args:
        tell: Tells it.
        name: Of what it is told of.
        parts: Of that, for people.
        seconds: How long to wait.
    """
    attempt, errors = Attempt(list(parts)), list[Exception]()

    def tell_in_thread() -> None:
        try:
            with connect() as session:
                tell(session, attempt)
        except Exception as error:
            errors.append(error)

    # No request waits for ever, but all of them together might.
    thread = threading.Thread(target=tell_in_thread, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        attempt.abandoned.set()
        errors.append(TimeoutError())
    if errors:
        logger.warning(
            "tracking: %s: %s not logged to %s: %s; the same command tries it again",
            name,
            " and ".join(attempt.left),
            name_address(),
            explain(errors[0]),
        )
    else:
        logger.info("tracking: %s: logged to %s", name, name_address())
