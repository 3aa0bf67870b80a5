"""What the folders of runs, studies, DCGANs and rankings are filled with."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_aug.classifiers import CLASSIFIERS
from gan_aug.data.dataset import Dataset
from gan_aug.data.pictures import Pictures
from gan_aug.evaluation.anomaly import AnomalyResult, summarize_anomalies
from gan_aug.evaluation.study import StudyResult
from gan_aug.execution import Output
from gan_aug.gan.export import export_generator
from gan_aug.images import Images
from gan_aug.prediction import Split
from gan_aug.reporting.figures import (
    render_comparison,
    render_gains,
    render_learning_curves,
    render_separations,
)
from gan_aug.reporting.folders import Anomalies, PicturesDcgan, ReportFolder, Run, Study
from gan_aug.reporting.galleries import render_ends, render_grid
from gan_aug.reporting.pictures import (
    LoadedRun,
    PngPictures,
    draw_gan,
    draw_labels,
    draw_training,
    list_steps,
)
from gan_aug.reporting.render import (
    RunFacts,
    StageTime,
    render_anomaly_report,
    render_dcgan_report,
    render_report,
    render_study_report,
)
from gan_aug.reporting.tables import summarize_pseudo_labels
from gan_aug.settings.pictures import PicturesConfig
from gan_aug.teachers import TEACHERS

if TYPE_CHECKING:
    from gan_aug.gan.adversarial import TrainedDcgan
    from gan_aug.pipeline import Outcome

__all__ = ["draw_run", "fill_anomalies", "fill_dcgan", "fill_run", "fill_study"]

RUN_SPLIT: Split = "validation"
STUDY_SPLIT: Split = "test"


def fill_run(run: Run, outcome: "Outcome", *, command: str | None = None) -> None:
    """Fill a run's folder: models, synthetic images, pictures, report, and last the comparison.

    Args:
        run: The folder.
        outcome: Of the run.
        command: What makes the run again; by default ``gan-aug run`` with its flags.

    Raises:
        UserError: An output isn't where this host looks.
    """
    loaded = LoadedRun(outcome)
    copy_models(run, outcome)
    run.write_dcgan(outcome.dcgan.entry, export_generator(loaded.dcgan.generator))
    run.write_synthetic(loaded.synthetic)
    run.write_guesses(loaded.guesses)
    run.write_stages(outcome.stages)
    run.write_samples(draw_grids(loaded.dcgan))
    pictures = draw_report(loaded)
    write_pictures(run, pictures)
    report = render_report(
        run.name,
        run.read_config(),
        outcome.comparison,
        gather_facts(loaded),
        environment=run.read_environment(),
        stages=list_times(outcome.stages),
        pictures=pictures.keys(),
        command=command,
    )
    run.write_report(report)
    run.write_comparison(outcome.comparison)


def draw_run(outcome: "Outcome") -> PngPictures:
    """Draw the pictures of a run's report, and ``samples``, what its generator drew last."""
    loaded = LoadedRun(outcome)
    return {**draw_report(loaded), "samples": render_grid(loaded.dcgan.samples[-1])}


def draw_report(loaded: LoadedRun) -> PngPictures:
    """Draw the pictures of a run's report."""
    return {
        "comparison": render_comparison(loaded.comparison),
        **draw_gan(loaded),
        **draw_labels([loaded], RUN_SPLIT),
    }


def copy_models(run: Run, outcome: "Outcome") -> None:
    """Copy the classifiers, what the teacher is, and the judgement of the images."""
    for (classifier, arm), model in outcome.models.items():
        run.copy_model(model.entry, classifier, arm)
    temperature = outcome.temperature.entry if outcome.temperature else None
    run.copy_teacher(outcome.teacher, [output.entry for output in outcome.networks], temperature)
    if outcome.quality:
        run.copy_quality(outcome.quality.entry)


def fill_study(study: Study, result: StudyResult, outcomes: Sequence["Outcome"]) -> None:
    """Fill a study's folder: scores, means, pictures, report, and last the result.

    Pictures of single images are of the first draw.

    Args:
        study: The folder.
        result: What the study found.
        outcomes: Of the runs that did not fail, the first draw first.

    Raises:
        UserError: An output isn't where this host looks.
    """
    runs = [LoadedRun(outcome) for outcome in outcomes]
    pictures: PngPictures = {}
    facts: dict[int, RunFacts] = {}
    if result.scores:
        pictures["learning_curves"] = render_learning_curves(result)
    if any(summary.versus_original for summary in result.summaries):
        pictures["gains"] = render_gains(result)
    if runs:
        pictures |= draw_gan(runs[0])
        study.write_last_samples(render_grid(runs[0].dcgan.samples[-1]))
    for budget, group in group_by_budget(runs).items():
        facts[budget] = gather_facts(group[0])
        drawn = draw_labels(group, STUDY_SPLIT)
        pictures |= {f"{name}-{budget}": picture for name, picture in drawn.items()}
    write_pictures(study, pictures)
    report = render_study_report(
        study.name,
        study.read_config(),
        result,
        facts,
        environment=study.read_environment(),
        stages=add_times(outcomes),
        pictures=pictures.keys(),
    )
    study.write_stages(list(gather_outputs(outcomes).values()))
    study.write_report(report)
    study.write_study(result)


