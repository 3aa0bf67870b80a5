import pytest
from prefect.client.orchestration import get_client

from gan_aug.device import Compute
from gan_aug.flows.server.gpu import LIMIT, limit_gpu, take_gpu


@pytest.fixture
def client():
    with get_client(sync_client=True) as client:
        yield client


def count_taken(client):
    return client.read_global_concurrency_limit_by_name(LIMIT).active_slots


def test_a_gpu_is_taken_by_one_training_at_a_time_and_a_cpu_by_any_number(client):
    for _ in range(2):
        limit_gpu(client)
    assert client.read_global_concurrency_limit_by_name(LIMIT).limit == 1
    for device, taken in ((Compute(kind="gpu"), 1), (Compute(kind="cpu"), 0), (None, 0)):
        with take_gpu(device):
            assert count_taken(client) == taken
        assert count_taken(client) == 0


def test_a_limit_that_an_operator_raised_stays(client):
    client.upsert_global_concurrency_limit_by_name(LIMIT, 2)
    limit_gpu(client)
    assert client.read_global_concurrency_limit_by_name(LIMIT).limit == 2
    client.upsert_global_concurrency_limit_by_name(LIMIT, 1)
