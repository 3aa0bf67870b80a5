"""The ``gan-aug`` command."""

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from cyclopts import App, CycloptsError, Parameter, validators
from pydantic import ValidationError

from flows.cli import terminal
from gan_aug.errors import GateError, UserError
from gan_aug.settings.run import (
    AnomalyConfig,
    ArmName,
    Detector,
    Device,
    Part,
    PicturesConfig,
    Precision,
    Preset,
    RunConfig,
    StudyConfig,
    resolve_config,
    resolve_pictures_config,
)

__all__ = ["app", "main"]

EXIT_FAILED = 1
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
VIEW_SCALE = 8

LEASES_ON_DISK = "prefect.server.concurrency.lease_storage.filesystem"
# Set before Prefect and TensorFlow are imported; a value in the environment wins.
QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # A server that was killed forgets the leases it has in memory, and their slots stay taken.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": LEASES_ON_DISK,
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "gan_aug,flows",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}

Artifacts = Annotated[Path, Parameter(help="Folder that holds the runs and the store.")]
StoreLocation = Annotated[
    str | None,
    Parameter(
        help="Another folder for the store, or the URL of one that other hosts share: "
        "`s3://bucket/folder`."
    ),
]

app = App(
    name="gan-aug",
    help="Do a GAN's images make your classifiers better, by how much, and how sure are we?",
    suppress_keyboard_interrupt=False,
)


@app.command
def run(
    *,
    preset: Preset = "quick",
    name: str | None = None,
    artifacts: Artifacts = Path("artifacts"),
    store: StoreLocation = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    config: Annotated[RunConfig, Parameter(name="*")] = RunConfig(),
) -> None:
    """Train a DCGAN, pseudo-label its images, retrain both classifiers, compare.

    A second run with the same arguments reuses every finished stage; an interrupted one goes on
    from its last checkpoint.

    Parameters
    ----------
    preset
        `smoke`: seconds, to see it work. `quick`: minutes on two cores. `chapter`: the book
        chapter's settings, for a GPU. The flags below change single settings of a preset; their
        defaults are those of `quick`, with the dataset `auto`.
    name
        Name of the run; by default made from data, labels, seed and settings.
    dry_run
        Print the resolved settings and stop.
    json
        Print the comparison as JSON on stdout; everything else goes to stderr.
    """
    overrides = {"dataset": "auto"} | config.model_dump(exclude_unset=True)
    resolved = resolve_config(preset, overrides)
    if dry_run:
        terminal.OUT.print_json(resolved.model_dump_json())
        return
    run_flow(resolved, name=name, artifacts=artifacts, store=store, as_json=json)


@app.command
def study(
    *,
    budgets: tuple[int | Literal["all"], ...] = StudyConfig().budgets,
    draws: tuple[int, ...] = StudyConfig().draws,
    preset: Preset = "quick",
    name: str | None = None,
    artifacts: Artifacts = Path("artifacts"),
    store: StoreLocation = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    workers: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 1,
    dask: str | None = None,
    config: Annotated[RunConfig, Parameter(name="*")] = RunConfig(),
) -> None:
    """Compare all arms at several label budgets, over several draws of labels.

    A DCGAN is trained once a draw and serves all budgets; finished cells are reused, and failed
    ones tried again, by the same command. Exit code 1 if a cell failed.

    Parameters
    ----------
    budgets
        Numbers of labels, or `all`; name the flag once for each.
    draws
        Draws of every budget: their seeds count up from `--seed`. One number for all budgets, or
        one for each.
    preset
        As for `gan-aug run`.
    name
        Name of the study; by default made from data and settings.
    dry_run
        Print the resolved settings and stop.
    json
        Print the result as JSON on stdout; everything else goes to stderr.
    workers
        Processes of this machine that compute runs of the study side by side.
    dask
        Address of the scheduler of a Dask cluster, `tcp://host:8786`, to compute them on instead.
    """
    changes = config.model_dump(exclude_unset=True)
    if "labels" in changes:
        raise UserError("labels: expected --budgets for a study, found --labels; rename the flag")
    everything = {"dataset": "auto", "labels": RunConfig().labels, "arms": get_args(ArmName)}
    run = resolve_config(preset, everything | changes)
    resolved = StudyConfig(budgets=budgets, draws=draws, run=run)
    if dry_run:
        terminal.OUT.print_json(resolved.model_dump_json())
        return
    if dask and workers > 1:
        raise UserError("workers: expected --workers or --dask, found both; leave one out")
    prepare_run(run)
    from flows.study import study as study_flow  # noqa: PLC0415 - seconds to import; --help must not wait

    finished = study_flow(
        resolved, name=name, artifacts=str(artifacts), store=store, workers=workers, dask=dask
    )
    result = finished.read_study()
    if json:
        terminal.OUT.print_json(result.model_dump_json())
    terminal.print_study(result, finished.path, console=terminal.ERR if json else terminal.OUT)
    if result.failures:
        sys.exit(EXIT_FAILED)


