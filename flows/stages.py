"""One Prefect task for any stage: look in the store, else compute and keep.

Tasks exchange references to outputs, never arrays. The store is the only cache; Prefect's own is
off, and a reused stage ends in the state ``Cached``.
"""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import State, TaskRun
from prefect.states import Completed
from prefect.tasks import exponential_backoff

from gan_aug.data.dataset import Dataset, describe_dataset
from gan_aug.data.load import load_dataset
from gan_aug.data.local import find_local_sets
from gan_aug.data.pictures import Pictures, describe_pictures, load_pictures
from gan_aug.errors import DownloadError
from gan_aug.execution import Executor, Output, execute_stage
from gan_aug.flows.progress import log_progress, show_progress
from gan_aug.flows.publish import publish_progress
from gan_aug.flows.server.gpu import take_gpu
from gan_aug.progress import OnProgress, ignore_progress, tell_each
from gan_aug.settings.data import DataConfig
from gan_aug.settings.pictures import PicturesConfig
from gan_aug.stage import Stage
from gan_aug.store.store import Store

__all__ = ["keep_dataset", "keep_pictures", "open_executor", "run_stage"]

logger = logging.getLogger(__name__)
# In any process that runs a task, on any host, Prefect is to see what it does.
log_progress()

# Seconds. They end what hangs, and are far above what any stage takes.
STAGE_TIMEOUT = 2 * 3600
TRAINING_TIMEOUT = 48 * 3600
DOWNLOAD_RETRIES = 3
# Seconds before the first retry; every other waits twice as long.
DOWNLOAD_BACKOFF = 5


@task(cache_policy=NO_CACHE)
def run_stage(stage: Stage[Any], store: Store) -> State[Output[Any]]:
    """Execute a stage whose inputs are in the store."""
    output = execute_stage(stage, store, watch=watch_stage, hold=hold_gpu)
    return complete(output)


def complete(output: Output[Any]) -> State[Output[Any]]:
    """Return the state in which a task ends that made or found an output."""
    how = "cached" if output.reused else f"done in {output.seconds:.1f} s"
    name = "Cached" if output.reused else None
    return Completed(name=name, message=f"{output.label}: {how}", data=output)


def open_executor(store: Store, *known: Output[Any]) -> Executor:
    """Return what executes stages as tasks.

    Args:
        store: Where outputs are kept.
        known: Outputs that were made before.
    """
    return Executor(store, execute_as_task, {output.entry.identity: output for output in known})


def execute_as_task(stage: Stage[Any], store: Store) -> Output[Any]:
    """Execute a stage in a task of its own."""
    named = run_stage.with_options(
        task_run_name=lambda: name_task(stage),
        timeout_seconds=TRAINING_TIMEOUT if stage.trains else STAGE_TIMEOUT,
    )
    output: Output[Any] = named(stage, store).result()
    return output


def name_task(stage: Stage[Any]) -> str:
    """``DCGAN · 12,000 steps``: a training says how much there is to do."""
    return f"{stage.label} · {stage.steps:,} steps" if stage.trains else stage.label


@contextlib.contextmanager
def watch_stage(stage: Stage[Any]) -> Iterator[OnProgress]:
    """Show in the terminal how far a stage is, and in the UI if it takes long enough to resume."""
    if stage.steps is None:
        yield ignore_progress
        return
    with show_progress(stage.label, stage.steps) as show:
        if not stage.resumable:
            yield show
            return
        key, what = f"{stage.name}-progress", f"steps of the {stage.label}"
        with publish_progress(key, what, stage.steps) as publish:
            yield tell_each(show, publish)


def hold_gpu(stage: Stage[Any]) -> contextlib.AbstractContextManager[None]:
    """Wait for the GPU if the stage trains on one."""
    return take_gpu(stage.compute if stage.trains else None)


def is_worth_retrying(_task: Any, task_run: TaskRun, state: State[Any]) -> bool:
    """Tell a download that may do better soon from what will not be better the next time."""
    error = state.result(raise_on_failure=False)
    if not isinstance(error, DownloadError) or not error.temporary:
        return False
    waits = exponential_backoff(DOWNLOAD_BACKOFF)(DOWNLOAD_RETRIES)[task_run.run_count - 1 :]
    if waits:
        logger.warning(
            "load: %s; trying again in %.0f s, and for %.0f s at most", error, waits[0], sum(waits)
        )
    return True


@task(
    cache_policy=NO_CACHE,
    task_run_name="load {config.dataset}",
    timeout_seconds=STAGE_TIMEOUT,
    retries=DOWNLOAD_RETRIES,
    retry_delay_seconds=exponential_backoff(DOWNLOAD_BACKOFF),
    retry_condition_fn=is_worth_retrying,
)
def keep_dataset(store: Store, config: DataConfig) -> State[Output[Dataset]]:
    """Load, verify and split a data set; ``GAN_AUG_MNIST`` names a local MNIST."""
    logger.info("load: reading and verifying %s", config.dataset)
    loaded = load_dataset(config, find_local_sets())
    return complete(execute_stage(describe_dataset(loaded.provenance, loaded), store))


@task(cache_policy=NO_CACHE, task_run_name="load {config.source}", timeout_seconds=STAGE_TIMEOUT)
def keep_pictures(store: Store, config: PicturesConfig) -> State[Output[Pictures]]:
    """Load pictures of any kind."""
    loaded = load_pictures(config.source, config)
    return complete(execute_stage(describe_pictures(loaded.provenance, loaded), store))
