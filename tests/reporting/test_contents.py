"""Folders of data of any kind, filled with what stages have made or would have made."""

import time
from xml.etree import ElementTree

import numpy as np
import pytest

from gan_aug.data.pictures import Pictures, describe_pictures
from gan_aug.evaluation.anomaly import Ranking, Separation
from gan_aug.evaluation.study import summarize_study
from gan_aug.execution import execute_stage
from gan_aug.gan.adversarial import train_dcgan
from gan_aug.gan.formats import DcganFormat
from gan_aug.reporting.contents import fill_anomalies, fill_dcgan, fill_run, fill_study
from gan_aug.reporting.environment import describe_environment
from gan_aug.reporting.folders import Anomalies, PicturesDcgan, Run, Study
from gan_aug.settings.anomalies import AnomalyConfig
from gan_aug.settings.pictures import PicturesConfig
from gan_aug.settings.run import RunConfig
from gan_aug.settings.study import StudyConfig
from gan_aug.stage import Stage
from gan_aug.store.store import Store
from gan_aug.teachers.trust import Trust
from tests.reporting.outcomes import Made, draw_dataset, make_folder, make_outcome

IMAGES = {"changes", "data", "extremes", "neighbors", "realness", "training"}
CHARTS = {"comparison", "confusion", "decisions", "gan_history", "reliability", "trainings"}
DATASETS = {
    "two": {"classes": ("cat", "dog"), "per_class": 30},
    "rgb": {"classes": ("a|b", "*bold*", "$5"), "side": 64, "channels": 3, "per_class": 20},
    "forty-seven": {"classes": tuple(f"letter {n}" for n in range(47)), "side": 28},
}


def names(folder):
    return {path.stem for path in folder.path.glob("*.png")}


def charts(folder):
    """The names of charts without the titles of their panels, each as it begins."""
    return {path.stem.split("-")[0] for path in folder.path.glob("*.svg")}


@pytest.fixture
def begin(tmp_path, cpu):
    """Return a function that opens a folder for a data set."""

    def begin(kind, config, provenance):
        folder = kind.open(tmp_path, "mine", config)
        folder.write_environment(describe_environment(cpu, provenance))
        return folder

    return begin


@pytest.mark.parametrize("kind", DATASETS)
def test_a_run_on_any_images_has_a_whole_folder(begin, tmp_path, kind):
    data = draw_dataset(**DATASETS[kind])
    outcome = make_outcome(tmp_path / "store", data)
    run = begin(Run, RunConfig(), data.provenance)
    fill_run(run, outcome)
    assert (names(run), charts(run)) == (IMAGES, CHARTS)
    report = run.read_report()
    verdict = outcome.comparison.verdict
    assert (
        report.split("**")[1] == verdict[: verdict.index("). ") + 2 if "). " in verdict else None]
    )
    assert f"{len(data.spec.classes)} classes" in report
    assert "digit" not in report
    assert {f"]({path.name})" in report for path in run.path.glob("*.[ps][nv]g")} == {True}
    for chart in run.path.glob("*.svg"):
        assert ElementTree.parse(chart).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    files = {path.name for path in run.path.iterdir()}
    assert {"cnn-gan.keras", "lightgbm-original.txt", "generator.keras", "synthetic.npz"} <= files
    assert {path.name for path in (run.path / "samples").iterdir()} == {
        "step-000500.png",
        "step-001000.png",
        "step-001500.png",
    }
    assert run.read_comparison() == outcome.comparison
    assert {output.loads for output in outcome.stages if output.loads} == {1}
    page = run.page.read_text()
    for name in data.spec.classes[:3]:
        assert f">{name}</" in page or f", {name}, " in page


def test_a_thousand_classes_are_quick_and_make_a_page_of_ordinary_size(begin, tmp_path):
    data = draw_dataset(tuple(f"class {n}" for n in range(1000)), per_class=2)
    outcome = make_outcome(tmp_path / "store", data)
    run = begin(Run, RunConfig(), data.provenance)
    started = time.perf_counter()
    fill_run(run, outcome)
    assert time.perf_counter() - started < 60
    assert run.page.stat().st_size < 2_000_000
    assert len(run.read_report()) < 30_000
    assert (names(run), charts(run)) == (IMAGES, CHARTS)


@pytest.mark.parametrize(
    ("student_error", "said"),
    [
        (0.5, "It learns from the teacher's labels with their full weight."),
        (0.16, "It learns from the teacher's labels with 50% of their weight."),
        (0.1, "It has nothing to learn from the teacher, and is trained without the images"),
    ],
)
def test_the_report_says_how_much_a_classifier_learns_from_the_teacher(
    begin, tmp_path, student_error, said
):
    data = draw_dataset(("cat", "dog"), per_class=20)
    trust = {"cnn": Trust(student_error=student_error, teacher_error=0.12)}
    run = begin(Run, RunConfig(), data.provenance)
    fill_run(run, make_outcome(tmp_path / "store", data, trust=trust))
    errors = f"the teacher gets 12.0% wrong, and the CNN by itself {student_error:.1%}. "
    assert f"Of labels that were held out, {errors}{said}" in run.read_report()


