"""One training at a time on the GPU, whoever started it."""

import contextlib

from prefect.client.orchestration import SyncPrefectClient
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectNotFound

from gan_aug.device import Compute

__all__ = ["limit_gpu", "take_gpu"]

LIMIT = "gan-aug-gpu"


def limit_gpu(client: SyncPrefectClient) -> None:
    """Have the server let one training at a time onto the GPU, unless it has such a limit."""
    try:
        client.read_global_concurrency_limit_by_name(LIMIT)
    except ObjectNotFound:
        client.upsert_global_concurrency_limit_by_name(LIMIT, 1)


def take_gpu(device: Compute | None) -> contextlib.AbstractContextManager[None]:
    """Wait for the GPU if the device is one; nobody waits where the server has no such limit."""
    return concurrency(LIMIT) if device and device.kind == "gpu" else contextlib.nullcontext()
