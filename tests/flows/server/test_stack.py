"""The monitored stack: a real server and a real worker, started by the command."""

import contextlib
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import threading

import keras
import numpy as np
import psutil
import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_URL, temporary_settings
from stack import (
    COMMAND,
    ROOT,
    check_deployments,
    find_free_port,
    listen,
    start_stack,
    wait_until,
)

from gan_aug.errors import UserError
from gan_aug.flows.server.address import Address
from gan_aug.flows.server.plan import Plan
from gan_aug.flows.server.stack import POOL, PartStarter, describe_server, find_server, tail

GATED = "gan-aug: gated did not pass its gates"


@pytest.fixture
def port():
    return find_free_port()


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


@pytest.fixture
def home(tmp_path):
    """Return where Prefect keeps what it has to remember."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def test_nothing_listens(port):
    assert find_server(Address("127.0.0.1", port)) is None


def test_another_version_is_told_apart(port):
    with listen(port, "1.2.3"), pytest.raises(UserError, match=r"expected Prefect 3.*1\.2\.3"):
        find_server(Address("127.0.0.1", port))


def test_a_port_that_something_else_has_is_refused(port):
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        threading.Thread(target=answer_nonsense, args=(other,), daemon=True).start()
        with pytest.raises(UserError, match="choose another --port"):
            find_server(Address("127.0.0.1", port))


@pytest.mark.slow
def test_a_server_that_obeys_pages_of_other_sites_is_not_used(folder, home, port, tmp_path):
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    environment = os.environ | {"PREFECT_HOME": str(home), "PREFECT_API_URL": ""}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        wait_until(lambda: find_server(Address("127.0.0.1", port)), lambda: server.poll() is None)
        words = ["up", "--port", str(port), "--folder", folder, "--log", tmp_path / "log"]
        done = subprocess.run(
            [COMMAND, *words], env=environment, capture_output=True, text=True, check=False
        )
        server.terminate()
    assert done.returncode == 2
    assert "found one that takes orders from pages of other sites; stop it first" in done.stderr


def answer_nonsense(listener):
    connection, _ = listener.accept()
    connection.sendall(b"220 mail ready\r\n")
    connection.close()


def test_of_a_log_the_last_error_is_told_and_not_the_last_line(tmp_path):
    """The log that a server leaves whose SQLite file something else has locked."""
    log = tmp_path / "log"
    log.write_text(
        "sqlite3.OperationalError: database is locked\n\nThe above exception was the cause:\n"
        "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) database is locked\n"
        "[SQL: BEGIN IMMEDIATE]\nERROR:    Application startup failed. Exiting.\nServer stopped!\n"
    )
    assert re.fullmatch(
        r"sqlalchemy.* database is locked; stop what else writes to it, .*GAN_AUG_DATABASE .*log\)",
        tail(log),
    )
    log.write_text("Starting\n\nServer stopped!\n")
    assert tail(log) == f"Server stopped! (all of it in {log})"


def test_of_what_a_step_prints_the_log_has_what_failed_alone(tmp_path):
    log = tmp_path / "log"
    with log.open("ab") as file:
        start = PartStarter(os.environ, tmp_path, file.fileno(), log)
        start.run("this")
        assert log.read_text() == ""
        with pytest.raises(
            UserError, match=r"calendar --nonsense: expected it to succeed, found: "
        ):
            start.run("calendar", "--nonsense")
    assert "unrecognized arguments: --nonsense" in log.read_text()


def test_it_is_said_where_runs_report_and_that_nobody_works_there(prefect_server, port):
    assert "where nothing is deployed yet; run gan-aug up" in describe_server()
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        assert "where no worker takes scheduled runs; run gan-aug up" in describe_server()
        client.delete_work_pool(POOL)
    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{port}/api"}):
        assert re.search(r"which does not answer \(.+\); run gan-aug up", describe_server())
    with temporary_settings({PREFECT_API_URL: None}):
        assert describe_server().startswith("none (PREFECT_API_URL is not set)")


@pytest.mark.parametrize("what", ["deployments", "automations"])
def test_a_file_that_is_not_there_is_a_user_error(tmp_path, what):
    done = subprocess.run(
        [COMMAND, "up", f"--{what}", tmp_path / "none.yaml", "--log", tmp_path / "log"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"{what}: expected a file at {tmp_path}/none.yaml, found none" in done.stderr


@pytest.mark.slow
def test_the_stack_serves_the_deployments_and_leaves_their_schedules_active(folder, home, port):
    with start_stack(folder, home=home, port=port) as stack:
        check_deployments(stack)
        with stack.connect() as client:
            [automation] = client.read_automations()
        assert automation.name == "gan-aug - run without heartbeat", "nobody is to be notified"
        assert stack.url == f"http://127.0.0.1:{port}"
    assert stack.process.returncode == 0
    assert find_server(Address("127.0.0.1", port)) is None
    with contextlib.closing(sqlite3.connect(home / "prefect.db")) as database:
        active = database.execute("select active from deployment_schedule").fetchall()
    assert active == [(1,), (1,)]


@pytest.mark.slow
def test_what_fails_is_told_and_what_was_killed_goes_on(folder, home, port, tmp_path):
    """One stack after the other, with the same memory: starting them is what takes long."""
    flags = ("--automations", shorten_patience(tmp_path / "automations.yaml"))
    hook = find_free_port()
    secrets = {"GAN_AUG_NOTIFY": f"http://127.0.0.1:{hook}/"}
    config = read_smoke_config()
    config["dcgan"] |= {"steps": 400, "interval": 25}
    with listen(hook) as posted:
        with start_stack(folder, *flags, home=home, port=port, secrets=secrets) as stack:
            flow_run = stack.start_run("augment/smoke", config=config, name="killed")
            stack.wait_until(lambda: find_checkpoints(stack))
            kill_worker(stack)
            wait_until(lambda: stack.process.poll() is not None)
            assert stack.process.returncode == 2
            assert "expected server and worker to go on" in stack.process.stderr.read()
        [checkpoint] = find_checkpoints(stack)
        with start_stack(folder, *flags, home=home, port=port, secrets=secrets) as stack:
            stack.wait_until(lambda: stack.read_state(flow_run).name == "Crashed")
            assert checkpoint.exists()
            retry(stack, flow_run)
            assert stack.wait_for_end(flow_run).is_completed()

            better = stack.artifacts / "runs" / "gated" / "baseline.json"
            baseline = json.loads((stack.artifacts / "runs/killed/baseline.json").read_text())
            baseline["accuracies"] = dict.fromkeys(baseline["accuracies"], 1.0)
            better.parent.mkdir()
            better.write_text(json.dumps(baseline))
            gated = config | {"gates": {"enabled": True}}
            failed = stack.wait_for_end(
                stack.start_run("augment/smoke", config=gated, name="gated")
            )
            assert failed.is_failed()
            assert "gates:" in failed.message
            stack.wait_until(lambda: {"Failed", GATED} <= sort_posts(posted).keys())
    log = (home / "log").read_text()
    assert "started!" in log
    assert "oneDNN" not in log, "what TensorFlow says of itself"
    told = sort_posts(posted)
    assert "gates:" in told["Failed"]
    assert "95% interval up to" in told[GATED]
    assert (stack.artifacts / "runs" / "gated" / "report.html").exists()

    uninterrupted = tmp_path / "uninterrupted"
    run_in_process(config, uninterrupted)
    for name in ("gan_history.csv", "comparison.csv"):
        assert (uninterrupted / "runs" / "killed" / name).read_bytes() == (
            stack.artifacts / "runs" / "killed" / name
        ).read_bytes()
    weights, expected = (
        keras.models.load_model(folder / "runs" / "killed" / "generator.keras").get_weights()
        for folder in (stack.artifacts, uninterrupted)
    )
    for ours, theirs in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def sort_posts(posted):
    """Return what was posted by the last words of its title: the state of a run, or what it did."""
    return {message["title"].rpartition(" is ")[2]: message["text"] for message in posted}


def shorten_patience(automations):
    """Write automations by which a run crashes as soon as a heartbeat is late; return the file."""
    planned = yaml.safe_load(Plan().automations.read_text())
    [silence] = [one for one in planned if "heartbeat" in one["name"]]
    silence["trigger"]["within"] = 35
    automations.write_text(yaml.safe_dump(planned))
    return automations


def read_smoke_config():
    deployments = yaml.safe_load(Plan().deployments.read_text())["deployments"]
    return next(d["parameters"]["config"] for d in deployments if d["name"] == "smoke")


def find_checkpoints(stack):
    return list(stack.artifacts.glob("store/dcgan/*.checkpoint.npz"))


def kill_worker(stack):
    """Kill the worker and what it runs, all at once, as a machine that runs out of memory does."""
    [worker] = [
        child
        for child in psutil.Process(stack.process.pid).children()
        if "worker" in child.cmdline()
    ]
    for process in [worker, *worker.children(recursive=True)]:
        process.kill()


def retry(stack, flow_run):
    """Retry as an operator would."""
    words = [sys.executable, "-m", "prefect", "flow-run", "retry", str(flow_run)]
    done = subprocess.run(
        words,
        env={"PREFECT_API_URL": f"{stack.url}/api", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def run_in_process(config, artifacts):
    """Run the same settings in a process that nothing disturbs."""
    program = (
        "import json, sys; from gan_aug.flows.augment import augment;"
        "from gan_aug.settings.run import RunConfig;"
        "augment(RunConfig(**json.loads(sys.argv[1])), name='killed', artifacts=sys.argv[2])"
    )
    subprocess.run(
        [sys.executable, "-c", program, json.dumps(config), artifacts],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
