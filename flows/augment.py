"""The pipeline: from real images to the answer whether synthetic ones help."""

import logging
from pathlib import Path

from prefect import flow

from gan_aug.arms import check_arms
from gan_aug.data.dataset import Provenance, describe_dataset, resolve_budget
from gan_aug.device import select_compute
from gan_aug.evaluation.verdict import TRIAL_AHEAD
from gan_aug.flows.gates import pass_gates
from gan_aug.flows.publish import publish_results
from gan_aug.flows.reports import write_report
from gan_aug.flows.run_log import keep_log, log_into
from gan_aug.flows.stages import keep_dataset, open_executor
from gan_aug.flows.track import Tracking
from gan_aug.flows.tracker import Tracker
from gan_aug.pipeline import plan_run, run_stages
from gan_aug.reporting.environment import describe_environment
from gan_aug.reporting.folders import Run, make_name
from gan_aug.settings.names import check_name
from gan_aug.settings.run import RunConfig
from gan_aug.store.store import Store

__all__ = ["augment"]

logger = logging.getLogger(__name__)


@flow(name="augment")
@keep_log
def augment(
    config: RunConfig = RunConfig(),
    name: str | None = None,
    artifacts: str = "artifacts",
    store: str | None = None,
    track: Tracker | None = None,
) -> Run:
    """Train a DCGAN, pseudo-label its images, retrain both classifiers, compare.

    Args:
        config: Settings of every stage. The form in the Prefect UI has everyday ones, its JSON
            input all.
        name: Name of the run; by default made from data, labels, seed and settings.
        artifacts: Folder of the runs and the store.
        store: Folder of the store, or URL of one that other hosts share: `s3://bucket/folder`.
        track: `mlflow`: tell an MLflow tracker what was found; `none`: tell nobody. By default the
            tracker that MLFLOW_TRACKING_URI names, if it names one.

    Returns:
        The finished run.

    Raises:
        UserError: Data, settings, store or tracker are not usable.
        GateError: The run is finished, and does not pass its gates.
        OSError: The artifacts can't be written.
    """
    if name is not None:
        check_name(name)
    tracking = Tracking.open(track)
    if config.comparison.trial:
        logger.warning(TRIAL_AHEAD)
    compute = select_compute(config.device, config.precision)
    logger.info("networks train on %s in %s", compute.name, compute.dtype_policy)
    outputs = Store.open(Path(artifacts), store)
    data = keep_dataset(outputs, config).result()
    provenance = data.load().provenance
    config = config.model_copy(update={"labels": resolve_budget(config.labels, provenance)})
    execute = open_executor(outputs, data)
    plan = plan_run(execute, config, describe_dataset(provenance), compute)
    check_arms(config.arms, plan.unlabeled)
    run = Run.open(Path(artifacts), name or name_run(config, provenance), config)
    log_into(run)
    before = run.read_baseline()
    run.write_environment(describe_environment(compute, provenance))
    outcome = run_stages(plan, execute)
    write_report(run, outcome)
    comparison = outcome.comparison
    publish_results(run, "augment", comparison.verdict, comparison.scores)
    with tracking.follow_run(run, outcome):
        pass_gates(run, config.gates, outcome, before)
    return run


def name_run(config: RunConfig, provenance: Provenance) -> str:
    """``mnist-1000-labels-seed0-1a2b3c4d``: the same name for the same data and settings."""
    return make_name(provenance.name, f"{config.labels}-labels-seed{config.seed}", config)
