"""Task runs whose flow run ended without them: who is killed does not say how they end."""

import datetime
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import TERMINAL_STATES, State, StateType
from prefect.states import Crashed

__all__ = ["end_orphans"]

# What a task run says of itself may come later than what its flow run says.
SETTLED = datetime.timedelta(minutes=1)


def end_orphans(client: SyncPrefectClient, *, settled: datetime.timedelta = SETTLED) -> int:
    """Call task runs crashed that seem to run, and whose flow run has ended.

    Args:
        client: Of the server.
        settled: How long ago the flow run must have ended.

    Returns:
        How many there were.
    """
    ended = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(TERMINAL_STATES))),
        end_time=FlowRunFilterEndTime(before_=datetime.datetime.now(datetime.UTC) - settled),
    )
    going_on = TaskRunFilter(
        state=TaskRunFilterState(
            type=TaskRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING])
        )
    )
    orphans = client.read_task_runs(flow_run_filter=ended, task_run_filter=going_on)
    for orphan in orphans:
        state: State[Any] = Crashed(
            message="Its run ended without it; a retry goes on where it was."
        )
        client.set_task_run_state(orphan.id, state, force=True)
    return len(orphans)
