"""An MLflow tracker: whether there is one, and how a record, a report and models get there.

Every run is found again by tags. Nothing depends on MLflow's state of the process: no active run,
no tracking address that was set.
"""

import contextlib
import getpass
import importlib.util
import logging
import os
import re
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import unquote

from gan_aug.errors import UserError
from gan_aug.flows.server.scrubbing import replace_words
from gan_aug.quiet import hush_keras

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Metric, Run

    from gan_aug.reporting.folders import ReportFolder
    from gan_aug.reporting.records import Record, TrainedModel

__all__ = [
    "Session",
    "Tracker",
    "check_tracker",
    "connect",
    "explain",
    "find_address",
    "is_installed",
    "list_secrets",
    "name_address",
]

Item = TypeVar("Item")
Tracker = Literal["none", "mlflow"]

ADDRESS = "MLFLOW_TRACKING_URI"
EXPERIMENT = "MLFLOW_EXPERIMENT_NAME"
SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
LONGEST_REASON = 200
# Set before MLflow is imported; a value in the environment wins.
QUIET = {
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
NOISY = ("mlflow", "alembic", "urllib3.connectionpool")

QUESTION = "gan-aug.question"
RESULTS = "gan-aug.results"
FAILED_CELLS = "failed_cells"
LIBRARIES = {
    "keras": ("mlflow", "keras", "tensorflow"),
    "lightgbm": ("mlflow", "lightgbm"),
    "sklearn": ("mlflow", "scikit-learn", "skops"),
}


def check_tracker(asked: Tracker | None) -> None:
    """Refuse a tracker that is asked for and not installed.

    Raises:
        UserError: It is so.
    """
    if asked == "mlflow" and not is_installed():
        raise UserError(
            "track: expected mlflow to be installed, found none; install gan-aug[mlflow], or "
            "leave --track out"
        )


def is_installed() -> bool:
    """Whether there is MLflow, which is not imported to find out."""
    return importlib.util.find_spec("mlflow") is not None


def find_address() -> str | None:
    """Return the tracker that the environment names, if it names one."""
    return os.environ.get(ADDRESS) or None


def name_address() -> str:
    """Name the tracker for people, without users, passwords and what follows a question mark."""
    address = find_address()
    if address is None:
        return "MLflow's store in this folder"
    named = re.sub(r"//[^/]*@", "//", address.partition("?")[0])
    if "@" not in named:
        return named
    return f"the address in {ADDRESS}"


def list_secrets() -> list[str]:
    """Return all words of the tracker that must not be printed."""
    address = find_address() or ""
    before = address.rpartition("@")[0].rpartition("//")[2]
    after = address.partition("?")[2]
    secrets = [os.environ.get(name, "") for name in SECRETS]
    words = {*secrets, before, before.partition(":")[2], after}
    words |= {unquote(word) for word in words}
    return [word for word in words if word]


def explain(error: BaseException) -> str:
    """Say in a line why the tracker was not told, without passwords."""
    import requests  # noqa: PLC0415 - MLflow brings it

    cause: BaseException | None = error
    while cause is not None:
        # After retries, an answer that did not come is an error of the connection.
        if isinstance(cause, requests.Timeout | TimeoutError) or "timed out" in str(cause):
            return "it takes too long to answer"
        if isinstance(cause, requests.ConnectionError):
            return "nothing answers there"
        cause = cause.__cause__ or cause.__context__
    line = " ".join(str(error).split()) or type(error).__name__
    hidden = replace_words(line.encode(), list_secrets()).decode()
    return hidden if len(hidden) <= LONGEST_REASON else f"{hidden[:LONGEST_REASON]}…"


@contextlib.contextmanager
def connect() -> Iterator["Session"]:
    """Yield the tracker that the environment names, or MLflow's store in the working directory.

    Raises:
        Exception: Any that MLflow, HTTP or a database raises.
    """
    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient  # noqa: PLC0415 - an extra, and a second to import

        client = MlflowClient(find_address())
        name = os.environ.get(EXPERIMENT) or "gan-aug"
        yield Session(client, find_experiment(client, name))


def find_experiment(client: "MlflowClient", name: str) -> str:
    """Return the id of an experiment, which is made if there is none."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - an extra

    if (found := client.get_experiment_by_name(name)) is not None:
        return str(found.experiment_id)
    try:
        return str(client.create_experiment(name))
    except MlflowException:
        # Another process may have made it in between.
        if (found := client.get_experiment_by_name(name)) is None:
            raise
        return str(found.experiment_id)


@dataclass(frozen=True)
class Session:
    """A tracker that answers.

    Attributes:
        client: Of MLflow.
        experiment: Id of the experiment that everything is written to.
    """

    client: "MlflowClient"
    experiment: str

    def begin(self, record: "Record", started: float, *, parent: str | None = None) -> "Run":
        """Find the tracker's run of a record, or begin one.

        A run is found again if it answers the same question and found the same. If cells of a
        study failed, its next results go into the same run.

        Args:
            record: What will be told.
            started: When the work began, in seconds since 1970.
            parent: Id of the run that this one belongs to, in which questions have one run.
        """
        where = f"tags.`{QUESTION}` = '{record.question}'"
        if parent:
            where += f" AND tags.mlflow.parentRunId = '{parent}'"
        for run in self.client.search_runs([self.experiment], where):
            repaired = run.data.metrics.get(FAILED_CELLS, 0) > 0
            if parent or repaired or run.data.tags.get(RESULTS) == record.results:
                return run
        tags = {QUESTION: record.question, **({"mlflow.parentRunId": parent} if parent else {})}
        return self.client.create_run(
            self.experiment, start_time=to_milliseconds(started), run_name=record.name, tags=tags
        )

    def tell(self, run: "Run", record: "Record") -> None:
        """Write settings, tags and metrics; what the tracker has already stays as it is."""
        from mlflow.entities import Dataset, DatasetInput, Param, RunTag  # noqa: PLC0415 - an extra
        from mlflow.utils.validation import (  # noqa: PLC0415 - an extra
            MAX_METRICS_PER_BATCH,
            MAX_PARAM_VAL_LENGTH,
            MAX_PARAMS_TAGS_PER_BATCH,
            MAX_TAG_VAL_LENGTH,
        )

        told = {**record.tags, **name_source(record), RESULTS: record.results}
        tags = [RunTag(name, value[:MAX_TAG_VAL_LENGTH]) for name, value in told.items()]
        params = [
            Param(name, value[:MAX_PARAM_VAL_LENGTH])
            for name, value in record.settings.items()
            if name not in run.data.params
        ]
        for some in cut(params, MAX_PARAMS_TAGS_PER_BATCH):
            self.client.log_batch(run.info.run_id, params=some)
        for few in cut(list_metrics(run, record), MAX_METRICS_PER_BATCH):
            self.client.log_batch(run.info.run_id, metrics=few)
        self.client.log_batch(run.info.run_id, tags=tags)
        dataset = Dataset(record.tags["dataset"], record.data, "gan-aug", "{}")
        self.client.log_inputs(run.info.run_id, [DatasetInput(dataset)])

    def end(self, run: "Run", record: "Record") -> None:
        """Close a run; one that was closed before keeps the time it took."""
        status = "FAILED" if record.failed else "FINISHED"
        if run.info.status != status:
            self.client.set_terminated(run.info.run_id, status)

    def attach(self, run: "Run", folder: "ReportFolder") -> None:
        """Copy a report with its pictures."""
        for name in folder.list_report():
            inside = Path(name).parent.as_posix()
            self.client.log_artifact(
                run.info.run_id, str(folder.path / name), None if inside == "." else inside
            )

    def list_models(self, run: "Run") -> list[str]:
        """Return the names of the models that a run has; those half written are removed."""
        from mlflow.entities import LoggedModelStatus  # noqa: PLC0415 - an extra

        found = self.client.search_logged_models(
            [self.experiment], f"source_run_id = '{run.info.run_id}'"
        )
        for model in found:
            if model.status != LoggedModelStatus.READY:
                self.client.delete_logged_model(model.model_id)
        return [model.name for model in found if model.status == LoggedModelStatus.READY]

    def keep_model(self, run: "Run", record: "Record", trained: "TrainedModel") -> None:
        """Write a model with its signature and scores.

        It is in the format of its library: nothing is pickled.
        """
        from mlflow.entities import LoggedModelOutput  # noqa: PLC0415 - an extra

        logged = self.client.create_logged_model(
            self.experiment,
            trained.name,
            run.info.run_id,
            model_type="generator" if trained.name == "generator" else "classifier",
        )
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "model")
            save_model(trained, path, logged)
            self.client.log_model_artifacts(logged.model_id, path)
        self.client.finalize_logged_model(logged.model_id, "READY")
        self.client.log_outputs(run.info.run_id, [LoggedModelOutput(logged.model_id, 0)])
        scores = replace(
            record,
            metrics={name: series for name, series in record.metrics.items() if trained.owns(name)},
        )
        if scores.metrics:
            self.client.log_batch(run.info.run_id, list_metrics(run, scores, model=logged.model_id))


def save_model(trained: "TrainedModel", path: str, logged: "LoggedModel") -> None:
    """Save a model as its library does, with what MLflow needs to load and to serve it.

    A network with layers of gan-aug is saved as TensorFlow's graph, which needs no gan-aug.
    """
    from mlflow.models import Model, infer_signature  # noqa: PLC0415 - an extra

    described: dict[str, Any] = {
        "path": path,
        "signature": infer_signature(trained.inputs, trained.outputs),
        "pip_requirements": [f"{n}=={metadata.version(n)}" for n in LIBRARIES[trained.library]],
        "mlflow_model": Model(
            artifact_path=logged.artifact_location,
            model_uuid=logged.model_id,
            run_id=logged.source_run_id,
            model_id=logged.model_id,
        ),
    }
    if trained.library == "keras":
        from mlflow import keras  # noqa: PLC0415 - an extra

        hush_keras()
        keras.save_model(trained.model, save_exported_model=not trained.portable, **described)
    elif trained.library == "lightgbm":
        from mlflow import lightgbm  # noqa: PLC0415 - an extra

        lightgbm.save_model(trained.model, **described)
    else:
        from mlflow import sklearn  # noqa: PLC0415 - an extra

        from gan_aug.classifiers.random_forest import TRUSTED  # noqa: PLC0415 - --help must not wait

        sklearn.save_model(
            trained.model,
            serialization_format="skops",
            skops_trusted_types=TRUSTED,
            pyfunc_predict_fn="predict_proba",
            **described,
        )


def name_source(record: "Record") -> dict[str, str]:
    """Return the tags that MLflow itself shows: the description, and where a run comes from."""
    commit = record.tags.get("commit", "").partition("+")[0]
    return {
        "mlflow.note.content": record.note,
        "mlflow.source.name": "gan-aug",
        "mlflow.source.type": "LOCAL",
        "mlflow.user": find_user(),
        **({"mlflow.source.git.commit": commit} if commit else {}),
    }


def find_user() -> str:
    """Return who runs this process; some containers have no name for them."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return "unknown"


def list_metrics(run: "Run", record: "Record", model: str | None = None) -> list["Metric"]:
    """Return the metrics that a run does not have, or those of a model.

    The first value of a metric has the time at which its run began. So a tracker that is told
    twice, for the run and for a model, keeps one.
    """
    from mlflow.entities import Metric  # noqa: PLC0415 - an extra

    known, began = run.data.metrics, run.info.start_time
    now = to_milliseconds(time.time())
    return [
        Metric(name, value, now if name in known and not model else began, step, model_id=model)
        for name, series in record.metrics.items()
        if model or known.get(name) != series[-1][1]
        for step, value in series
    ]


def cut(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Yield a few items at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def to_milliseconds(seconds: float) -> int:
    """Return a time as MLflow counts it."""
    return round(1000 * seconds)