def fill_dcgan(
    folder: PicturesDcgan, config: PicturesConfig, data: Output[Pictures], dcgan: Output[Any]
) -> None:
    """Fill the folder of a DCGAN of pictures: networks, samples, report.

    Args:
        folder: The folder.
        config: Settings of the DCGAN.
        data: What it was trained on.
        dcgan: A :class:`gan_aug.gan.adversarial.TrainedDcgan`.

    Raises:
        UserError: An output isn't where this host looks.
    """
    trained: TrainedDcgan = dcgan.load()
    grids = draw_grids(trained)
    folder.write_dcgan(dcgan.entry, export_generator(trained.generator))
    folder.write_samples(grids)
    folder.write_last_samples(grids[max(grids)])
    write_pictures(folder, draw_training(trained))
    report = render_dcgan_report(
        folder.name,
        config,
        trained.history,
        environment=folder.read_environment(),
        stages=list_times([data, dcgan]),
    )
    folder.write_stages([data, dcgan])
    folder.write_report(report)


def fill_anomalies(
    folder: Anomalies,
    data: Output[Dataset],
    ranking: Output[Any],
    left_out: Sequence[tuple[Output[Any], Output[Any]]],
) -> AnomalyResult:
    """Fill the folder of a ranking and return its evaluation: the ranking, pictures, report.

    Args:
        folder: The folder.
        data: The data set.
        ranking: A :class:`gan_aug.evaluation.anomaly.Ranking`.
        left_out: For each class that was left out: the DCGAN, and how well its discriminator's
            detectors find the class.

    Raises:
        UserError: An output isn't where this host looks.
    """
    config, dataset, ranked = folder.read_config(), data.load(), ranking.load()
    part, scores = getattr(dataset, config.part), ranked.scores[config.by]
    order = np.argsort(-scores, kind="stable")
    missed = [evaluation.load() for _, evaluation in left_out]
    name = dataset.provenance.name
    result = summarize_anomalies(ranked, missed, dataset=name, part=config.part, by=config.by)
    outputs = [data, *(made for pair in left_out for made in pair), ranking]
    pictures = draw_ranking(part.images[order], result)
    folder.write_ranking(order, scores, part.labels, dataset.spec.classes)
    write_pictures(folder, pictures)
    report = render_anomaly_report(
        folder.name,
        config,
        result,
        environment=folder.read_environment(),
        stages=list_times(outputs),
        pictures=pictures.keys(),
    )
    folder.write_stages(outputs)
    folder.write_report(report)
    folder.write_anomalies(result)
    return result


def draw_ranking(ranked: Images, result: AnomalyResult) -> PngPictures:
    """Draw both ends of ranked images, and what the ranking is worth."""
    measured = {"foreign images": result.foreign, "classes left out": result.left_out}
    return {
        "ranking": render_ends(ranked, "most anomalous", "least anomalous"),
        "evaluation": render_separations({k: v for k, v in measured.items() if v}),
    }


def draw_grids(dcgan: "TrainedDcgan") -> dict[int, bytes]:
    """Return what a DCGAN drew on the way: steps taken by then → a picture."""
    steps = list_steps(dcgan)
    return {step: render_grid(images) for step, images in zip(steps, dcgan.samples, strict=True)}


def write_pictures(folder: ReportFolder, pictures: Mapping[str, bytes]) -> None:
    """Write the pictures of a report."""
    for name, picture in pictures.items():
        folder.write_figure(name, picture)


def gather_facts(run: LoadedRun) -> RunFacts:
    """Return what a report tells of one run beside its scores."""
    quality = run.outcome.quality
    return RunFacts(
        pseudo=summarize_pseudo_labels(run.synthetic),
        teacher=run.calibration,
        teacher_kind=TEACHERS[run.outcome.teacher].kind,
        trust={
            CLASSIFIERS[name].phrase: output.load() for name, output in run.outcome.trust.items()
        },
        quality=quality.load() if quality else None,
    )


def group_by_budget(runs: Sequence[LoadedRun]) -> dict[int, list[LoadedRun]]:
    """Return the runs that have scores, by label budget, the smallest first."""
    groups: dict[int, list[LoadedRun]] = {}
    for run in runs:
        if run.comparison.scores:
            groups.setdefault(run.comparison.scores[0].budget, []).append(run)
    return dict(sorted(groups.items()))


def list_times(outputs: Sequence[Output[Any]]) -> list[StageTime]:
    """Return how long each output took."""
    return [StageTime(output.label, output.seconds, output.reused) for output in outputs]


def gather_outputs(outcomes: Sequence["Outcome"]) -> dict[str, Output[Any]]:
    """Return all outputs, each once: place in the store → output."""
    return {output.entry.identity: output for outcome in outcomes for output in outcome.stages}


def add_times(outcomes: Sequence["Outcome"]) -> list[StageTime]:
    """Add up the seconds of all outputs of a label; each output counts once."""
    totals: dict[str, list[float]] = {}
    for output in gather_outputs(outcomes).values():
        totals.setdefault(output.label, []).append(output.seconds)
    return [
        StageTime(label, sum(seconds), cached=False, outputs=len(seconds))
        for label, seconds in totals.items()
    ]
