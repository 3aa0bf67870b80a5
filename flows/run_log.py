"""``run.log``: the log lines of a run, in its own folder."""

import contextlib
import functools
import logging
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import ParamSpec, TypeVar

from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_KEY

from gan_aug.errors import GateError, UserError, escape
from gan_aug.flows.progress import log_progress
from gan_aug.flows.server.scrubbing import replace_words
from gan_aug.flows.server.secrets import list_known_words
from gan_aug.flows.tracker import list_secrets
from gan_aug.reporting.folders import ReportFolder
from gan_aug.store.files import check_target

__all__ = ["RunLog", "join_log", "keep_log", "log_into"]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

logger = logging.getLogger(__name__)

PROJECT = "gan_aug"
# Their errors have the whole way through Prefect in them; what ended the run is the last line.
TOLD_ANYWAY = ("prefect.flow_runs", "prefect.task_runs")
# The process tells apart who works on one run: workers of a study, a command given twice.
LINE = "%(asctime)s %(process)d %(levelname)s %(message)s"
DATE = "%Y-%m-%d %H:%M:%S%z"

current: ContextVar["RunLog | None"] = ContextVar("run_log", default=None)


class Lines(logging.Formatter):
    """A line with date and process; what no terminal shows is escaped."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging calls it so
        """Format all but the traceback."""
        return "".join(map(escape, super().formatMessage(record)))


class RunLog(logging.Handler):
    """Writes the lines of a run: those of this project, and warnings of others, without secrets.

    It keeps them until it knows where to. A file that can't be written, or not any more, ends the
    log with a warning, and nothing else.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(Lines(LINE, DATE))
        own = list_known_words(PREFECT_API_AUTH_STRING.value(), PREFECT_API_KEY.value())
        self.words = [*own, *list_secrets()]
        self.files = contextlib.ExitStack()
        self.waiting: list[bytes] = []
        self.write: Callable[[bytes], object] = self.waiting.append

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is of this run; threads of libraries do not say which they work for."""
        is_ours = record.name.split(".")[0] == PROJECT
        is_warning = record.levelno >= logging.WARNING and not record.name.startswith(TOLD_ANYWAY)
        return (is_ours or is_warning) and current.get() in {None, self}

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line at once and as a whole, as other processes may write here too."""
        line = f"{self.format(record)}\n".encode(errors="backslashreplace")
        try:
            self.write(replace_words(line, self.words))
        except OSError as error:
            self.end(error)

    def open(self, file: Path) -> None:
        """Write to the end of a file from now on, and first what was said before."""
        try:
            check_target(file)
            self.write = self.files.enter_context(file.open("ab", buffering=0)).write
            for line in self.waiting:
                self.write(line)
        except (OSError, UserError) as error:
            self.end(error)

    def end(self, error: Exception) -> None:
        """Write no more."""
        self.write = len
        logger.warning("the run goes on without its log: %s", error)

    def note(
        self, level: int, message: str, *details: object, error: BaseException | None = None
    ) -> None:
        """Write a line that is for the file alone, and where an error came from."""
        trace = (type(error), error, error.__traceback__) if error else None
        self.handle(logger.makeRecord(logger.name, level, "", 0, message, details, trace))

    def close(self) -> None:
        """Close the file."""
        self.files.close()
        super().close()


def keep_log(flow: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Have a flow keep its log lines for the folder that :func:`log_into` will name."""

    @functools.wraps(flow)
    def logged(*arguments: Parameters.args, **options: Parameters.kwargs) -> Result:
        with open_log() as log:
            began = time.monotonic()
            try:
                result = flow(*arguments, **options)
            except (UserError, GateError) as error:
                log.note(logging.ERROR, "failed: %s", error)
                raise
            except Exception as error:
                log.note(logging.ERROR, "failed", error=error)
                raise
            except BaseException as error:
                log.note(logging.ERROR, "stopped by %s", type(error).__name__)
                raise
            log.note(logging.INFO, "finished in %.1f s", time.monotonic() - began)
            return result

    return logged


@contextlib.contextmanager
def open_log() -> Iterator[RunLog]:
    """Yield a log that takes the lines of this context until it is left."""
    log_progress()
    log = RunLog()
    before = current.set(log)
    root = logging.getLogger()
    root.addHandler(log)
    try:
        yield log
    finally:
        root.removeHandler(log)
        current.reset(before)
        log.close()


def log_into(folder: ReportFolder) -> None:
    """Write the lines of the flow that is going on into its folder, after those of earlier ones."""
    log = current.get()
    if log:
        log.open(folder.log)
        log.note(logging.INFO, "the %s is %s", folder.kind, folder.path)


def join_log(file: Path) -> None:
    """Write all further lines of this process to the log of the study that it works for."""
    log = RunLog()
    log.open(file)
    logging.getLogger().addHandler(log)
