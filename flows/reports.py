"""What a run and a study leave for people: pictures, tables and the page, drawn from the store."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from gan_aug.store.store.store import Entry
from numpy.typing import NDArray
from prefect import task
from prefect.cache_policies import NO_CACHE

from flows.pipeline import Outcome
from gan_aug.arms import ARMS
from gan_aug.evaluation import anomaly
from gan_aug.evaluation.anomaly import AnomalyResult
from gan_aug.evaluation.comparison import CLASSIFIER_TITLES, Comparison, Split
from gan_aug.evaluation.quality import find_nearest
from gan_aug.evaluation.study import StudyResult
from gan_aug.images import image_shape
from gan_aug.reporting import figures, galleries
from gan_aug.reporting.folders import Anomalies, PicturesDcgan, ReportFolder, Run, Study
from gan_aug.reporting.galleries import Change
from gan_aug.reporting.render import (
    RunFacts,
    StageTime,
    render_anomaly_report,
    render_dcgan_report,
    render_report,
    render_study_report,
    summarize_pseudo_labels,
)
from gan_aug.settings.run import AnomalyConfig, ArmName, PicturesConfig
from gan_aug.store.store import store

__all__ = ["LeftOut", "write_anomalies", "write_dcgan", "write_report", "write_study"]

RUN_SPLIT: Split = "validation"
STUDY_SPLIT: Split = "test"
# Looking at single test images would be the first step of choosing by them.
LOOKED_AT: Split = "validation"
NEIGHBOR_CANDIDATES = 2000

Pictures = dict[str, bytes]


class LeftOut(NamedTuple):
    """What was made for one digit that was left out.

    Attributes:
        dcgan: Trained without it.
        evaluation: How well its discriminator's detectors find it.
    """

    dcgan: Entry
    evaluation: Entry


@task(cache_policy=NO_CACHE, task_run_name="report")
def write_report(run: Run, outcome: Outcome) -> None:
    """Fill the run's folder: comparison, models, synthetic images, pictures, report."""
    run.write_synthetic(store.load_pseudo_labels(outcome.pseudo["synthetic"]))
    for (classifier, arm), model in outcome.models.items():
        run.copy_model(model, classifier, arm)
    run.copy_teacher(outcome.teacher.own, outcome.teacher.temperature)
    if outcome.judged:
        run.copy_quality(outcome.judged)
    run.copy_dcgan(outcome.dcgan)
    pictures = {
        "comparison": figures.render_comparison(outcome.comparison),
        **draw_gan(outcome),
        **picture_labels([outcome], RUN_SPLIT),
    }
    write_pictures(run, pictures)
    report = render_report(
        run.name,
        run.read_config(),
        outcome.comparison,
        gather_facts(outcome),
        environment=run.read_environment(),
        stages=[StageTime(entry.label, entry.seconds, entry.reused) for entry in outcome.stages],
        pictures=pictures.keys(),
    )
    run.write_report(report)
    run.write_comparison(outcome.comparison)


@task(cache_policy=NO_CACHE, task_run_name="report")
def write_study(study: Study, result: StudyResult, outcomes: Sequence[Outcome]) -> None:
    """Fill the study's folder: scores, means, pictures, report.

    Pictures of single images are of the first draw.
    """
    config = study.read_config()
    pictures: Pictures = {}
    facts: dict[int, RunFacts] = {}
    if result.scores:
        pictures["learning_curves"] = figures.render_learning_curves(result)
    if outcomes:
        pictures |= draw_gan(outcomes[0])
        study.copy_samples(outcomes[0].dcgan)
    for budget, group in group_by_budget(outcomes).items():
        facts[budget] = gather_facts(group[0])
        drawn = picture_labels(group, STUDY_SPLIT)
        pictures |= {f"{name}-{budget}": picture for name, picture in drawn.items()}
    write_pictures(study, pictures)
    report = render_study_report(
        study.name,
        config,
        result,
        facts,
        arms={arm: ARMS[arm].description for arm in config.run.arms},
        environment=study.read_environment(),
        stages=add_times(outcomes),
        pictures=pictures.keys(),
    )
    study.write_report(report)
    study.write_study(result)


@task(cache_policy=NO_CACHE, task_run_name="report")
def write_dcgan(folder: PicturesDcgan, config: PicturesConfig, data: Entry, dcgan: Entry) -> None:
    """Fill the folder of a DCGAN of pictures: networks, samples, report."""
    history = store.load_history(dcgan)
    folder.copy_dcgan(dcgan)
    folder.copy_samples(dcgan)
    write_pictures(folder, draw_training(dcgan))
    report = render_dcgan_report(
        folder.name,
        config,
        history,
        image_shape(store.load_images(data)),
        environment=folder.read_environment(),
        stages=[StageTime(entry.label, entry.seconds, entry.reused) for entry in (data, dcgan)],
    )
    folder.write_report(report)


