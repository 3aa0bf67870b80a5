"""One smoke run on real digits through the real flow, and what it leaves."""

import csv
import errno
import json
import re
import socket
import time
import urllib.error
from urllib.parse import unquote

import keras
import lightgbm
import numpy as np
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
)
from published import read_artifact, told_first
from tiny import TINY_RUN as TINY

from gan_aug.arms import ARMS
from gan_aug.classifiers.cnn import CNN
from gan_aug.classifiers.cnn import predict_probabilities as predict_cnn
from gan_aug.classifiers.lightgbm import predict_probabilities as predict_boosting
from gan_aug.data.dataset import draw_labeled
from gan_aug.errors import GateError, UserError
from gan_aug.flows import gates, stages
from gan_aug.flows.augment import augment
from gan_aug.settings.presets import resolve_config
from gan_aug.teachers.ensemble import average_opinions

CONFIG = resolve_config("smoke", TINY)


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    return tmp_path_factory.mktemp("artifacts")


@pytest.fixture(scope="module")
def state(artifacts):
    return augment(CONFIG, name="tiny", artifacts=str(artifacts), return_state=True)


@pytest.fixture(scope="module")
def run(state):
    return state.result()


def states_of_tasks(flow_run_id):
    """Return the state of each task by the first part of its name.

    Wait for the report's, the last: the server learns of states from events, after the run.
    """
    deadline = time.monotonic() + 30
    states = {}
    while not ("report" in states and all(state and state.is_final() for state in states.values())):
        assert time.monotonic() < deadline, f"still not final: {states}"
        time.sleep(0.05)
        with get_client(sync_client=True) as client:
            task_runs = client.read_task_runs(
                flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
            )
        states = {task_run.name.partition(" · ")[0]: task_run.state for task_run in task_runs}
    return {name: state.name for name, state in states.items()}


