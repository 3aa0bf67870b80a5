"""Parts of a stack or a cluster that fail under a run, and what is left of it then."""

import contextlib
import os
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest
from cluster import start_cluster
from postgres import BIN, serve_postgres
from prefect.client.schemas.filters import TaskRunFilter
from stack import find_free_port, start_stack, wait_until
from tiny import TINY_STUDY
from tiny_run import NAME, compute_run, read_results

from gan_aug.flows.study import study
from gan_aug.reporting.folders import Run, list_runs

RUNS = 20
SETTLED = 5
"""Runs after which a process has all that it will keep."""
GROWTH = 1.1
DAYS = 2 * 24 * 3600
PROCESSES = {
    "server": "uvicorn --factory gan_aug.flows.server.guard",
    "worker": "worker start --pool",
}
"""Part of a stack → what its command line has."""

pytestmark = [pytest.mark.fault("Parts that fail"), pytest.mark.slow]


@pytest.fixture(autouse=True)
def _only_in_the_whole_matrix(whole):
    if not whole:
        pytest.skip("it is tried by `make faults`")


@pytest.fixture
def places(tmp_path):
    """A folder that runs work in, and Prefect's home."""
    for name in ("folder", "home"):
        (tmp_path / name).mkdir()
    return tmp_path / "folder", tmp_path / "home"


def read_smoke(stack):
    with stack.connect() as client:
        return client.read_deployment_by_name("augment/smoke").parameters["config"]


def test_a_run_outlives_its_servers_database(places, tell_matrix):
    if BIN is None:
        pytest.skip("no PostgreSQL on this machine")
    folder, home = places
    with serve_postgres() as postgres:
        secrets = {"GAN_AUG_DATABASE": postgres.locate("any")}
        with start_stack(folder, home=home, port=find_free_port(), secrets=secrets) as stack:
            config = read_smoke(stack)
            config["dcgan"] |= {"steps": 600, "interval": 25}
            flow_run = stack.start_run("augment/smoke", config=config, name="outlived")
            checkpoints = stack.artifacts / "store" / "dcgan"
            stack.wait_until(lambda: list(checkpoints.glob("*.checkpoint.npz")))
            postgres.restart()
            stack.wait_until(lambda: has_ended(stack, flow_run))
            state = stack.read_state(flow_run)
            with stack.connect() as client:
                tasks = client.read_task_runs(task_run_filter=TaskRunFilter())
                going_on = [task.name for task in tasks if not task.state.is_final()]
    broken = [] if state.is_completed() else [f"{state.name}: {state.message}"]
    broken += [f"{name} still runs" for name in going_on]
    if not (stack.artifacts / "runs" / "outlived" / "comparison.json").exists():
        broken.append("no comparison is left")
    tell_matrix(
        "PostgreSQL is stopped at once, and started again, while a DCGAN is trained",
        "the run ends with its result, and no task run stays Running",
        tried=1,
        broken=broken,
    )


def has_ended(stack, flow_run):
    """Whether a run has ended; a server that fails meanwhile does not know."""
    try:
        return stack.read_state(flow_run).is_final()
    except httpx.HTTPError:
        return False


def test_a_study_outlives_a_worker(tmp_path, monkeypatch, tell_matrix):
    expected = study(TINY_STUDY, name="one", artifacts=str(tmp_path / "one"))
    scores = (expected.path / "comparison.csv").read_bytes()
    monkeypatch.chdir(tmp_path)
    with start_cluster(tmp_path, workers=2) as address:
        killer = threading.Thread(target=kill_who_trains, args=(tmp_path,))
        killer.start()
        finished = study(TINY_STUDY, name="dask", artifacts=str(tmp_path / "all"), dask=address)
        killer.join()
    same = (finished.path / "comparison.csv").read_bytes() == scores
    tell_matrix(
        "a Dask worker is killed in the middle of a cell",
        "the study finishes with the numbers of one process",
        tried=1,
        broken=[] if same else ["other numbers, or failed cells"],
    )


def kill_who_trains(folder: Path) -> None:
    """Kill a worker, with all of its processes, while it computes."""
    wait_until(lambda: list((folder / "all" / "store").glob("*/*.partial")))
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        with contextlib.suppress(psutil.NoSuchProcess):
            if "distributed.cli.dask_worker" in words and process.cwd() == f"{folder}/worker-0":
                for one in [*process.children(recursive=True), process]:
                    one.kill()


def test_the_clock_may_be_set_back(tmp_path, tell_matrix):
    artifacts, ledger = tmp_path / "artifacts", tmp_path / "ledger"
    compute_run(artifacts, ledger)
    before = read_results(artifacts)
    later = time.time() + DAYS
    for path in artifacts.rglob("*"):
        os.utime(path, (later, later))
    ledger.unlink()
    compute_run(artifacts, ledger)
    broken = [line for line in ledger.read_text().splitlines() if line.endswith("False")]
    if read_results(artifacts) != before:
        broken.append("another result")
    if [run.name for run in list_runs(artifacts)] != [Run(artifacts / NAME).name]:
        broken.append("the list of runs")
    tell_matrix(
        "the clock is set back by two days between two runs",
        "every output is reused",
        tried=1,
        broken=broken,
    )


def test_nothing_grows_over_scheduled_runs(places, tell_matrix):
    folder, home = places
    with start_stack(folder, home=home, port=find_free_port()) as stack:
        config = read_smoke(stack)
        broken, settled = [], {}
        for number in range(RUNS):
            # Another seed, so that every stage is computed.
            state = stack.wait_for_end(
                stack.start_run("augment/smoke", config=config | {"seed": number}, name=None)
            )
            if not state.is_completed():
                broken.append(f"run {number}: {state.message}")
            if number == SETTLED:
                settled = measure(stack)
        ended = measure(stack)
    for process, (memory, files) in ended.items():
        memory_before, files_before = settled.get(process, (0, 0))
        if memory > GROWTH * memory_before or files > files_before + SETTLED:
            broken.append(
                f"{process}: {memory_before >> 20} to {memory >> 20} MiB, "
                f"{files_before} to {files} files"
            )
    left = [path for path in stack.artifacts.rglob("*") if path.name.endswith(".partial")]
    broken += [f"left behind: {path}" for path in left]
    tell_matrix(
        f"{RUNS} scheduled runs in a row, nothing of them cached",
        f"all finish; from the {SETTLED}th on, memory of server and worker grows by less than a "
        "tenth, and neither open files nor temporary ones become more",
        tried=RUNS,
        broken=broken,
    )


def measure(stack):
    """Return memory and open files of the server and the worker."""
    parts = {}
    for process in psutil.Process(stack.process.pid).children(recursive=True):
        words = " ".join(process.cmdline())
        for name, mark in PROCESSES.items():
            if mark in words:
                parts[f"{name} {process.pid}"] = (process.memory_info().rss, process.num_fds())
    assert len(parts) == len(PROCESSES)
    return parts