@task(cache_policy=NO_CACHE, task_run_name="report")
def write_anomalies(
    folder: Anomalies, data: Entry, ranked: Entry, left_out: Sequence[LeftOut]
) -> AnomalyResult:
    """Fill the folder of a ranking: the ranking, its evaluation, pictures, report.

    Args:
        folder: Where to write.
        data: The data set.
        ranked: The scores, and how well the detectors find foreign images.
        left_out: How well they find each digit that a discriminator was not shown.
    """
    config = folder.read_config()
    images = store.load_labeled(data, config.part)
    scores = store.load_anomaly_scores(ranked)[config.by]
    order = np.argsort(-scores, kind="stable")
    result = summarize_anomalies(config, data, ranked, left_out)
    measured = {"foreign images": result.foreign, "digits left out": result.left_out}
    pictures = {
        "ranking": galleries.render_ends(images.images[order], "most anomalous", "least anomalous"),
        "evaluation": figures.render_separations({k: v for k, v in measured.items() if v}),
    }
    folder.write_ranking(order, scores, images.labels)
    write_pictures(folder, pictures)
    made = [data, *(entry for pair in left_out for entry in pair), ranked]
    report = render_anomaly_report(
        folder.name,
        config,
        result,
        environment=folder.read_environment(),
        stages=[StageTime(entry.label, entry.seconds, entry.reused) for entry in made],
        pictures=pictures.keys(),
    )
    folder.write_report(report)
    folder.write_anomalies(result)
    return result


def summarize_anomalies(
    config: AnomalyConfig, data: Entry, ranked: Entry, left_out: Sequence[LeftOut]
) -> AnomalyResult:
    """Put together what was measured, and say which detector wins."""
    foreign = store.load_separations(ranked)
    missed = [s for pair in left_out for s in store.load_separations(pair.evaluation)]
    return AnomalyResult(
        dataset=store.load_provenance(data).name,
        part=config.part,
        by=config.by,
        images=len(store.load_labeled(data, config.part)),
        foreign=tuple(foreign),
        left_out=tuple(missed),
        verdict=anomaly.phrase_verdict(foreign, missed),
    )


def write_pictures(folder: ReportFolder, pictures: Mapping[str, bytes]) -> None:
    for name, picture in pictures.items():
        folder.write_figure(name, picture)


