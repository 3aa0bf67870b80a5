"""A ranking of real digits through the real flow and command, and what it leaves."""

import csv
import json
import shutil
import time

import numpy as np
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
)
from published import read_artifact, told_first
from sources import load
from tiny import TINY_RUN

from benchmarks.anomalies import MeasuredRanking, gather
from gan_aug.errors import UserError
from gan_aug.evaluation import anomaly
from gan_aug.evaluation.anomaly import observe
from gan_aug.flows.anomalies import anomalies
from gan_aug.gan.adversarial import train_dcgan
from gan_aug.gan.networks import build_discriminator, build_generator
from gan_aug.reporting.folders import Run, load_network
from gan_aug.settings.anomalies import AnomalyConfig
from gan_aug.settings.flags import to_source_flags
from gan_aug.settings.presets import resolve_config

CONFIG = resolve_config("smoke", TINY_RUN)
CLASSES = 3
SHAPE = (28, 28, 1)
DETECTORS = ["logit", "feature-distance", "isolation-forest", "local-outlier-factor"]


@pytest.fixture(scope="module", autouse=True)
def few_trainings():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(anomaly, "RESAMPLES", 50)
        yield


@pytest.fixture(scope="module")
def few(tmp_path_factory, digits):
    """The path of real images of few classes, so that leaving each out takes few trainings."""
    path = tmp_path_factory.mktemp("data") / "few.npz"
    arrays = {}
    for part, labeled in (("train", digits.train), ("test", digits.test)):
        chosen = labeled.take(np.flatnonzero(labeled.labels < CLASSES))
        arrays |= {f"x_{part}": chosen.images, f"y_{part}": chosen.labels}
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def data(few):
    return load(few)


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory, data, few, cpu):
    """A run of which there is nothing but its settings and its discriminator."""
    artifacts = tmp_path_factory.mktemp("artifacts")
    run = Run.open(artifacts, "tiny", CONFIG.model_copy(update={"dataset": str(few)}))
    trained = train_dcgan(data.train.images, CONFIG.dcgan, seed=0, compute=cpu)
    trained.discriminator.save(run.discriminator)
    return artifacts


@pytest.fixture(scope="module")
def config():
    return AnomalyConfig(source="tiny", leave_one_out=True, steps=2)


@pytest.fixture(scope="module")
def state(artifacts, config):
    return anomalies(config, name="ranked", artifacts=str(artifacts), return_state=True)


@pytest.fixture(scope="module")
def folder(state):
    return state.result()


def read_rows(folder, name):
    with (folder.path / name).open() as file:
        return list(csv.DictReader(file))


def states_of_tasks(flow_run_id):
    """Return the state of each task by its name, once the last has ended."""
    deadline = time.monotonic() + 30
    states = {}
    while not ("report" in states and all(s and s.is_final() for s in states.values())):
        assert time.monotonic() < deadline, f"still not final: {states}"
        time.sleep(0.05)
        with get_client(sync_client=True) as client:
            task_runs = client.read_task_runs(
                flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
            )
        states = {task_run.name: task_run.state for task_run in task_runs}
    return {name: state.name for name, state in states.items()}


def test_the_ranking_leaves_everything_it_promises(folder):
    assert {path.name for path in folder.path.iterdir()} == {
        "anomalies.csv",
        "anomalies.json",
        "config.json",
        "environment.json",
        "evaluation.csv",
        "data.png",
        "evaluation-foreign-images.svg",
        "evaluation-classes-left-out.svg",
        "ranking.png",
        "report.html",
        "report.md",
        "run.log",
        "stages.json",
    }


def test_the_table_has_every_image_once_with_its_label_the_most_anomalous_first(folder, data):
    rows = read_rows(folder, "anomalies.csv")
    assert list(rows[0]) == ["index", "score", "label", "class"]
    places = [int(row["index"]) for row in rows]
    assert sorted(places) == list(range(len(data.validation)))
    labels = [int(row["label"]) for row in rows]
    np.testing.assert_array_equal(labels, data.validation.labels[places])
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True)


