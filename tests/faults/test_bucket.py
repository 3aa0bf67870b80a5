"""A bucket that does not answer as it should: a run goes on, and what it made is kept."""

import threading
import time

import pytest
import s3fs
from buckets import use_bucket
from climbing import describe_climb
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from gan_aug.errors import UserError
from gan_aug.execution import execute_stage
from gan_aug.store import remote
from gan_aug.store.store import Store

BUCKET = "gan-aug-faults"
SECONDS = 60

pytestmark = pytest.mark.fault("Parts that fail")


STATUS = {
    "broken": "500 Broken",
    "forbidden": "403 Forbidden",
    "gone": "404 Gone",
    "late": "500 Late",
}


class Faulty:
    """An S3 server that answers as it is told to.

    Args:
        app: Which answers rightly.
    """

    def __init__(self, app):
        self.app = app
        self.mode = "right"

    def __call__(self, environ, start_response):
        if self.mode == "late":
            time.sleep(3)
        if self.mode == "right":
            return self.app(environ, start_response)
        status = STATUS[self.mode]
        start_response(status, [("Content-Type", "text/plain")])
        return [b"sorry"]


@pytest.fixture(scope="module")
def server():
    """A real S3 API on loopback that can be made to fail."""
    faulty = Faulty(DomainDispatcherApplication(create_backend_app))
    listening = make_server("127.0.0.1", 0, faulty, threaded=True)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    with use_bucket(listening.port, BUCKET):
        yield faulty
    listening.shutdown()


@pytest.fixture(params=list(STATUS))
def mode(request, monkeypatch, whole):
    """How the bucket fails; a late answer is one that nobody waits for."""
    if request.param == "late" and not whole:
        pytest.skip("it is tried by `make faults`")
    waiting = {"connect_timeout": 1, "read_timeout": 1, "retries": {"max_attempts": 1}}
    monkeypatch.setattr(remote, "PATIENCE", {"s3": {"config_kwargs": waiting}})
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    return request.param


def open_store(folder, mode):
    return Store.open(folder, f"s3://{BUCKET}/{folder.name}-{mode}")


def test_a_run_goes_on_where_the_bucket_fails_and_the_next_one_copies_its_outputs(
    tmp_path, server, mode, caplog, tell_matrix
):
    server.mode = "right"
    store = open_store(tmp_path, mode)
    server.mode = mode
    started = time.monotonic()
    made = execute_stage(describe_climb(), store)
    took = time.monotonic() - started
    broken = []
    if made.reused or "the output stays here" not in caplog.text:
        broken.append(f"{caplog.text}")
    if took > SECONDS:
        broken.append(f"it took {took:.0f} s")
    server.mode = "right"
    again = execute_stage(describe_climb(), store)
    other = execute_stage(describe_climb(), Store(tmp_path / "other", store.remote))
    if not (again.reused and other.reused):
        broken.append("the next run did not copy the output")
    tell_matrix(
        f"the bucket is {mode} while a stage is computed",
        "the stage is made, and its output kept here; the next run copies it to the bucket",
        tried=1,
        broken=broken,
    )


def test_a_bucket_that_fails_at_the_start_is_said_in_a_line(tmp_path, server, mode, tell_matrix):
    server.mode = mode
    with pytest.raises(UserError, match=r"^store: expected a folder that can be written at s3://"):
        open_store(tmp_path / "start", mode)
    server.mode = "right"
    tell_matrix(
        f"the bucket is {mode} when a run begins", "one line, exit code 2", tried=1, broken=[]
    )