def group_by_budget(outcomes: Sequence[Outcome]) -> dict[int, list[Outcome]]:
    """Return the outcomes that have scores, by label budget, the smallest first."""
    groups: dict[int, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.comparison.scores:
            groups.setdefault(outcome.comparison.scores[0].labels, []).append(outcome)
    return dict(sorted(groups.items()))


def gather_facts(outcome: Outcome) -> RunFacts:
    """Read what a report tells of one run beside its scores."""
    pseudo = store.load_pseudo_labels(outcome.pseudo["synthetic"])
    return RunFacts(
        pseudo=summarize_pseudo_labels(pseudo),
        teacher=store.load_teacher(outcome.teacher_calibration),
        teacher_kind=outcome.teacher.kind,
        quality=store.load_quality(outcome.judged) if outcome.judged else None,
    )


def add_times(outcomes: Sequence[Outcome]) -> list[StageTime]:
    """Add up the seconds of all outputs of a label; each output counts once."""
    entries = {entry.identity: entry for outcome in outcomes for entry in outcome.stages}
    totals: dict[str, list[float]] = {}
    for entry in entries.values():
        totals.setdefault(entry.label, []).append(entry.seconds)
    return [
        StageTime(label, sum(seconds), cached=False, outputs=len(seconds))
        for label, seconds in totals.items()
    ]


# ----------------------------------------------------------------------- pictures


def draw_gan(outcome: Outcome) -> Pictures:
    """Draw the DCGAN's training, and what its images are nearest to."""
    pseudo = store.load_pseudo_labels(outcome.pseudo["synthetic"])
    candidates = np.flatnonzero(pseudo.accepted)[:NEIGHBOR_CANDIDATES]
    images, labels = pseudo.images[candidates], pseudo.labels[candidates]
    train = store.load_labeled(outcome.data, "train").images
    places, distances = find_nearest(images, train)
    order = np.argsort(distances, kind="stable")
    closest = order[np.unique(labels[order], return_index=True)[1]]
    return {
        **draw_realness(outcome),
        **draw_training(outcome.dcgan),
        "neighbors": galleries.render_neighbors(
            images[closest], train[places[closest]], distances[closest]
        ),
    }


def draw_training(dcgan: Entry) -> Pictures:
    """Draw a DCGAN's samples and losses on the way."""
    return {
        "training": galleries.render_strip(store.load_sample_grids(dcgan)),
        "gan_history": figures.render_history(store.load_history(dcgan)),
    }


def draw_realness(outcome: Outcome) -> Pictures:
    """Draw the images that the discriminator finds least and most real, if it can say of one."""
    discriminator = store.load_discriminator(outcome.dcgan)
    if anomaly.mixes_images(discriminator):
        return {}
    images = store.load_labeled(outcome.data, LOOKED_AT).images
    order = np.argsort(anomaly.observe(discriminator, images).logits, kind="stable")
    return {"realness": galleries.render_ends(images[order], "least real", "most real")}


def picture_labels(outcomes: Sequence[Outcome], split: Split) -> Pictures:
    """Draw what depends on the label budget; counts are of all outcomes, images of the first."""
    first = outcomes[0]
    pseudo = store.load_pseudo_labels(first.pseudo["synthetic"])
    pictures = {
        "decisions": figures.render_decisions(pseudo),
        "extremes": galleries.render_extremes(pseudo),
        "reliability": figures.render_reliability(collect_calibrations(first, split)),
    }
    comparisons = [outcome.comparison for outcome in outcomes]
    arm = choose_arm(comparisons)
    if arm:
        matrices = add_confusions(comparisons, arm, split)
        pictures["confusion"] = figures.render_confusion(matrices, arm)
        changes = find_changes(first, arm)
        if changes:
            pictures["changes"] = galleries.render_changes(changes)
    return pictures


def choose_arm(comparisons: Sequence[Comparison]) -> ArmName | None:
    """Return the arm to show beside ``original``: ``gan``, or the first there is."""
    scored = {score.arm for comparison in comparisons for score in comparison.scores}
    arms: list[ArmName] = [arm for arm in ARMS if arm in scored]
    others = [arm for arm in arms if arm != "original"]
    return "gan" if "gan" in others else next(iter(others), None)


def collect_calibrations(outcome: Outcome, split: Split) -> dict[str, dict[str, Any]]:
    """Return, by panel and curve, the calibration of the teacher and of every classifier."""
    teacher = store.load_teacher(outcome.teacher_calibration)
    panels = {f"teacher, {LOOKED_AT}": {"as trained": teacher.before}}
    if teacher.temperature != 1:
        panels[f"teacher, {LOOKED_AT}"]["at its temperature"] = teacher.after
    for score in outcome.comparison.scores:
        if score.split == split:
            title = f"{CLASSIFIER_TITLES[score.classifier]}, {split}"
            panels.setdefault(title, {})[score.arm] = score.calibration
    return panels


def add_confusions(
    comparisons: Sequence[Comparison], arm: ArmName, split: Split
) -> dict[str, tuple[NDArray[np.int_], NDArray[np.int_]]]:
    """Add up, by classifier, the confusion matrices of ``original`` and of an arm.

    Only of the draws that have both.
    """
    pairs: dict[str, list[tuple[list[list[int]], list[list[int]]]]] = {}
    for comparison in comparisons:
        found = {(s.classifier, s.arm): s.confusion for s in comparison.scores if s.split == split}
        for classifier, title in CLASSIFIER_TITLES.items():
            if (classifier, arm) in found:
                pair = (found[classifier, "original"], found[classifier, arm])
                pairs.setdefault(title, []).append(pair)
    totals = {title: np.array(both).sum(axis=0) for title, both in pairs.items()}
    return {title: (before, after) for title, (before, after) in totals.items()}


def find_changes(outcome: Outcome, arm: ArmName) -> dict[str, list[Change]]:
    """Return, by heading, the images that an arm gets right where ``original`` does not, and back.

    Headings are of the classifiers that were compared on the arm.
    """
    held_out = store.load_labeled(outcome.data, LOOKED_AT)
    rows: dict[str, list[Change]] = {}
    for classifier in CLASSIFIER_TITLES:
        if (classifier, arm) not in outcome.predictions:
            continue
        before, after = (
            store.load_predictions(outcome.predictions[classifier, name], LOOKED_AT).argmax(axis=1)
            for name in ("original", arm)
        )
        right_before, right_after = before == held_out.labels, after == held_out.labels
        for verb, marked in (
            ("fixed", right_after & ~right_before),
            ("broken", right_before & ~right_after),
        ):
            heading = f"{CLASSIFIER_TITLES[classifier]}: {marked.sum():,} {verb} by {arm}"
            rows[heading] = [
                Change(held_out.images[i], int(before[i]), int(after[i]))
                for i in np.flatnonzero(marked)
            ]
    return rows
