"""Runs and studies as a real MLflow server has them: on loopback, in SQLite."""

import contextlib
import csv
import dataclasses
import http.server
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from importlib import metadata
from pathlib import Path

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from stack import find_free_port, wait_until
from tiny import TINY_RUN, TINY_STUDY

from gan_aug.arms import ARMS
from gan_aug.classifiers.rows import flatten_images
from gan_aug.errors import GateError, UserError
from gan_aug.flows.augment import augment
from gan_aug.flows.cli import main
from gan_aug.flows.study import study
from gan_aug.flows.track import try_to
from gan_aug.flows.tracker import connect
from gan_aug.images import to_unit
from gan_aug.reporting.records import Record
from gan_aug.settings.flags import to_flags
from gan_aug.settings.presets import resolve_config

CONFIG = resolve_config(
    "smoke",
    TINY_RUN
    | {
        "arms": ["original", "gan+shift"],
        "classifiers": ["cnn", "lightgbm", "random_forest"],
        "pseudo_labels": TINY_RUN["pseudo_labels"] | {"teacher": "consistency"},
    },
)
STUDY = TINY_STUDY.model_copy(
    update={
        "budgets": (50, 60),
        "run": TINY_STUDY.run.model_copy(update={"arms": ("original", "gan")}),
    }
)
# Without consumers of jobs, of which the server starts eight.
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
PASSWORD = "s3cret-w0rd"


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    return tmp_path_factory.mktemp("artifacts")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Start a tracker; return its address."""
    home, port = tmp_path_factory.mktemp("mlflow"), find_free_port()
    words = ["-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    words += ["--backend-store-uri", f"sqlite:///{home}/mlflow.db"]
    words += ["--artifacts-destination", str(home / "artifacts")]
    address = f"http://127.0.0.1:{port}"
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *words],
            env=os.environ | QUIET,
            cwd=home,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_until(lambda: answers(f"{address}/health"), lambda: process.poll() is None)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@pytest.fixture(autouse=True)
def tracked(server, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)


@pytest.fixture(scope="module")
def client(server):
    return MlflowClient(server)


@pytest.fixture(scope="module")
def run(server, artifacts):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", server)
        return augment(CONFIG, name="tiny", artifacts=str(artifacts))


@pytest.fixture(scope="module")
def folder(server, artifacts):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", server)
        return study(STUDY, name="small", artifacts=str(artifacts))


def search(client, where=""):
    experiment = client.get_experiment_by_name("gan-aug")
    return list(client.search_runs([experiment.experiment_id], where)) if experiment else []


def find(client, name):
    [found] = search(client, f"attributes.run_name = '{name}'")
    return found


def list_children(client, parent):
    return search(client, f"tags.mlflow.parentRunId = '{parent.info.run_id}'")


def list_models(client, run):
    where = f"source_run_id = '{run.info.run_id}'"
    return {m.name: m for m in client.search_logged_models([run.info.experiment_id], where)}


def read_history(client, run, name):
    return [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, name)]


def test_a_run_has_its_settings_by_the_names_of_their_flags(run, client):
    found = find(client, "tiny")
    assert found.info.status == "FINISHED"
    assert found.data.params["dcgan.steps"] == "4"
    assert found.data.params["labels"] == str(run.read_config().labels)
    assert found.data.params["arms"] == "original, gan+shift"
    assert found.data.params["pseudo-labels.confidence-threshold"] == "0.1"
    assert found.data.tags["dataset"] == "digits"
    assert found.data.tags["device"] == "CPU"
    assert found.data.tags["gan-aug"] == metadata.version("gan-aug")
    assert found.data.tags["mlflow.note.content"].startswith(run.read_comparison().verdict)
    assert "gan-aug run --dataset digits" in found.data.tags["mlflow.note.content"]
    [data] = found.inputs.dataset_inputs
    assert data.dataset.name == "digits"


def test_a_run_has_its_scores_and_the_ends_of_their_intervals(run, client):
    metrics = find(client, "tiny").data.metrics
    for score in run.read_comparison().scores:
        place = f"{score.split}/{score.classifier}/{score.arm.replace('+', '_and_')}"
        assert metrics[f"{place}/accuracy"] == score.accuracy
        assert metrics[f"{place}/balanced_accuracy"] == score.balanced_accuracy
        assert metrics[f"{place}/macro_f1"] == score.macro_f1
        assert metrics[f"{place}/log_loss"] == score.log_loss
        for baseline, difference in score.differences.items():
            assert metrics[f"{place}/minus_{baseline}"] == difference.difference
            assert metrics[f"{place}/minus_{baseline}_low"] == difference.low
            assert metrics[f"{place}/minus_{baseline}_high"] == difference.high


def test_a_run_has_the_curves_of_its_trainings(run, client):
    found = find(client, "tiny")
    with (run.path / "gan_history.csv").open() as file:
        rows = [(int(r["step"]), float(r["generator_loss"])) for r in csv.DictReader(file)]
    assert read_history(client, found, "training/DCGAN/generator_loss") == rows
    for training in ("CNN gan_and_shift", "consistency 1"):
        names = {name for name in found.data.metrics if name.startswith(f"training/{training}/")}
        assert names
        for name in names:
            assert [step for step, _ in read_history(client, found, name)][-1] == 4
    encoder = read_history(client, found, "training/encoder/contrastive_loss")
    assert [step for step, _ in encoder][-1] == 2


def test_a_run_has_its_report_with_pictures(run, client, tmp_path):
    found = find(client, "tiny")
    files = {file.path for file in client.list_artifacts(found.info.run_id)}
    assert files >= {"report.html", "report.md", "comparison.csv", "config.json"}
    assert files >= {"comparison.svg", "data.png"}
    path = client.download_artifacts(found.info.run_id, "report.html", str(tmp_path))
    assert Path(path).read_bytes() == run.page.read_bytes()


def test_a_run_has_models_with_signatures_that_predict_the_same(run, client, server, digits):
    mlflow.set_tracking_uri(server)
    models = list_models(client, find(client, "tiny"))
    arms = ("original", "gan+shift")
    cells = {f"{name}-{arm}": arm for name in CONFIG.classifiers for arm in arms}
    assert models.keys() == {*cells, "generator", "teacher-1"}
    images = digits.test.images
    for name in cells:
        inputs = to_unit(images) if name.startswith("cnn") else flatten_images(images)
        model = mlflow.pyfunc.load_model(models[name].model_uri)
        assert model.metadata.signature.inputs.inputs[0].shape[1:] == inputs.shape[1:]
        assert model.metadata.signature.outputs.inputs[0].shape == (-1, 10)
        [score] = [
            s
            for s in run.read_comparison().scores
            if (f"{s.classifier}-{s.arm}", s.split) == (name, "test")
        ]
        guesses = np.asarray(model.predict(inputs)).argmax(1)
        assert (guesses == digits.test.labels).mean() == pytest.approx(score.accuracy)
        scored = {metric.key: metric.value for metric in models[name].metrics}
        place = f"test/{score.classifier}/{score.arm.replace('+', '_and_')}"
        assert scored[f"{place}/accuracy"] == score.accuracy


@pytest.mark.slow
def test_a_generator_needs_no_gan_aug_where_it_is_loaded(run, client, server, tmp_path):
    generator = run.load_generator()
    noise = np.random.default_rng(1).uniform(-1, 1, (5, generator.input_shape[-1]))
    np.save(tmp_path / "noise.npy", noise.astype(np.float32))
    uri = list_models(client, find(client, "tiny"))["generator"].model_uri
    code = (
        "import mlflow, numpy, sys\n"
        f"images = mlflow.pyfunc.load_model({uri!r}).predict(numpy.load('noise.npy'))\n"
        "numpy.save('images.npy', images)\n"
        "print('gan_aug' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | QUIET,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "False", "after what Keras prints of its progress"
    expected = generator.predict_on_batch(noise.astype(np.float32))
    np.testing.assert_allclose(np.load(tmp_path / "images.npy"), expected, atol=1e-6)


def test_no_model_is_a_pickle(run, client):
    for model in list_models(client, find(client, "tiny")).values():
        waiting, files = [""], []
        while waiting:
            inside = client.list_logged_model_artifacts(model.model_id, waiting.pop() or None)
            waiting += [file.path for file in inside if file.is_dir]
            files += [file.path for file in inside if not file.is_dir]
        assert "MLmodel" in files
        assert not [file for file in files if file.endswith((".pkl", ".pickle", ".cloudpickle"))]


def count(client, run):
    """Return how many points each metric has: one a step."""
    histories = {name: read_history(client, run, name) for name in sorted(run.data.metrics)}
    assert all(len(dict(points)) == len(points) for points in histories.values())
    return {name: len(points) for name, points in histories.items()}


def test_a_second_call_of_a_run_adds_nothing(run, client, artifacts):
    before = find(client, "tiny")
    points, models = count(client, before), list_models(client, before)
    augment(CONFIG, name="tiny", artifacts=str(artifacts))
    after = find(client, "tiny")
    assert after.info == before.info
    assert count(client, after) == points
    assert list_models(client, after).keys() == models.keys()
    assert {m.model_id for m in list_models(client, after).values()} == {
        m.model_id for m in models.values()
    }


def test_other_results_of_the_same_question_are_another_run(client):
    record = Record("same", "question", "first", "data", "note", {}, {"dataset": "d"})
    with connect() as session:
        first = session.begin(record, 0)
        session.tell(first, record)
        assert session.begin(record, 0).info.run_id == first.info.run_id
        other = dataclasses.replace(record, results="other")
        assert session.begin(other, 0).info.run_id != first.info.run_id


def test_a_run_that_does_not_pass_its_gates_is_a_failed_one(client, artifacts):
    gates = CONFIG.gates.model_copy(update={"enabled": True, "smallest_class_share": 1.0})
    config = CONFIG.model_copy(update={"gates": gates})
    with pytest.raises(GateError) as failed:
        augment(config, name="gated", artifacts=str(artifacts))
    found = find(client, "gated")
    assert found.info.status == "FAILED"
    assert str(failed.value) in found.data.tags["mlflow.note.content"]
    assert list_models(client, found)


def test_a_study_is_a_run_with_a_nested_one_for_each_of_its_runs(folder, client):
    parent = find(client, "small")
    children = list_children(client, parent)
    assert {child.info.run_name for child in children} == {
        "50 labels, seed 0",
        "50 labels, seed 1",
        "60 labels, seed 0",
    }
    assert {child.info.status for child in (parent, *children)} == {"FINISHED"}
    assert parent.data.params["budgets"] == "50, 60"
    assert "labels" not in parent.data.params
    found = folder.read_study().scores
    scores = {(s.budget, s.seed, s.classifier, s.arm, s.split): s.accuracy for s in found}
    for child in children:
        cell = (int(child.data.params["labels"]), int(child.data.params["seed"]))
        accuracy = child.data.metrics["test/lightgbm/gan/accuracy"]
        assert accuracy == scores[*cell, "lightgbm", "gan", "test"]
        assert child.data.metrics["training/DCGAN/generator_loss"]
    files = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert files >= {"report.html", "report.md", "data.png"}
    assert [name for name in files if name.startswith("learning_curves") and name.endswith(".svg")]


def test_a_study_has_its_means_by_number_of_labels(folder, client):
    means = {
        cell.budget: cell
        for cell in folder.read_study().summaries
        if (cell.classifier, cell.arm, cell.split) == ("cnn", "gan", "test")
    }
    parent = find(client, "small")
    for name, read in {
        "accuracy": lambda cell: cell.accuracy,
        "minus_original_low": lambda cell: cell.versus_original.low,
    }.items():
        expected = [(budget, read(means[budget])) for budget in (50, 60)]
        assert read_history(client, parent, f"test/cnn/gan/{name}") == expected


def test_a_second_call_of_a_study_adds_nothing(folder, client, artifacts):
    def describe():
        parent = find(client, "small")
        return {
            run.info.run_id: (run.info.end_time, count(client, run))
            for run in (parent, *list_children(client, parent))
        }

    before = describe()
    study(STUDY, name="small", artifacts=str(artifacts))
    assert describe() == before


def test_a_study_whose_failed_cell_is_mended_stays_one_run(client, artifacts, monkeypatch):
    config = STUDY.model_copy(update={"budgets": (55,), "draws": (1,)})
    build = ARMS["gan"].build

    def fail(material):
        raise RuntimeError("out of luck")

    monkeypatch.setitem(vars(ARMS["gan"]), "build", fail)
    study(config, name="broken", artifacts=str(artifacts))
    parent = find(client, "broken")
    [child] = list_children(client, parent)
    assert (parent.info.status, child.info.status) == ("FAILED", "FAILED")
    assert "out of luck" in child.data.tags["mlflow.note.content"]
    assert parent.data.metrics["failed_cells"] == 2

    monkeypatch.setitem(vars(ARMS["gan"]), "build", build)
    study(config, name="broken", artifacts=str(artifacts))
    mended = find(client, "broken")
    [child] = list_children(client, mended)
    assert mended.info.run_id == parent.info.run_id
    assert (mended.info.status, child.info.status) == ("FINISHED", "FINISHED")
    assert mended.data.metrics["failed_cells"] == 0
    assert "test/cnn/gan/accuracy" in mended.data.metrics


@contextlib.contextmanager
def pass_on(server, most):
    """Yield the address of a proxy that dies after some requests, and what revives it."""
    left = [most]

    class Proxy(http.server.BaseHTTPRequestHandler):
        def answer(self):
            left[0] -= 1
            if left[0] < 0:
                self.connection.close()
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
            headers = {"Content-Type": self.headers.get("Content-Type", "application/json")}
            asked = urllib.request.Request(server + self.path, body, headers, method=self.command)
            try:
                with urllib.request.urlopen(asked) as response:
                    status, content = response.status, response.read()
            except urllib.error.HTTPError as error:
                status, content = error.code, error.read()
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments):
            """Stay silent."""

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Proxy, f"do_{method}", Proxy.answer)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{proxy.server_port}", lambda: left.append(left.pop() + 10_000)
        proxy.shutdown()


@pytest.fixture
def impatient(monkeypatch, caplog):
    """Ask once; return what is said of tracking meanwhile."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    caplog.set_level(logging.INFO, logger="gan_aug.flows")
    return lambda: [message for message in caplog.messages if message.startswith("tracking:")]


