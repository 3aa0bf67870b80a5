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
    Panel,
    render_comparison,
    render_gains,
    render_learning_curves,
    render_separations,
    to_png,
)
from gan_aug.reporting.folders import Anomalies, PicturesDcgan, ReportFolder, Run, Study
from gan_aug.reporting.galleries import render_ends, render_grid
from gan_aug.reporting.pictures import (
    LoadedRun,
    ReportPictures,
    draw_data,
    draw_gan,
    draw_labels,
    draw_training,
    draw_trainings,
    list_steps,
)
from gan_aug.reporting.render import (
    RunFacts,
    Shown,
    StageTime,
    Surroundings,
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
    shown = run.write_pictures(draw_report(loaded))
    report = render_report(
        run.name,
        run.read_config(),
        outcome.comparison,
        gather_facts(loaded),
        surround(run, list_times(outcome.stages), shown),
        command=command,
    )
    run.write_report(report)
    run.write_comparison(outcome.comparison)


def draw_run(outcome: "Outcome") -> dict[str, bytes]:
    """Draw the pictures of a run's report, and ``samples``, what its generator drew last, as PNG.

    Those that stand beside each other have a number: ``confusion``, ``confusion-2``.
    """
    loaded = LoadedRun(outcome)
    drawn = draw_report(loaded) | {"samples": [Panel(render_grid(loaded.dcgan.samples[-1]))]}
    return {
        f"{name}-{number}" if number > 1 else name: panel.content
        if isinstance(panel.content, bytes)
        else to_png(panel.content)
        for name, panels in drawn.items()
        for number, panel in enumerate(panels, start=1)
    }


def draw_report(loaded: LoadedRun) -> ReportPictures:
    """Draw the pictures of a run's report."""
    return {
        "data": draw_data(loaded.data),
        "comparison": render_comparison(loaded.comparison),
        **draw_gan(loaded),
        **draw_labels([loaded], RUN_SPLIT),
        **draw_trainings(loaded),
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
    pictures: ReportPictures = {}
    facts: dict[int, RunFacts] = {}
    if result.scores:
        pictures["learning_curves"] = render_learning_curves(result)
    if any(summary.versus_original for summary in result.summaries):
        pictures["gains"] = render_gains(result)
    if runs:
        pictures |= {"data": draw_data(runs[0].data), **draw_gan(runs[0])}
        study.write_last_samples(render_grid(runs[0].dcgan.samples[-1]))
    for budget, group in group_by_budget(runs).items():
        facts[budget] = gather_facts(group[0])
        drawn = draw_labels(group, STUDY_SPLIT)
        pictures |= {f"{name}-{budget}": picture for name, picture in drawn.items()}
    shown = study.write_pictures(pictures)
    report = render_study_report(
        study.name,
        study.read_config(),
        result,
        facts,
        surround(study, add_times(outcomes), shown),
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
    drawn = draw_training(trained) | {"samples": [Panel(grids[max(grids)])]}
    shown = folder.write_pictures(drawn)
    report = render_dcgan_report(
        folder.name,
        config,
        trained.history,
        surround(folder, list_times([data, dcgan]), shown),
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
    pictures = draw_ranking(part.images[order], result) | {"data": draw_data(dataset)}
    folder.write_ranking(order, scores, part.labels, dataset.spec.classes)
    shown = folder.write_pictures(pictures)
    report = render_anomaly_report(
        folder.name,
        config,
        result,
        surround(folder, list_times(outputs), shown),
    )
    folder.write_stages(outputs)
    folder.write_report(report)
    folder.write_anomalies(result)
    return result


def draw_ranking(ranked: Images, result: AnomalyResult) -> ReportPictures:
    """Draw both ends of ranked images, and what the ranking is worth."""
    measured = {"foreign images": result.foreign, "classes left out": result.left_out}
    return {
        "ranking": [Panel(render_ends(ranked, "most anomalous", "least anomalous"))],
        "evaluation": render_separations({k: v for k, v in measured.items() if v}),
    }


def surround(
    folder: ReportFolder, stages: Sequence[StageTime], shown: Mapping[str, Sequence[Shown]]
) -> Surroundings:
    """Return what a report tells of its folder."""
    return Surroundings(folder.read_environment(), stages, shown, folder.list_files())


def draw_grids(dcgan: "TrainedDcgan") -> dict[int, bytes]:
    """Return what a DCGAN drew on the way: steps taken by then → a picture."""
    steps = list_steps(dcgan)
    return {step: render_grid(images) for step, images in zip(steps, dcgan.samples, strict=True)}


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
    """Return how long each output took, and when it was made."""
    return [
        StageTime(output.label, output.seconds, output.made, reused=output.reused)
        for output in outputs
    ]


def gather_outputs(outcomes: Sequence["Outcome"]) -> dict[str, Output[Any]]:
    """Return all outputs, each once: place in the store → output."""
    return {output.entry.identity: output for outcome in outcomes for output in outcome.stages}


def add_times(outcomes: Sequence["Outcome"]) -> list[StageTime]:
    """Add up the seconds of all outputs of a label; each output counts once."""
    groups: dict[str, list[Output[Any]]] = {}
    for output in gather_outputs(outcomes).values():
        groups.setdefault(output.label, []).append(output)
    return [
        StageTime(
            label,
            sum(output.seconds for output in group),
            max(output.made for output in group),
            outputs=len(group),
        )
        for label, group in groups.items()
    ]