def test_without_accepted_images_there_are_no_neighbors(begin, tmp_path):
    data = draw_dataset(("cat", "dog"), per_class=20)
    outcome = make_outcome(tmp_path / "store", data)
    outcome.pseudo["synthetic"].value.decisions[:] = 1
    run = begin(Run, RunConfig(), data.provenance)
    fill_run(run, outcome)
    assert names(run) == IMAGES - {"neighbors"}
    assert "No image was accepted of 2 classes: cat, dog." in run.read_report()


def test_a_study_has_pictures_for_every_budget(begin, tmp_path):
    data = draw_dataset(("cat", "dog", "bird"), per_class=20)
    outcomes = [make_outcome(tmp_path / str(budget), data, budget=budget) for budget in (1000, 100)]
    scores = [score for outcome in outcomes for score in outcome.comparison.scores]
    result = summarize_study(scores, [], confidence_level=0.95)
    study = begin(Study, StudyConfig(), data.provenance)
    fill_study(study, result, outcomes)
    report = study.read_report()
    assert report.index("## With 100 labels") < report.index("## With 1,000 labels")
    assert {"data", "samples", "changes-100", "extremes-1000"} <= names(study)
    assert {
        "gains-cnn.svg",
        "learning_curves-lightgbm.svg",
        "confusion-100-cnn-gan-images.svg",
        "reliability-1000-teacher-validation.svg",
    } <= {path.name for path in study.path.glob("*.svg")}
    assert study.read_study() == result
    assert report.count("| accuracy | sd, points | balanced accuracy | macro F1 |") == 2
    columns = (study.path / "comparison.csv").read_text().splitlines()[0].split(",")
    assert {"balanced_accuracy", "macro_f1"} <= set(columns)


def test_a_study_of_failures_has_a_report(begin, digits):
    study = begin(Study, StudyConfig(), digits.provenance)
    fill_study(study, summarize_study([], [], confidence_level=0.95), [])
    assert "\n**No GAN arm could be compared" in study.read_report()


def test_a_dcgan_of_pictures_goes_from_the_store_to_a_folder(begin, tmp_path, tiny_dcgan, cpu):
    images = draw_dataset(("any", "other"), side=16, channels=3).train.images
    provenance = draw_dataset(("any", "other"), side=16, channels=3).provenance.model_copy(
        update={"classes": (), "images": {"train": len(images)}}
    )
    store = Store(tmp_path / "store")
    data = execute_stage(describe_pictures(provenance, Pictures(images, provenance)), store)
    stage = Stage(
        "dcgan",
        "DCGAN",
        train_dcgan,
        DcganFormat(),
        settings={"config": tiny_dcgan.model_copy(update={"clusters": 3}), "seed": 0},
        inputs={"images": describe_pictures(provenance).select("images")},
        compute=cpu,
        steps=4,
        trains=True,
        resumable=True,
    )
    dcgan = execute_stage(stage, store)
    config = PicturesConfig(dcgan=tiny_dcgan)
    folder = begin(PicturesDcgan, config, provenance)
    fill_dcgan(folder, config, data, dcgan)
    assert (names(folder), charts(folder)) == ({"samples", "training"}, {"gan_history"})
    samples = {path.name for path in (folder.path / "samples").iterdir()}
    assert samples == {"step-000002.png", "step-000004.png"}
    last = (folder.path / "samples" / "step-000004.png").read_bytes()
    assert (folder.path / "samples.png").read_bytes() == last
    assert "shape 16x16x3 |" in folder.read_report()
    assert (folder.path / "generator.keras").read_bytes()[:2] == b"PK"


def make_separations(kinds):
    detectors = ("logit", "feature-distance", "isolation-forest", "local-outlier-factor")
    return [
        Separation(
            kind=kind,
            detector=detector,
            images=9,
            auroc=0.5 + place / 200,
            low=0.4,
            high=1.0,
            average_precision=0.8,
        )
        for place, kind in enumerate(kinds)
        for detector in detectors
    ]


@pytest.mark.parametrize("left_out", [0, 3, 47])
def test_a_ranking_tells_of_every_class_left_out(begin, tmp_path, left_out):
    data = draw_dataset(tuple(f"a|{n}" for n in range(47)), per_class=2)
    scores = {
        detector: np.arange(len(data.validation), dtype=float)
        for detector in ("logit", "feature-distance", "isolation-forest", "local-outlier-factor")
    }
    store = make_folder(tmp_path / "store")
    ranking = Made(
        Ranking(scores, make_separations(["digits", "noise", "rotated", "inverted"])),
        store,
        "anomalies",
    )
    pairs = [
        (Made(None, store, f"DCGAN without a|{n}"), Made(separations, store, f"without a|{n}"))
        for n in range(left_out)
        for separations in [make_separations([f"class a|{n}"])]
    ]
    folder = begin(Anomalies, AnomalyConfig(source="mine"), data.provenance)
    result = fill_anomalies(folder, Made(data, store, "load"), ranking, pairs)
    assert folder.read_anomalies() == result
    report = folder.read_report()
    assert ("### Each class left out" in report) == bool(left_out)
    assert report.count("| class a\\|") == 2 * min(left_out, 20)
    assert ("`evaluation.csv` has all of them" in report) == (left_out > 20)
    first = (folder.path / "anomalies.csv").read_text().splitlines()[1]
    assert first.startswith(f"{len(data.validation) - 1},")
    assert (names(folder), charts(folder)) == ({"data", "ranking"}, {"evaluation"})