def test_a_tracker_that_dies_midway_is_told_the_rest_by_the_next_call(
    run, client, server, artifacts, impatient, monkeypatch
):
    with pass_on(server, most=16) as (dying, revive):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", dying)
        again = augment(CONFIG, name="dies", artifacts=str(artifacts))
        assert again.read_comparison() == run.read_comparison()
        assert impatient() == [
            f"tracking: dies: report and models not logged to {dying}: nothing answers there; the "
            "same command tries it again"
        ]
        begun = find(client, "dies")
        assert begun.info.status == "RUNNING"
        revive()
        augment(CONFIG, name="dies", artifacts=str(artifacts))
    ended = find(client, "dies")
    assert (ended.info.run_id, ended.info.status) == (begun.info.run_id, "FINISHED")
    whole = find(client, "tiny")
    assert count(client, ended) == count(client, whole)
    assert list_models(client, ended).keys() == list_models(client, whole).keys()


@pytest.mark.parametrize("silent", [False, True], ids=["closed", "silent"])
def test_a_tracker_that_is_down_costs_a_line(run, artifacts, impatient, monkeypatch, silent):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if silent:
            listener.listen()
            monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:{PASSWORD}@{address}")
        again = augment(CONFIG, name="tiny", artifacts=str(artifacts))
    assert again.read_comparison() == run.read_comparison()
    reason = "it takes too long to answer" if silent else "nothing answers there"
    assert impatient() == [
        f"tracking: tiny: settings and metrics and report and models not logged to "
        f"http://{address}: {reason}; the same command tries it again"
    ]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (f"nonsense://me:{PASSWORD}@host/x?key={PASSWORD}", "nonsense://host/x"),
        (f"http://me:{PASSWORD}@[", "http://["),
        (f"me:{PASSWORD}@host", "the address in MLFLOW_TRACKING_URI"),
        ("http://", "http://"),
        ("sqlite:////dev/null/mlflow.db", "sqlite:////dev/null/mlflow.db"),
    ],
)
def test_an_address_that_is_none_costs_a_line(monkeypatch, tmp_path, impatient, address, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    try_to(lambda session, attempt: None, "tiny", ["report"], seconds=60)
    [line] = impatient()
    assert line.startswith(f"tracking: tiny: report not logged to {name}: ")
    assert len(line.splitlines()) == 1
    assert PASSWORD not in line


def test_a_password_in_the_address_is_shown_nowhere(
    run, client, server, artifacts, caplog, capfd, monkeypatch
):
    caplog.set_level(logging.DEBUG)
    address = server.removeprefix("http://")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:{PASSWORD}@{address}")
    quiet = augment(CONFIG, name="quiet", artifacts=str(artifacts))
    assert f"tracking: quiet: logged to {server}" in caplog.messages
    told = find(client, "quiet")
    seen = [*caplog.messages, *capfd.readouterr(), json.dumps(told.to_dictionary())]
    seen += [file.read_bytes().decode(errors="replace") for file in quiet.path.glob("*.[hjm]*")]
    assert not [text for text in seen if PASSWORD in text]


def test_nothing_is_told_without_a_tracker_or_if_none_is_asked_for(
    run, client, artifacts, monkeypatch
):
    before = len(search(client))
    augment(CONFIG, name="untold", artifacts=str(artifacts), track="none")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    augment(CONFIG, name="untold", artifacts=str(artifacts))
    assert len(search(client)) == before


def test_the_default_tracker_is_mlflows_own_in_the_working_directory(
    run, artifacts, tmp_path, monkeypatch
):
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(None)
    augment(CONFIG, name="here", artifacts=str(artifacts), track="mlflow")
    assert find(MlflowClient(f"sqlite:///{tmp_path}/mlflow.db"), "here").info.status == "FINISHED"


def test_the_command_tells_the_tracker_and_prints_nothing_of_mlflows(run, client, artifacts, capfd):
    words = ["run", *to_flags(CONFIG), "--name", "command", "--artifacts", str(artifacts)]
    with pytest.raises(SystemExit) as stop:
        main([*words, "--track", "mlflow"])
    assert stop.value.code == 0
    out, err = capfd.readouterr()
    assert find(client, "command").info.status == "FINISHED"
    assert "tracking: command: logged to" in " ".join(err.split())
    for noise in ("View run", "🏃", "Endpoint", "Saved artifact", "MLflow", "it/s", "Warning"):
        assert noise not in out + err


def test_without_mlflow_the_flag_is_refused_and_the_variable_warns(
    run, artifacts, tmp_path, monkeypatch, caplog, capsys
):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(SystemExit) as stop:
        main(["run", "--track", "mlflow", "--artifacts", str(tmp_path / "no")])
    assert stop.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "expected mlflow to be installed, found none; install gan-aug[mlflow]" in line
    assert not (tmp_path / "no").exists()
    with pytest.raises(UserError, match=r"install gan-aug\[mlflow\]"):
        augment(CONFIG, artifacts=str(tmp_path / "no"), track="mlflow")
    augment(CONFIG, name="alone", artifacts=str(artifacts))
    [warning] = [message for message in caplog.messages if message.startswith("tracking:")]
    assert "MLFLOW_TRACKING_URI is set, and mlflow is not installed" in warning
