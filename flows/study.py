"""When does it pay: label budgets, draws, arms and classifiers, and their means."""

import contextlib
import functools
import logging
from collections.abc import Iterator
from pathlib import Path

from prefect import flow

from flows import tasks
from flows.pipeline import Outcome, plan_run, run_stages
from flows.publish import publish_progress, publish_results
from flows.reports import write_study
from gan_aug.augmentation import list_buildable
from gan_aug.config import ArmName, Classifier, RunConfig, StudyConfig
from gan_aug.device import select_compute
from gan_aug.environment import describe_environment
from gan_aug.runs import Study, check_name, make_name
from gan_aug.store import Entry, Store, load_provenance
from gan_aug.study import Failure, summarize_study

__all__ = ["study"]

logger = logging.getLogger(__name__)


@flow(name="study")
def study(
    config: StudyConfig = StudyConfig(), name: str | None = None, artifacts: str = "artifacts"
) -> Study:
    """Compare all arms at several label budgets, over several draws of labels.

    Outputs are shared through the store: a DCGAN is trained once a draw, a finished cell never
    again. A cell that fails is reported, and the others go on; the same call tries it again.

    Args:
        config: Budgets, draws, and the settings of every run.
        name: Name of the study; by default made from data and settings.
        artifacts: Folder of the store and the studies.

    Returns:
        The finished study.

    Raises:
        UserError: Data or settings are not usable; nothing was trained.
        OSError: The artifacts can't be written.
    """
    if name is not None:
        check_name(name)
    compute = select_compute(config.run.device, config.run.precision)
    kept = Store(Path(artifacts) / "store")
    data = tasks.load_data(kept, config.run).result()
    provenance = load_provenance(data)
    runs = [plan_cells(kept, run, data) for run in config.list_runs()]
    folder = Study.open(
        Path(artifacts), name or make_name(provenance.name, "study", config), config
    )
    folder.write_environment(describe_environment(compute, provenance))

    outcomes: list[Outcome] = []
    failures: list[Failure] = []
    with publish_progress("study-progress", "runs of the study", len(runs)) as on_progress:
        for place, (run, labeled) in enumerate(runs, start=1):
            logger.info("run %d of %d: %s labels, seed %d", place, len(runs), run.labels, run.seed)
            keep = functools.partial(keep_failure, failures, run)
            with keep():
                outcomes.append(run_stages(kept, run, data, labeled, guard=keep))
            on_progress(place, {})
    result = summarize_study(
        [score for outcome in outcomes for score in outcome.comparison.scores],
        failures,
        confidence_level=config.run.comparison.confidence_level,
    )
    write_study(folder, result, outcomes)
    publish_results(folder, "study", result.verdict, result.scores)
    return folder


def plan_cells(kept: Store, config: RunConfig, data: Entry) -> tuple[RunConfig, Entry]:
    """Draw a run's labels, and leave out the arms that its data can't make."""
    labeled, unlabeled = plan_run(kept, config, data)
    return config.model_copy(update={"arms": list_buildable(config.arms, unlabeled)}), labeled


@contextlib.contextmanager
def keep_failure(
    failures: list[Failure],
    run: RunConfig,
    classifier: Classifier | None = None,
    arm: ArmName | None = None,
) -> Iterator[None]:
    """Note an error of a cell, or of a whole run, and go on."""
    try:
        yield
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        logger.error("failed: %s labels, seed %d: %s", run.labels, run.seed, message)  # noqa: TRY400
        failures.append(
            Failure(
                labels=run.labels, seed=run.seed, classifier=classifier, arm=arm, message=message
            )
        )