def read_table(run):
    with (run.path / "comparison.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_run_leaves_everything_it_promises(run):
    files = {path.relative_to(run.path).as_posix() for path in run.path.rglob("*")}
    assert files == {
        "baseline.json",
        "config.json",
        "environment.json",
        "comparison.csv",
        "comparison.json",
        "gan_history.csv",
        "synthetic.npz",
        "generator.keras",
        "discriminator.keras",
        "cnn-original.keras",
        "cnn-gan.keras",
        "cnn-shift.keras",
        "lightgbm-original.txt",
        "lightgbm-gan.txt",
        "report.md",
        "report.html",
        "run.log",
        "predictions.npz",
        "stages.json",
        "trainings-cnn.svg",
        "trainings-lightgbm.svg",
        "changes.png",
        "data.png",
        "extremes.png",
        "neighbors.png",
        "realness.png",
        "training.png",
        "comparison.svg",
        *(
            f"confusion-{classifier}-{title}.svg"
            for classifier in ("cnn", "lightgbm")
            for title in ("original", "gan-images", "difference")
        ),
        "decisions.svg",
        "gan_history-accuracy.svg",
        "gan_history-loss.svg",
        *(f"reliability-{name}-validation.svg" for name in ("teacher", "cnn", "lightgbm")),
        "samples",
        "samples/step-000002.png",
        "samples/step-000004.png",
    }


def test_the_table_has_a_row_for_each_classifier_arm_and_split(run):
    rows = read_table(run)
    assert {(row["classifier"], row["arm"], row["split"]) for row in rows} == {
        (classifier, arm, split)
        for classifier in ("cnn", "lightgbm")
        for arm in ("original", "gan")
        for split in ("validation", "test")
    }


@pytest.mark.parametrize("arm", ["original", "gan"])
def test_saved_models_score_what_the_table_says(run, digits, arm):
    cnn = keras.models.load_model(run.path / f"cnn-{arm}.keras")
    booster = lightgbm.Booster(model_file=run.path / f"lightgbm-{arm}.txt")
    guesses = {
        "cnn": predict_cnn(cnn, digits.test.images).argmax(1),
        "lightgbm": predict_boosting(booster, digits.test.images).argmax(1),
    }
    for row in read_table(run):
        if (row["arm"], row["split"]) == (arm, "test"):
            accuracy = (guesses[row["classifier"]] == digits.test.labels).mean()
            assert float(row["accuracy"]) == pytest.approx(accuracy)


def test_accepted_images_are_confident_and_labeled_by_the_teacher(run):
    teacher = keras.models.load_model(run.path / "cnn-shift.keras")
    with np.load(run.path / "synthetic.npz") as file:
        probabilities = predict_cnn(teacher, file["images"])
        np.testing.assert_array_equal(file["labels"], probabilities.argmax(1))
        np.testing.assert_allclose(file["confidence"], probabilities.max(1), atol=1e-5)
        assert file["confidence"].min() >= CONFIG.pseudo_labels.confidence_threshold
        n_gan = {int(row["n_train"]) for row in read_table(run) if row["arm"] == "gan"}
        assert n_gan == {100 + len(file["images"])}


def test_what_it_ran_on_is_on_record(run, digits):
    environment = json.loads((run.path / "environment.json").read_text())
    assert environment["device"]["kind"] == "cpu"
    assert environment["versions"]["tensorflow"].startswith("2.")
    assert environment["dataset"]["sha256"] == digits.provenance.sha256
    assert environment["cpu"]["cores"] >= 1


def test_the_report_leads_with_the_verdict_and_shows_only_pictures_that_exist(run):
    report = run.read_report()
    assert told_first(report) == run.read_comparison().verdict
    linked = [unquote(part.split(")")[0]) for part in report.split("](")[1:]]
    assert {"comparison.svg", "comparison.csv", "generator.keras"} <= set(linked)
    assert all((run.path / file).exists() for file in linked)
    assert "--dataset digits --labels 100" in report


def test_the_report_is_a_prefect_artifact_with_its_pictures_inside(run, state):
    report = read_artifact(state, "augment-report").data
    assert told_first(report) == run.read_comparison().verdict
    assert "![Generated images at six steps of the training](data:image/png;base64," in report
    assert report.count("data:image/png;base64,") >= 4
    assert report.count("data:image/svg+xml;base64,") >= 4
    assert all(target.startswith("data:") for target in re.findall(r"\]\(([^)]*)\)", report))
    assert len(report) < 300_000


def test_the_table_is_a_prefect_artifact_of_one_key(run, state):
    rows = json.loads(read_artifact(state, "augment-comparison").data)
    assert len(rows) == len(read_table(run))
    for row, line in zip(rows, read_table(run), strict=True):
        for column in ("accuracy", "balanced_accuracy", "macro_f1"):
            assert row[column] == pytest.approx(float(line[column]), rel=1e-3)
    assert run.page.name in read_artifact(state, "augment-page").data


def test_the_training_shows_how_far_it_is(state):
    progress = read_artifact(state, "dcgan-progress")
    assert progress.data == 100
    assert "4 of 4 steps of the DCGAN" in progress.description


def test_a_run_that_is_worse_than_the_one_before_fails_after_its_report(artifacts, monkeypatch):
    config = resolve_config("smoke", TINY | {"gates": {"enabled": True, "smallest_class_share": 0}})
    run = augment(config, name="gated", artifacts=str(artifacts))
    baseline = run.read_baseline()
    assert set(baseline.accuracies) == {f"{c} {a}" for c in config.classifiers for a in config.arms}
    better = baseline.model_copy(update={"accuracies": dict.fromkeys(baseline.accuracies, 1.0)})
    run.write_baseline(better)
    events = []
    monkeypatch.setattr(gates, "emit_event", lambda name, **facts: events.append((name, facts)))
    with pytest.raises(GateError, match=r"expected an accuracy near the 100\.00%"):
        augment(config, name="gated", artifacts=str(artifacts))
    assert run.read_report()
    [(name, facts)] = events
    assert name == "gan-aug.gate.failed"
    assert {failure["gate"] for failure in facts["payload"]["failures"]} == {"accuracy"}
    assert augment(config, name="gated", artifacts=str(artifacts)).read_baseline() == baseline


def test_a_second_run_reuses_every_stage_and_says_so(run, artifacts):
    state = augment(CONFIG, name="again", artifacts=str(artifacts), return_state=True)
    states = states_of_tasks(state.state_details.flow_run_id)
    assert {name for name, s in states.items() if s != "Cached"} == {"report"}
    assert len(states) == 20
    assert state.result().read_comparison() == run.read_comparison()


def test_the_names_of_tasks_say_how_much_there_is_to_do(state):
    flow_run = FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
    with get_client(sync_client=True) as client:
        names = {task_run.name for task_run in client.read_task_runs(flow_run_filter=flow_run)}
    assert {"load digits", "DCGAN · 4 steps", "CNN, gan · 4 steps"} <= names


def test_another_selection_reuses_the_networks_and_redoes_what_depends_on_it(run, artifacts):
    stricter = TINY | {"pseudo_labels": {"confidence_threshold": 0.1, "per_class": 1}}
    config = resolve_config("smoke", stricter)
    state = augment(config, artifacts=str(artifacts), return_state=True)
    states = states_of_tasks(state.state_details.flow_run_id)
    assert states["DCGAN"] == states["synthesis"] == "Cached"
    assert states["CNN, original"] == states["predictions of LightGBM, original"] == "Cached"
    assert states["pseudo-labels, synthetic"] == states["CNN, gan"] == "Completed"


def test_an_ensemble_with_a_temperature_labels_instead_of_one_network(run, artifacts, digits):
    taught = {"pseudo_labels": {**TINY["pseudo_labels"], "teachers": 2, "calibration_folds": 2}}
    state = augment(
        resolve_config("smoke", TINY | taught), artifacts=str(artifacts), return_state=True
    )
    states = states_of_tasks(state.state_details.flow_run_id)
    assert states["CNN, shift"] == states["DCGAN"] == "Cached"
    assert states["CNN, shift, network 2"] == states["temperature"] == "Completed"
    report = state.result().read_report()
    assert "The teacher, 2 CNNs at temperature" in report
    assert "before the temperature" in report
    folder = state.result().path
    networks = [
        keras.models.load_model(folder / file) for file in ("cnn-shift.keras", "teacher-2.keras")
    ]
    temperature = json.loads((folder / "temperature.json").read_text())
    with np.load(folder / "synthetic.npz") as file:
        opinions = [predict_cnn(network, file["images"]) for network in networks]
        together = average_opinions(opinions, temperature)
        np.testing.assert_allclose(file["probabilities"], together, atol=1e-5)
        assert np.abs(opinions[0] - file["probabilities"]).max() > 1e-3


def test_the_teacher_may_be_the_original_cnn(run, artifacts):
    alone = {"pseudo_labels": {**TINY["pseudo_labels"], "teacher": "original"}}
    config = resolve_config("smoke", TINY | alone)
    finished = augment(config, artifacts=str(artifacts))
    assert not (finished.path / "cnn-shift.keras").exists()
    teacher = keras.models.load_model(finished.path / "cnn-original.keras")
    with np.load(finished.path / "synthetic.npz") as file:
        opinions = predict_cnn(teacher, file["images"])
        np.testing.assert_allclose(file["probabilities"], opinions, atol=1e-5)


def test_the_teacher_may_be_semi_supervised_gans(run, artifacts):
    gans = {"pseudo_labels": {**TINY["pseudo_labels"], "teacher": "sgan", "teachers": 2}}
    config = resolve_config("smoke", TINY | gans)
    state = augment(config, artifacts=str(artifacts), return_state=True)
    states = states_of_tasks(state.state_details.flow_run_id)
    assert states["SGAN 1"] == states["SGAN 2"] == "Completed"
    assert states["CNN, original"] == states["DCGAN"] == "Cached"
    assert not any("shift" in name for name in states)
    finished = state.result()
    assert "The teacher, 2 semi-supervised GANs at temperature" in finished.read_report()
    networks = [keras.models.load_model(finished.path / f"teacher-{n}.keras") for n in (1, 2)]
    with np.load(finished.path / "synthetic.npz") as file:
        opinions = [predict_cnn(network, file["images"]) for network in networks]
        np.testing.assert_allclose(file["probabilities"], average_opinions(opinions), atol=1e-5)
        assert np.abs(opinions[0] - opinions[1]).max() > 1e-3


@pytest.fixture
def answers(monkeypatch):
    """What Keras says when it is asked for MNIST, one after the other."""
    answers = []

    def load_data():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.delenv("GAN_AUG_MNIST", raising=False)
    monkeypatch.setattr(keras.datasets.mnist, "load_data", load_data)
    monkeypatch.setattr(stages.keep_dataset, "retry_delay_seconds", [0, 0, 0])
    return answers


def test_a_download_that_fails_is_tried_again_and_wrong_data_are_not(
    answers, digits, tmp_path, caplog
):
    wrong = tuple((part.images, part.labels) for part in (digits.train, digits.test))
    answers += [OSError("no route to host"), OSError("reset"), wrong, wrong]
    config = resolve_config("smoke", TINY | {"dataset": "mnist"})
    with pytest.raises(UserError, match="expected the arrays of MNIST"):
        augment(config, artifacts=str(tmp_path))
    assert answers == [wrong]
    assert "(no route to host); trying again in 5 s, and for 35 s at most" in caplog.text
    assert "(reset); trying again in 10 s, and for 30 s at most" in caplog.text


@pytest.mark.parametrize(
    "reason", [socket.gaierror(-2, "Name or service not known"), OSError(errno.ENETUNREACH, "x")]
)
def test_a_download_is_not_tried_again_where_there_is_no_network(answers, tmp_path, reason):
    failure = Exception("URL fetch failure")
    failure.__context__ = urllib.error.URLError(reason)
    answers += [failure, failure]
    config = resolve_config("smoke", TINY | {"dataset": "mnist"})
    with pytest.raises(UserError, match="found no way to it"):
        augment(config, artifacts=str(tmp_path))
    assert answers == [failure]


def test_a_training_that_takes_too_long_is_ended_and_goes_on_later(tmp_path, monkeypatch):
    long = {**TINY["dcgan"], "steps": 100_000}
    config = resolve_config("smoke", TINY | {"dcgan": long})
    monkeypatch.setattr(stages, "TRAINING_TIMEOUT", 25.0)
    with pytest.raises(TimeoutError, match=r"timed out after 25\.0 second"):
        augment(config, artifacts=str(tmp_path))
    [checkpoint] = tmp_path.glob("store/dcgan/*.checkpoint.npz")
    assert checkpoint.stat().st_size


def test_more_folds_than_labels_of_a_class_are_refused_before_any_training(tmp_path, monkeypatch):
    monkeypatch.setitem(vars(CNN), "train", None)
    folds = {"labels": 50, "pseudo_labels": {"calibration_folds": 6}}
    with pytest.raises(UserError, match=r"expected at most 5.*found 6"):
        augment(resolve_config("smoke", TINY | folds), artifacts=str(tmp_path))
    assert not (tmp_path / "runs").exists()


def test_a_stage_whose_files_are_gone_is_made_again(run, artifacts):
    for generator in (artifacts / "store" / "dcgan").glob("*/generator.keras"):
        generator.unlink()
    state = augment(CONFIG, name="healed", artifacts=str(artifacts), return_state=True)
    assert states_of_tasks(state.state_details.flow_run_id)["DCGAN"] == "Completed"
    assert state.result().read_comparison() == run.read_comparison()


def test_quality_is_measured_on_demand_and_only_the_judge_is_new(run, artifacts):
    judged = resolve_config("smoke", TINY | {"quality": {"enabled": True, "images": 40}})
    for expected in ("Completed", "Cached"):
        state = augment(judged, name="judged", artifacts=str(artifacts), return_state=True)
        states = states_of_tasks(state.state_details.flow_run_id)
        assert states["judge"] == states["quality"] == expected
        assert states["DCGAN"] == states["synthesis"] == "Cached"
    folder = state.result().path
    found = json.loads((folder / "quality.json").read_text())
    assert found["images"] == 40
    assert found["synthetic"]["frechet_distance"] > found["floor"]["frechet_distance"] > 0
    assert "### How good are the synthetic images?" in (folder / "report.md").read_text()
    assert "How good are the synthetic images?" not in run.read_report()
    assert not (run.path / "quality.json").exists()


def test_runs_of_other_seeds_have_the_same_judge(run, artifacts):
    other = TINY | {"seed": 1, "quality": {"enabled": True, "images": 40}}
    state = augment(resolve_config("smoke", other), artifacts=str(artifacts), return_state=True)
    states = states_of_tasks(state.state_details.flow_run_id)
    assert states["judge"] == "Cached"
    assert states["quality"] == "Completed"
    kept = [json.loads(p.read_text()) for p in (artifacts / "runs").glob("*/quality.json")]
    assert len(kept) == 2
    assert len({found["judge"]["sha256"] for found in kept}) == 1


def test_without_quality_there_is_no_judge(state):
    assert not {"judge", "quality"} & set(states_of_tasks(state.state_details.flow_run_id))


def test_no_synthetic_weight_reproduces_the_original_arm(artifacts):
    config = resolve_config("smoke", TINY | {"augmentation": {"added_share": 0.0}})
    scores = augment(config, artifacts=str(artifacts)).read_comparison().scores
    for score in scores:
        if score.versus_original:
            assert (score.versus_original.gained, score.versus_original.lost) == (0, 0)
            assert score.n_train == 100


def test_every_arm_is_trained_on_what_it_promises_and_the_others_are_reused(run, artifacts):
    config = resolve_config("smoke", TINY | {"arms": list(ARMS)})
    state = augment(config, artifacts=str(artifacts), return_state=True)
    states = states_of_tasks(state.state_details.flow_run_id)
    assert states["CNN, gan"] == states["DCGAN"] == "Cached"
    assert states["CNN, shift"] == "Cached", "it is the teacher"
    assert states["CNN, repeat"] == states["pseudo-labels, pool"] == "Completed"
    rows = read_table(state.result())
    assert {row["arm"] for row in rows} == set(ARMS)
    size = {row["arm"]: int(row["n_train"]) for row in rows}
    assert size["original"] == 100
    assert size["gan"] == size["synthetic_only"] + 100
    assert size["shift"] == size["repeat"] == 100 + CONFIG.synthesis.images
    assert "real_pool" in state.result().read_report()


def test_a_pool_without_unlabeled_images_is_refused_before_any_training(artifacts):
    config = resolve_config("smoke", TINY | {"labels": "all", "arms": ["real_pool"]})
    with pytest.raises(UserError, match="found that all have labels"):
        augment(config, name="never", artifacts=str(artifacts))
    assert not (artifacts / "runs" / "never").exists()


def test_the_labeled_subset_is_the_original_arm(run, artifacts, digits):
    drawn = digits.train.take(draw_labeled(digits.train, 100, seed=0))
    kept = [
        np.load(path)["images"] for path in (artifacts / "store" / "training-set").glob("*/*.npz")
    ]
    assert any(np.array_equal(images, drawn.images) for images in kept)


def test_an_error_leaves_no_run_behind(artifacts):
    config = resolve_config("smoke", TINY | {"labels": 1251})
    with pytest.raises(UserError, match="found 1251"):
        augment(config, name="never", artifacts=str(artifacts))
    assert not (artifacts / "runs" / "never").exists()


def test_the_form_in_the_ui_has_every_field_with_its_description():
    schema = augment.parameters.model_dump()
    definitions = schema["definitions"]
    assert set(definitions["DcganConfig"]["properties"]) == set(type(CONFIG.dcgan).model_fields)
    fields = [f for d in definitions.values() for f in d.get("properties", {}).values()]
    assert len(fields) > 35
    assert all(field.get("description") for field in fields)
