"""A study on several processes and on several hosts has the numbers of one on its own."""

import os
import shutil

import pytest
from buckets import use_bucket
from cluster import start_cluster
from moto.server import ThreadedMotoServer
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    LogFilter,
    LogFilterFlowRunId,
)
from stack import find_free_port, wait_until
from tiny import TINY_STUDY

from gan_aug.errors import UserError
from gan_aug.flows.study import study

BUCKET = "gan-aug-test"
DRAWS = 2
RUNS = 3


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The scores of the study in one process."""
    folder = study(TINY_STUDY, name="one", artifacts=str(tmp_path_factory.mktemp("one")))
    return read_scores(folder)


@pytest.fixture(scope="module")
def bucket():
    """Serve S3 on loopback, and return the URL of a store in a bucket of it."""
    port = find_free_port()
    server = ThreadedMotoServer("127.0.0.1", port)
    server.start()
    with use_bucket(port, BUCKET):
        yield f"s3://{BUCKET}/store"
    server.stop()


def read_scores(folder):
    return (folder.path / "comparison.csv").read_bytes()


def read_logs(flow_run_id):
    log_filter = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[flow_run_id]))
    with get_client(sync_client=True) as client:
        return [log.message for log in client.read_logs(log_filter)]


def read_task_runs(flow_run_id):
    """Return the runs of tasks, once all have ended: the server learns of it from events."""
    found = []

    def have_ended():
        with get_client(sync_client=True) as client:
            found[:] = client.read_task_runs(
                flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
            )
        return any(one.name == "report" for one in found) and all(
            one.state and one.state.is_final() for one in found
        )

    wait_until(have_ended)
    return found


@pytest.mark.slow
def test_processes_have_the_numbers_of_one_and_are_seen_in_the_ui(expected, tmp_path):
    state = study(TINY_STUDY, name="two", artifacts=str(tmp_path), workers=2, return_state=True)
    assert read_scores(state.result()) == expected
    assert len(list((tmp_path / "store" / "dcgan").glob("*/manifest.json"))) == DRAWS
    flow_run = state.state_details.flow_run_id
    names = [one.name.partition(" · ")[0] for one in read_task_runs(flow_run)]
    assert names.count("run") == RUNS
    assert names.count("DCGAN") == RUNS + DRAWS
    wait_until(lambda: any("DCGAN: step 2 of 2" in line for line in read_logs(flow_run)))
    lines = state.result().log.read_text().splitlines()
    trained = {line.split()[2] for line in lines if "DCGAN: step 2 of 2" in line}
    assert trained, "lines of other processes are in the log too"
    assert str(os.getpid()) not in trained
    assert "finished in" in lines[-1]


@pytest.mark.slow
def test_hosts_that_share_a_bucket_have_the_numbers_of_one(expected, tmp_path, monkeypatch, bucket):
    """Relative to their own folders, the workers have artifacts of their own, as on other hosts."""
    monkeypatch.chdir(tmp_path)
    with start_cluster(tmp_path, workers=2) as address:
        cluster = study(TINY_STUDY, name="dask", artifacts="artifacts", store=bucket, dask=address)
        assert read_scores(cluster) == expected
    made = [
        len(list(tmp_path.glob(f"{place}/artifacts/store/cnn/*/")))
        for place in ("worker-0", "worker-1")
    ]
    assert all(made), "both worked"

    shutil.rmtree("artifacts")
    state = study(TINY_STUDY, name="later", artifacts="artifacts", store=bucket, return_state=True)
    assert read_scores(state.result()) == expected
    messages = [one.state.message for one in read_task_runs(state.state_details.flow_run_id)]
    assert "DCGAN: cached" in messages
    assert not [message for message in messages if message and ": done in" in message]


@pytest.mark.slow
def test_a_draw_whose_dcgan_fails_elsewhere_says_why(tmp_path):
    rates = {"generator_learning_rate": 1e30, "discriminator_learning_rate": 1e30}
    dcgan = TINY_STUDY.run.dcgan.model_copy(update=rates)
    run = TINY_STUDY.run.model_copy(update={"dcgan": dcgan})
    config = TINY_STUDY.model_copy(update={"budgets": (50,), "draws": (1,), "run": run})
    [failure] = study(config, artifacts=str(tmp_path), workers=2).read_study().failures
    assert failure.message.startswith("TrainingDivergedError: ")
    assert (failure.budget, failure.classifier, failure.arm) == (50, None, None)


def test_a_cluster_that_does_not_answer_is_refused_before_any_training(tmp_path):
    address = f"tcp://127.0.0.1:{find_free_port()}"
    with pytest.raises(UserError, match=f"dask: expected a scheduler at {address}"):
        study(TINY_STUDY, name="never", artifacts=str(tmp_path), dask=address)
    assert not list(tmp_path.glob("store/cnn"))


def test_a_bucket_that_does_not_exist_is_refused_before_anything(tmp_path, bucket):
    with pytest.raises(UserError, match=r"expected a folder that can be written at s3://of-nob"):
        study(TINY_STUDY, artifacts=str(tmp_path), store="s3://of-nobody/store")
    assert list(tmp_path.iterdir()) == []
