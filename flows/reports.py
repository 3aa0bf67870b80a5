"""What is left for people: a task that fills each kind of folder."""

from collections.abc import Sequence
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from gan_aug.data.dataset import Dataset
from gan_aug.data.pictures import Pictures
from gan_aug.evaluation.anomaly import AnomalyResult
from gan_aug.evaluation.study import StudyResult
from gan_aug.execution import Output
from gan_aug.pipeline import Outcome
from gan_aug.reporting.contents import fill_anomalies, fill_dcgan, fill_run, fill_study
from gan_aug.reporting.folders import Anomalies, PicturesDcgan, Run, Study
from gan_aug.settings.pictures import PicturesConfig

__all__ = ["write_anomalies", "write_dcgan", "write_report", "write_study"]


@task(cache_policy=NO_CACHE, task_run_name="report")
def write_report(run: Run, outcome: Outcome) -> None:
    """Fill the folder of a run."""
    fill_run(run, outcome)


@task(cache_policy=NO_CACHE, task_run_name="report")
def write_study(study: Study, result: StudyResult, outcomes: Sequence[Outcome]) -> None:
    """Fill the folder of a study."""
    fill_study(study, result, outcomes)


@task(cache_policy=NO_CACHE, task_run_name="report")
def write_dcgan(
    folder: PicturesDcgan, config: PicturesConfig, data: Output[Pictures], dcgan: Output[Any]
) -> None:
    """Fill the folder of a DCGAN of pictures."""
    fill_dcgan(folder, config, data, dcgan)


@task(cache_policy=NO_CACHE, task_run_name="report")
def write_anomalies(
    folder: Anomalies,
    data: Output[Dataset],
    ranking: Output[Any],
    left_out: Sequence[tuple[Output[Any], Output[Any]]],
) -> AnomalyResult:
    """Fill the folder of a ranking."""
    return fill_anomalies(folder, data, ranking, left_out)