@app.command
def dcgan(
    source: str,
    *,
    preset: Preset = "quick",
    name: str | None = None,
    artifacts: Artifacts = Path("artifacts"),
    store: StoreLocation = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    config: Annotated[PicturesConfig, Parameter(name="*")] = PicturesConfig(),
) -> None:
    """Train a DCGAN on square pictures of your own, grey or RGB.

    Parameters
    ----------
    source
        `colored-digits`, to try it with; a folder of image files; or an `.npz` with an array
        `images` or `x_train`.
    preset
        Whose DCGAN to begin with; `paper` is that of the DCGAN paper, for 64x64 RGB and a GPU.
    name
        Name of the DCGAN; by default made from pictures and settings.
    dry_run
        Print the resolved settings and stop.
    """
    overrides = config.model_dump(exclude_unset=True) | {"source": source}
    resolved = resolve_pictures_config(preset, overrides)
    if dry_run:
        terminal.OUT.print_json(resolved.model_dump_json())
        return
    prepare_run(resolved)
    from flows.dcgan import dcgan as dcgan_flow  # noqa: PLC0415 - seconds to import

    finished = dcgan_flow(resolved, name=name, artifacts=str(artifacts), store=store)
    terminal.OUT.print(str(finished.path), markup=False)


@app.command
def anomalies(
    source: str,
    *,
    dataset: str | None = None,
    part: Part = "validation",
    by: Detector = "feature-distance",
    leave_one_out: Annotated[bool, Parameter(negative="")] = False,
    steps: int | None = None,
    name: str | None = None,
    artifacts: Artifacts = Path("artifacts"),
    store: StoreLocation = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Rank a data set by how anomalous a discriminator finds its images; tell how far to trust it.

    Every detector is measured on foreign images: enlarged scikit-learn digits, noise, turned and
    inverted digits.

    Parameters
    ----------
    source
        Name of a run, as `gan-aug runs` lists it, or path of a `discriminator.keras`.
    dataset
        What to rank, as for `gan-aug run`; by default the run's.
    part
        Of the data set.
    by
        What to rank by; all four are evaluated in any case.
    leave_one_out
        Also train a DCGAN without each digit, with the run's settings, and tell how well that
        digit is found.
    steps
        Of these trainings; by default as many as the run's.
    name
        Name of the ranking; by default made from data and settings.
    json
        Print the evaluation as JSON on stdout; everything else goes to stderr.
    """
    config = AnomalyConfig(
        source=source,
        dataset=dataset,
        part=part,
        by=by,
        leave_one_out=leave_one_out,
        steps=steps,
    )
    prepare_run(RunConfig())
    from flows.anomalies import anomalies as anomalies_flow  # noqa: PLC0415 - seconds to import

    finished = anomalies_flow(config, name=name, artifacts=str(artifacts), store=store)
    result = finished.read_anomalies()
    if json:
        terminal.OUT.print_json(result.model_dump_json())
    terminal.print_anomalies(result, finished.path, console=terminal.ERR if json else terminal.OUT)


@app.command
def runs(*, artifacts: Artifacts = Path("artifacts")) -> None:
    """List all runs, oldest first."""
    from gan_aug.reporting.folders import list_runs  # noqa: PLC0415 - a second to import; --help must not wait

    terminal.log_to_terminal()
    summaries = list_runs(artifacts)
    if not summaries:
        terminal.OUT.print(f"no runs in {artifacts}")
        return
    terminal.OUT.print(terminal.tabulate_runs(summaries))


@app.command
def show(
    run: str,
    *,
    artifacts: Artifacts = Path("artifacts"),
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Print the comparison of one run.

    Parameters
    ----------
    run
        Name of the run, as `gan-aug runs` lists it.
    json
        Print it as JSON.
    """
    from gan_aug.reporting.folders import find_run  # noqa: PLC0415 - a second to import; --help must not wait

    found = find_run(artifacts, run)
    comparison = found.read_comparison()
    if json:
        terminal.OUT.print_json(comparison.model_dump_json())
        return
    terminal.print_result(comparison, found.path)


@app.command
def view(
    source: str,
    *,
    index: int | None = None,
    part: Part = "train",
    output: Path | None = None,
    artifacts: Artifacts = Path("artifacts"),
) -> None:
    """Draw a digit of a data set, or what the generator of a run draws; write it as PNG.

    Parameters
    ----------
    source
        Name of a run, as `gan-aug runs` lists it, or a data set, as `--dataset` takes it.
    index
        Which image of a data set, from 0; the first sixteen by default.
    part
        Of a data set.
    output
        The PNG; by default named after what it shows, in the current folder.
    """
    with terminal.mute_native_output():
        from flows.cli.view import View, view_digit, view_digits, view_run  # noqa: PLC0415 - seconds to import
    from gan_aug.reporting.folders import Run  # noqa: PLC0415 - a second to import
    from gan_aug.reporting.galleries import render_grid  # noqa: PLC0415 - a second to import
    from gan_aug.store.files import atomic_file  # noqa: PLC0415 - a second to import

    run = Run(artifacts / Run.home / source)
    found: View
    if run.path.is_dir():
        if index is not None:
            raise UserError(
                f"index: expected none for the run {source}, found {index}; leave it out"
            )
        found = view_run(run)
    else:
        found = view_digits(source, part) if index is None else view_digit(source, part, index)
    path = output or Path(f"{found.name}.png")
    with atomic_file(path) as file:
        file.write(render_grid(found.images, scale=VIEW_SCALE))
    terminal.draw(render_grid(found.images, scale=1))
    terminal.OUT.print(found.caption, markup=False)
    terminal.OUT.print(str(path), markup=False)


@app.command
def up(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=65535))] = 4200,
    database: str | None = None,
    notify: str | None = None,
    folder: Path = Path(),
    log: Path = Path("artifacts/prefect.log"),
) -> None:
    """Start a Prefect server, deploy the schedules and start a worker; Ctrl-C stops them.

    A server that already answers at the address is used. Schedules stay active when the worker
    stops.

    Parameters
    ----------
    host
        Interface the server listens on; browsers have to reach the server by this name.
    port
        Port of server and UI.
    database
        The server's database: `postgresql+asyncpg://user:password@host/name`, or by default SQLite
        in Prefect's home.
    notify
        Address that a run's failure, crash or failed gate is posted to, as the JSON that Slack and
        Mattermost take: `{"title": …, "text": …}`.
    folder
        Checkout with the `prefect.yaml` that says what to deploy and the `automations.yaml` that
        says what to react to; runs write their artifacts there.
    log
        What server and worker print goes there.
    """
    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)
    from flows.server.stack import Address, run_stack  # noqa: PLC0415 - seconds to import

    def announce(ui: str) -> None:
        terminal.OUT.print(f"{ui}  (Ctrl-C stops it; what it prints is in {log})", markup=False)

    log.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(KeyboardInterrupt):
        run_stack(
            Address(host, port),
            database=database,
            notify=notify,
            folder=folder.absolute(),
            log=log.absolute(),
            on_ready=announce,
        )


