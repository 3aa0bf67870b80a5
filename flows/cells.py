"""The cells of a study: classifiers on arms, run by run, here or elsewhere."""

import contextlib
import functools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture, as_completed

from gan_aug.data.dataset import Dataset, describe_dataset
from gan_aug.device import select_compute
from gan_aug.evaluation.study import Failure
from gan_aug.execution import Executor, Output
from gan_aug.flows.scale import Runner
from gan_aug.flows.stages import open_executor
from gan_aug.pipeline import Outcome, RunPlan, plan_run, run_stages
from gan_aug.progress import OnProgress
from gan_aug.settings.run import RunConfig
from gan_aug.store.store import Store

__all__ = ["Call", "Cells", "compute_cells", "compute_elsewhere", "compute_here", "describe"]

logger = logging.getLogger(__name__)


class Call(TypedDict):
    """What the cells of one run are computed from: arguments of :data:`compute_cells`."""

    store: Store
    config: RunConfig
    data: Output[Dataset]


@dataclass(frozen=True)
class Cells:
    """What became of the cells of one run.

    Attributes:
        outcome: What its stages made; None if one failed that all cells need.
        failures: What failed.
    """

    outcome: Outcome | None
    failures: list[Failure]


@task(
    cache_policy=NO_CACHE,
    task_run_name="run · {config.labels} labels, seed {config.seed}",
)
def compute_cells(store: Store, config: RunConfig, data: Output[Dataset]) -> Cells:
    """Compute the cells of one run; one that fails is noted, and the others go on."""
    failures: list[Failure] = []
    outcome = None
    keep = functools.partial(keep_failure, failures, config)
    with keep():
        plan, execute = prepare_run(store, config, data)
        outcome = run_stages(plan, execute, guard=keep)
    return Cells(outcome, failures)


@task(cache_policy=NO_CACHE, task_run_name="draw · seed {config.seed}")
def compute_dcgan(store: Store, config: RunConfig, data: Output[Dataset]) -> Output[Any]:
    """Train the DCGAN that runs share (:func:`name_dcgan`)."""
    plan, execute = prepare_run(store, config, data)
    return execute(plan.stages.train_dcgan())


def prepare_run(store: Store, config: RunConfig, data: Output[Dataset]) -> tuple[RunPlan, Executor]:
    """Return a run's stages for the device of this host, and what executes them."""
    compute = select_compute(config.device, config.precision)
    execute = open_executor(store, data)
    return plan_run(execute, config, describe_dataset(data.load().provenance), compute), execute


def compute_here(calls: Sequence[Call], on_progress: OnProgress) -> list[Cells]:
    """Compute one run after the other in this process."""
    cells = []
    for place, call in enumerate(calls, start=1):
        logger.info("run %d of %d: %s", place, len(calls), describe(call["config"]))
        cells.append(compute_cells(**call))
        on_progress(place, {})
    return cells


def compute_elsewhere(
    runner: Runner, calls: Sequence[Call], on_progress: OnProgress
) -> list[Cells]:
    """Have workers compute the runs side by side, each once its DCGAN is trained."""
    names = [name_dcgan(call["config"]) for call in calls]
    trained: dict[str, PrefectFuture[Any]] = {
        name: runner.submit(compute_dcgan, dict(call))
        for name, call in dict(zip(names, calls, strict=True)).items()
    }
    futures = [
        runner.submit(compute_cells, dict(call), wait_for=[trained[name]])
        for name, call in zip(names, calls, strict=True)
    ]
    for done, _ in enumerate(as_completed(futures), start=1):
        logger.info("%d of %d runs done", done, len(calls))
        on_progress(done, {})
    return [
        collect(call["config"], trained[name], future)
        for name, call, future in zip(names, calls, futures, strict=True)
    ]


def name_dcgan(config: RunConfig) -> str:
    """Name the DCGAN of a run: all runs of a draw share one that no teacher has a part in."""
    return describe(config) if config.dcgan.conditioned else f"seed {config.seed}"


def collect(config: RunConfig, trained: PrefectFuture[Any], future: PrefectFuture[Cells]) -> Cells:
    """Return what a worker computed; a lost worker is a failure."""
    failures: list[Failure] = []
    with keep_failure(failures, config):
        # If the DCGAN failed, the run did not begin and has no reason of its own.
        trained.result()
        return future.result()
    return Cells(None, failures)


def describe(config: RunConfig) -> str:
    """``100 labels, seed 0``."""
    return f"{config.labels} labels, seed {config.seed}"


@contextlib.contextmanager
def keep_failure(
    failures: list[Failure],
    config: RunConfig,
    classifier: str | None = None,
    arm: str | None = None,
) -> Iterator[None]:
    """Note an error of a cell, or of a whole run, and go on."""
    try:
        yield
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        logger.error("failed: %s: %s", describe(config), message)  # noqa: TRY400
        failures.append(
            Failure(
                budget=config.labels,
                seed=config.seed,
                classifier=classifier,
                arm=arm,
                message=message,
            )
        )