def test_report_and_table_are_prefect_artifacts(state, folder):
    report = read_artifact(state, "anomalies-report").data
    assert told_first(report) == folder.read_anomalies().verdict
    rows = json.loads(read_artifact(state, "anomalies-comparison").data)
    assert [row["kind"] for row in rows] == [
        row["kind"] for row in read_rows(folder, "evaluation.csv")
    ]
    assert folder.page.name in read_artifact(state, "anomalies-page").data


def test_rankings_are_gathered_for_the_readme(folder, artifacts, tmp_path):
    gather("ranked", artifacts=artifacts, root=tmp_path)
    rankings = json.loads((tmp_path / "artifacts" / "anomalies.json").read_text())
    [ranking] = [MeasuredRanking.model_validate(ranking) for ranking in rankings]
    assert ranking.result == folder.read_anomalies()
    assert ranking.flags == ["tiny", "--leave-one-out", "--steps", "2"]


def test_by_the_logit_the_least_real_comes_first(artifacts, data):
    config = AnomalyConfig(source="tiny", by="logit")
    ranked = anomalies(config, artifacts=str(artifacts))
    logits = observe(
        load_network(Run(artifacts / "runs" / "tiny").discriminator, "discriminator"),
        data.validation.images,
    )
    for row in read_rows(ranked, "anomalies.csv"):
        expected = -logits.logits[int(row["index"])]
        assert float(row["score"]) == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_every_detector_is_measured_on_every_kind(folder):
    rows = read_rows(folder, "evaluation.csv")
    kinds = ["digits", "noise", "rotated", "inverted", *(f"class {n}" for n in range(CLASSES))]
    assert [(row["kind"], row["detector"]) for row in rows] == [
        (kind, detector) for kind in kinds for detector in DETECTORS
    ]
    assert all(0 <= float(row["low"]) <= float(row["auroc"]) <= 1 for row in rows)


def test_the_report_leads_with_the_verdict_and_shows_only_pictures_that_exist(folder):
    result, report = folder.read_anomalies(), folder.read_report()
    assert told_first(report) == result.verdict
    assert "### Each class left out" in report
    assert "for 2 steps" in report
    pictures = [part.split(")")[0] for part in report.split("](")[1:]]
    assert {name for name in pictures if name.endswith(("png", "svg"))} == {
        "data.png",
        "ranking.png",
        "evaluation-foreign-images.svg",
        "evaluation-classes-left-out.svg",
    }
    page = folder.page.read_text()
    assert page.count("data:image/png;base64,") == 2
    assert page.count('<svg role="img" aria-label="AUROC') == 2
    assert "gan-aug anomalies tiny --leave-one-out --steps 2" in page
    rows = [line for line in report.splitlines() if line.startswith("| class 2 |")]
    assert [row.count("|") for row in rows] == [7, 6]


def test_a_second_ranking_reuses_every_stage(state, folder, artifacts, config):
    again = anomalies(config, name="again", artifacts=str(artifacts), return_state=True)
    states = states_of_tasks(again.state_details.flow_run_id)
    assert {name for name, s in states.items() if s != "Cached"} == {"report"}
    assert len(states) == 3 + 2 * CLASSES
    assert "DCGAN without 2 · 2 steps" in states
    assert again.result().read_anomalies() == folder.read_anomalies()


def test_training_images_and_a_file_without_a_run_are_ranked(call, artifacts, digits):
    file = artifacts / "runs" / "tiny" / "discriminator.keras"
    words = [str(file), "--dataset", "digits", "--part", "train", "--by", "local-outlier-factor"]
    code, out, _ = call("anomalies", *words, "--name", "from-file")
    assert code == 0
    assert out.splitlines()[-1] == str(artifacts / "anomalies" / "from-file")
    assert out.splitlines()[0].split() == ["AUROC", *DETECTORS]
    with (artifacts / "anomalies" / "from-file" / "anomalies.csv").open() as rows:
        assert len(rows.readlines()) == len(digits.train) + 1