@app.command
def doctor(
    *,
    device: Device = "auto",
    precision: Precision = "auto",
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Print what this machine has, and what a run will use of it.

    Parameters
    ----------
    device
        As for `gan-aug run`.
    precision
        As for `gan-aug run`.
    json
        Print it as JSON.
    """
    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)
    with terminal.mute_native_output():
        from flows.server.stack import describe_server  # noqa: PLC0415 - seconds to import
        from gan_aug.device import select_compute  # noqa: PLC0415 - it looks for GPUs
        from gan_aug.reporting.environment import diagnose  # noqa: PLC0415 - seconds to import

        facts = {**diagnose(select_compute(device, precision)), "Prefect server": describe_server()}
    if json:
        terminal.OUT.print_json(data=facts)
        return
    terminal.OUT.print(terminal.tabulate_facts(facts))


def run_flow(
    config: RunConfig, *, name: str | None, artifacts: Path, store: str | None, as_json: bool
) -> None:
    """Run the pipeline in this process and print what it found."""
    prepare_run(config)
    from flows.augment import augment  # noqa: PLC0415 - seconds to import; --help must not wait

    finished = augment(config, name=name, artifacts=str(artifacts), store=store)
    comparison = finished.read_comparison()
    if as_json:
        terminal.OUT.print_json(comparison.model_dump_json())
    terminal.print_result(
        comparison, finished.path, console=terminal.ERR if as_json else terminal.OUT
    )


def prepare_run(config: RunConfig | PicturesConfig) -> None:
    """Set the environment, import what a flow needs, check the device, and reach a server."""
    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)
    terminal.log_to_terminal()
    with terminal.mute_native_output():
        from flows import tasks  # noqa: F401, PLC0415 - here, where what it prints is dropped
        from gan_aug.device import select_compute  # noqa: PLC0415 - it looks for GPUs

        select_compute(config.device, config.precision)
    connect_to_server()


def connect_to_server() -> None:
    """Reach the Prefect server to report to, or start a temporary one.

    The temporary one starts with SIGINT blocked, which it inherits: a terminal sends Ctrl-C to all
    processes of a command, and the run still has to tell its server how it ended.

    Raises:
        UserError: The server that PREFECT_API_URL names does not answer.
    """
    import httpx  # noqa: PLC0415 - Prefect brings it, and --help must not wait
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - seconds to import
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - seconds to import

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with get_client(sync_client=True) as client:
            client.raise_for_api_version_mismatch()
    except (RuntimeError, httpx.HTTPError) as error:
        raise UserError(
            f"PREFECT_API_URL: expected a Prefect server at {PREFECT_API_URL.value()}, found: "
            f"{error}; start it with `prefect server start`, or unset PREFECT_API_URL to run "
            "without one"
        ) from error
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit.

    0 if all went well, 1 if cells of a study failed or a run did not pass its gates, 2 for user
    errors, 130 for Ctrl-C, SIGTERM and the end of the terminal.
    """
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except TimeoutError as error:
        terminal.print_error(f"timeout: {error}; the same command goes on where this one stopped")
        sys.exit(EXIT_FAILED)
    except (UserError, CycloptsError, ValidationError, OSError) as error:
        terminal.print_error(phrase(error))
        sys.exit(EXIT_USER_ERROR)
    except GateError as error:
        terminal.print_error(str(error))
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        terminal.print_error("interrupted; the same command goes on where this one stopped")
        sys.exit(EXIT_INTERRUPTED)


def phrase(error: Exception) -> str:
    """Put an error into one line: what was expected, what was found."""
    cause = error if isinstance(error, ValidationError) else error.__cause__
    if isinstance(cause, ValidationError):
        return "; ".join(phrase_field(detail) for detail in cause.errors())
    if isinstance(error, OSError):
        where = error.filename or "artifacts"
        return f"{where}: expected to read or write there, found: {error.strerror or error}"
    return str(error)


def phrase_field(detail: Any) -> str:
    """``dcgan.steps: input should be greater than or equal to 1, found 0``."""
    field = ".".join(str(part) for part in detail["loc"]).replace("_", "-")
    if detail["type"] == "value_error":  # our own, which tell what was found
        return ": ".join(filter(None, (field, str(detail["ctx"]["error"]))))
    return f"{field}: {detail['msg'][0].lower()}{detail['msg'][1:]}, found {detail['input']!r}"
