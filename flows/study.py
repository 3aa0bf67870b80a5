"""When does it pay: label budgets, draws, arms and classifiers, and their means."""

import logging
from collections.abc import Sequence
from pathlib import Path

from prefect import flow
from pydantic import PositiveInt

from gan_aug.arms import list_buildable
from gan_aug.data.dataset import Dataset, describe_dataset
from gan_aug.device import Compute, select_compute
from gan_aug.evaluation.study import StudyResult, summarize_study
from gan_aug.evaluation.verdict import TRIAL_AHEAD
from gan_aug.execution import Output
from gan_aug.flows.cells import Call, Cells, compute_elsewhere, compute_here
from gan_aug.flows.publish import publish_progress, publish_results
from gan_aug.flows.reports import write_study
from gan_aug.flows.run_log import keep_log, log_into
from gan_aug.flows.scale import open_runner
from gan_aug.flows.stages import keep_dataset, open_executor
from gan_aug.flows.track import Tracking
from gan_aug.flows.tracker import Tracker
from gan_aug.pipeline import plan_run
from gan_aug.reporting.environment import describe_environment
from gan_aug.reporting.folders import Study, make_name
from gan_aug.settings.evaluation import ComparisonConfig
from gan_aug.settings.names import check_name
from gan_aug.settings.study import StudyConfig
from gan_aug.store.store import Store

__all__ = ["study"]

logger = logging.getLogger(__name__)


@flow(name="study")
@keep_log
def study(
    config: StudyConfig = StudyConfig(),
    name: str | None = None,
    artifacts: str = "artifacts",
    store: str | None = None,
    workers: PositiveInt = 1,
    dask: str | None = None,
    track: Tracker | None = None,
) -> Study:
    """Compare all arms at several label budgets, over several draws of labels.

    Outputs are shared through the store: a DCGAN is trained once a draw, a finished cell never
    again. A cell that fails is reported, and the others go on; the same call tries it again.

    Args:
        config: Budgets, draws, and the settings of every run, as for `augment`.
        name: Name of the study; by default made from data and settings.
        artifacts: Folder of the studies and the store.
        store: Folder of the store, or URL of one that other hosts share: `s3://bucket/folder`.
        workers: Processes of this machine that compute runs of the study side by side.
        dask: Address of the scheduler of a Dask cluster to compute them on instead. Its workers
            need gan-aug, and the store: at the same path, or through `store`.
        track: `mlflow`: tell an MLflow tracker what was found; `none`: tell nobody. By default the
            tracker that MLFLOW_TRACKING_URI names, if it names one.

    Returns:
        The finished study.

    Raises:
        UserError: Data, settings, store, cluster or tracker are not usable; nothing was trained.
        OSError: The artifacts can't be written.
    """
    if name is not None:
        check_name(name)
    tracking = Tracking.open(track)
    if config.run.comparison.trial:
        logger.warning(TRIAL_AHEAD)
    compute = select_compute(config.run.device, config.run.precision)
    outputs = Store.open(Path(artifacts), store)
    data = keep_dataset(outputs, config.run).result()
    provenance = data.load().provenance
    calls = plan_calls(outputs, config, data, compute, processes=0 if dask else workers)
    folder = Study.open(
        Path(artifacts), name or make_name(provenance.name, "study", config), config
    )
    log_into(folder)
    folder.write_environment(describe_environment(compute, provenance))

    with (
        publish_progress("study-progress", "runs of the study", len(calls)) as on_progress,
        open_runner(workers, dask, folder.log) as runner,
    ):
        cells = (
            compute_elsewhere(runner, calls, on_progress)
            if runner
            else compute_here(calls, on_progress)
        )
    result = summarize_cells(cells, config.run.comparison)
    write_study(folder, result, [done.outcome for done in cells if done.outcome])
    publish_results(folder, "study", result.verdict, result.scores)
    tracking.tell_study(folder, result, calls, cells)
    return folder


def summarize_cells(cells: Sequence[Cells], config: ComparisonConfig) -> StudyResult:
    """Return the means over draws, what they say together, and what failed."""
    return summarize_study(
        [score for done in cells if done.outcome for score in done.outcome.comparison.scores],
        [failure for done in cells for failure in done.failures],
        confidence_level=config.confidence_level,
        trial=config.trial,
    )


def plan_calls(
    store: Store, config: StudyConfig, data: Output[Dataset], compute: Compute, *, processes: int
) -> list[Call]:
    """Draw the labels of every run, and leave out the arms that its data can't make.

    Raises:
        UserError: A run can't be done.
    """
    execute = open_executor(store, data)
    source = describe_dataset(data.load().provenance)
    calls: list[Call] = []
    for run in config.list_runs():
        plan = plan_run(execute, run, source, compute, processes=processes)
        arms = list_buildable(run.arms, plan.unlabeled)
        calls.append(
            {"store": store, "config": run.model_copy(update={"arms": arms}), "data": data}
        )
    return calls