def test_json_leaves_stdout_to_json(call):
    code, out, err = call("anomalies", "tiny", "--json")
    assert code == 0
    result = json.loads(out)
    assert result["verdict"] in err
    assert (result["by"], result["part"]) == ("feature-distance", "validation")


def nothing(_folder, _config):
    return "nowhere.keras"


def nonsense(folder, _config):
    (folder / "nonsense.keras").write_bytes(b"nonsense")
    return str(folder / "nonsense.keras")


def generator(folder, config):
    build_generator(config.dcgan, SHAPE).save(folder / "generator.keras")
    return str(folder / "generator.keras")


def untrained(folder, config):
    build_discriminator(config.dcgan, SHAPE).save(folder / "untrained.keras")
    return str(folder / "untrained.keras")


@pytest.mark.parametrize(
    ("source", "words", "message"),
    [
        ("gone", [], "run: expected one of the runs in"),
        (nothing, ["--dataset", "digits"], "expected a trained discriminator, found none"),
        (nonsense, ["--dataset", "digits"], "expected a discriminator of gan-aug, found"),
        (nonsense, [], "dataset: expected the data set to rank, found none"),
        (nonsense, ["--dataset", "digits", "--leave-one-out"], "leave-one-out: expected a run"),
        (generator, ["--dataset", "digits"], "expected a network that takes images of shape"),
        (untrained, ["--dataset", "digits"], "found one with the weights it began with"),
        ("tiny", ["--dataset", "/nowhere.npz"], "found nothing there"),
        ("tiny", ["--steps", "3"], "steps: expected --leave-one-out"),
        ("tiny", ["--leave-one-out", "--steps", "0"], "steps"),
        ("tiny", ["--part", "all"], "part"),
        ("tiny", ["--by", "magic"], "by"),
        ("tiny", ["--name", "../up"], "expected letters"),
    ],
)
def test_bad_input_is_one_line_and_code_2(call, artifacts, tmp_path, source, words, message):
    named = source if isinstance(source, str) else source(tmp_path, CONFIG)
    name = [] if "--name" in words else ["--name", "never"]
    code, out, err = call("anomalies", named, *words, *name)
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    [line] = [line for line in err.splitlines() if line.startswith("gan-aug: ")]
    assert message in line
    assert not (artifacts / "anomalies" / "never").exists()


def test_data_of_another_shape_are_refused(call, artifacts, tmp_path):
    images, labels = np.zeros((100, 32, 32), np.uint8), np.arange(100) % 10
    arrays = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    np.savez(tmp_path / "large.npz", **arrays)
    code, _, err = call(
        "anomalies", "tiny", "--dataset", str(tmp_path / "large.npz"), "--name", "never"
    )
    assert code == 2
    assert "(28, 28, 1)" in err
    assert not (artifacts / "anomalies" / "never").exists()


def test_an_unfinished_run_is_refused(artifacts):
    Run.open(artifacts, "unfinished", CONFIG)
    with pytest.raises(UserError, match="expected a trained discriminator, found none; finish"):
        anomalies(AnomalyConfig(source="unfinished"), artifacts=str(artifacts))
    shutil.rmtree(artifacts / "runs" / "unfinished")


def test_a_name_taken_by_other_settings_is_refused(folder, artifacts):
    other = AnomalyConfig(source="tiny", by="logit")
    with pytest.raises(UserError, match="choose another --name"):
        anomalies(other, name="ranked", artifacts=str(artifacts))


def test_the_words_in_the_report_say_what_differs_from_the_defaults():
    assert to_source_flags(AnomalyConfig(source="a run")) == ["a run"]
    config = AnomalyConfig(source="x.keras", dataset="mnist", part="test", leave_one_out=True)
    expected = ["x.keras", "--dataset", "mnist", "--part", "test", "--leave-one-out"]
    assert to_source_flags(config) == expected
