"""Task runs of a process that is gone do not run for ever."""

import datetime
import os
import subprocess
import sys

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import StateType
from prefect.settings import PREFECT_API_URL
from prefect.states import Crashed

from gan_aug.flows.server.orphans import end_orphans

KILLED = """
import os, signal, time
from prefect import flow, task

@task
def train():
    time.sleep(5)  # until the server knows of it
    os.kill(os.getpid(), signal.SIGKILL)

@flow(flow_run_name="killed")
def killed():
    train()

killed()
"""
NOW = datetime.timedelta(0)


def test_task_runs_end_with_a_run_that_crashed_and_not_before(prefect_server, tmp_path):
    (tmp_path / "killed.py").write_text(KILLED)
    subprocess.run(
        [sys.executable, tmp_path / "killed.py"],
        env=os.environ | {"PREFECT_API_URL": PREFECT_API_URL.value()},
        capture_output=True,
        check=False,
    )
    with get_client(sync_client=True) as client:
        [run] = [run for run in client.read_flow_runs() if run.name == "killed"]
        assert run.state.is_running()
        assert read_states(client, run) == [StateType.RUNNING]
        end_orphans(client, settled=NOW)
        assert read_states(client, run) == [StateType.RUNNING], "it may go on"
        client.set_flow_run_state(run.id, Crashed(message="No heartbeat."), force=True)
        end_orphans(client)
        assert read_states(client, run) == [StateType.RUNNING], "it has only just ended"
        assert end_orphans(client, settled=NOW) >= 1
        assert read_states(client, run) == [StateType.CRASHED]
        assert end_orphans(client, settled=NOW) == 0


def read_states(client, run):
    """Return how the task runs of a run are."""
    own = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
    return [task.state.type for task in client.read_task_runs(flow_run_filter=own)]
