"""Which images of a data set a discriminator finds anomalous, and how far that can be trusted."""

import functools
from dataclasses import dataclass
from pathlib import Path

from prefect import flow

from gan_aug.data.dataset import Provenance
from gan_aug.device import Compute, select_compute
from gan_aug.errors import UserError
from gan_aug.evaluation.anomaly import Separation, check_discriminator, check_left_out
from gan_aug.execution import Executor, Output
from gan_aug.flows.publish import publish_results
from gan_aug.flows.reports import write_anomalies
from gan_aug.flows.run_log import keep_log, log_into
from gan_aug.flows.stages import keep_dataset, open_executor
from gan_aug.gan.adversarial import TrainedDcgan
from gan_aug.reporting.environment import describe_environment
from gan_aug.reporting.folders import (
    Anomalies,
    find_run,
    is_run,
    load_network,
    make_name,
)
from gan_aug.settings.anomalies import AnomalyConfig
from gan_aug.settings.names import check_name
from gan_aug.settings.run import RunConfig
from gan_aug.stage import External
from gan_aug.stages import describe_left_out, describe_ranking
from gan_aug.store.files import digest_file
from gan_aug.store.store import Store

__all__ = ["anomalies", "find_subject"]

NETWORK_SUFFIX = ".keras"


@dataclass(frozen=True)
class Subject:
    """The discriminator to ask.

    Attributes:
        network: Its file.
        config: Settings of its run, or the default ones for a file that may be of any.
    """

    network: Path
    config: RunConfig


@flow(name="anomalies")
@keep_log
def anomalies(
    config: AnomalyConfig,
    name: str | None = None,
    artifacts: str = "artifacts",
    store: str | None = None,
) -> Anomalies:
    """Rank a data set by how anomalous a discriminator finds its images, and evaluate that.

    Args:
        config: Which discriminator, which images, ranked by what.
        name: Name of the ranking; by default made from data and settings.
        artifacts: Folder of the runs, the rankings and the store.
        store: Folder of the store, or URL of one that other hosts share: `s3://bucket/folder`.

    Returns:
        The finished ranking.

    Raises:
        UserError: Discriminator, data, settings or store are not usable; nothing was written
            beside the store.
        OSError: The artifacts can't be written.
    """
    if name is not None:
        check_name(name)
    subject = find_subject(config, Path(artifacts))
    compute = select_compute(subject.config.device, subject.config.precision)
    discriminator = load_network(subject.network, "discriminator")
    outputs = Store.open(Path(artifacts), store)
    data = keep_dataset(outputs, subject.config).result()
    loaded = data.load()
    check_discriminator(discriminator, loaded.spec.shape)
    if config.leave_one_out:
        check_left_out(loaded)
    folder = Anomalies.open(
        Path(artifacts), name or make_name(loaded.provenance.name, "anomalies", config), config
    )
    log_into(folder)
    folder.write_environment(describe_environment(compute, loaded.provenance))
    execute = open_executor(outputs, data)
    left_out = (
        leave_classes_out(execute, subject.config, loaded.provenance, compute)
        if config.leave_one_out
        else []
    )
    network = External(
        digest_file(subject.network),
        functools.partial(load_network, subject.network, "discriminator"),
    )
    ranking = execute(
        describe_ranking(network, config.part, subject.config.seed, loaded.provenance, compute)
    )
    result = write_anomalies(folder, data, ranking, left_out)
    publish_results(folder, "anomalies", result.verdict, [*result.foreign, *result.left_out])
    return folder


def find_subject(config: AnomalyConfig, artifacts: Path) -> Subject:
    """Find the discriminator and the settings to go with it.

    Raises:
        UserError: There is no such run or file, or it can't do what is asked for.
    """
    if config.steps and not config.leave_one_out:
        raise UserError(
            "steps: expected --leave-one-out, whose trainings they are of, found none; add it, or "
            "leave --steps away"
        )
    path = Path(config.source)
    if not is_run(artifacts, config.source) and (path.is_file() or path.suffix == NETWORK_SUFFIX):
        return Subject(path, plan_for_file(config))
    run = find_run(artifacts, config.source)
    return Subject(run.discriminator, plan_for_run(config, run.read_config()))


def plan_for_file(config: AnomalyConfig) -> RunConfig:
    """Return the settings for a discriminator of which nothing else is known."""
    if config.dataset is None:
        raise UserError(
            f"dataset: expected the data set to rank, found none; add --dataset, which "
            f"{config.source} does not tell"
        )
    if config.leave_one_out:
        raise UserError(
            f"leave-one-out: expected a run, whose settings it trains with, found the file "
            f"{config.source}; name the run"
        )
    return RunConfig(dataset=config.dataset)


def plan_for_run(config: AnomalyConfig, run: RunConfig) -> RunConfig:
    """Return the settings of a run, with the data set and the steps that were asked for."""
    # Unlabeled images belong to the data set of the run.
    data = {"dataset": config.dataset, "unlabeled": None} if config.dataset else {}
    steps = {"steps": config.steps} if config.steps else {}
    return run.model_copy(
        update={
            **data,
            "dcgan": run.dcgan.model_copy(update=steps),
        }
    )


def leave_classes_out(
    execute: Executor, run: RunConfig, provenance: Provenance, compute: Compute
) -> list[tuple[Output[TrainedDcgan], Output[list[Separation]]]]:
    """Train a DCGAN without each class, and tell how well that class is found."""
    evaluated = []
    for label in range(len(provenance.classes)):
        dcgan, evaluation = describe_left_out(run, provenance, label, compute)
        evaluated.append((execute(dcgan), execute(evaluation)))
    return evaluated
