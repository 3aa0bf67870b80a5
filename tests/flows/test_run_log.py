"""``run.log`` has the lines of its run, and of no other."""

import logging
import os
import re
import resource
import threading

import pytest

from gan_aug.errors import GateError, UserError
from gan_aug.flows.run_log import RunLog, keep_log, log_into
from gan_aug.reporting.folders import Run
from gan_aug.settings.run import RunConfig

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d{4} \d+ (?P<line>[A-Z]+ .*)")
OURS = logging.getLogger("gan_aug.flows.stages")


@pytest.fixture(autouse=True)
def nothing_listens_on():
    yield
    assert not [one for one in logging.getLogger().handlers if isinstance(one, RunLog)]


def open_run(folder, name="tiny"):
    return Run.open(folder, name, RunConfig())


def read_lines(run):
    """Return level and message of each line; a line of a traceback as it is."""
    lines = run.log.read_text().splitlines()
    return [found["line"] if (found := LINE.fullmatch(line)) else line for line in lines]


@keep_log
def work(folder, *, name="tiny", during=lambda: None):
    """Log before and after the folder is known."""
    OURS.info("load: done in %.1f s", 0.5)
    run = open_run(folder, name)
    log_into(run)
    during()
    OURS.info("DCGAN: cached")
    return run


def test_it_begins_before_the_folder_is_known_and_says_how_the_run_ended(tmp_path):
    run = work(tmp_path)
    first, place, *others, last = read_lines(run)
    assert first == "INFO load: done in 0.5 s"
    assert place == f"INFO the run is {run.path}"
    assert others == ["INFO DCGAN: cached"]
    assert re.fullmatch(r"INFO finished in \d+\.\d s", last)


def test_a_second_run_goes_on_in_the_log_of_the_first(tmp_path):
    first = read_lines(work(tmp_path))
    both = read_lines(work(tmp_path))
    assert both[: len(first)] == first
    assert len(both) == 2 * len(first)


def test_runs_one_after_the_other_have_logs_of_their_own(tmp_path):
    one, other = work(tmp_path, name="one"), work(tmp_path, name="other")
    OURS.info("of nobody")
    assert len(read_lines(one)) == len(read_lines(other)) == 4
    assert str(other.path) not in one.log.read_text()


def test_runs_at_the_same_time_have_logs_of_their_own(tmp_path):
    together = threading.Barrier(2)

    def run(name):
        def during():
            together.wait()
            OURS.info("this is %s", name)
            together.wait()

        work(tmp_path, name=name, during=during)

    threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "other")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in ("one", "other"):
        said = [line for line in read_lines(Run(tmp_path / "runs" / name)) if "this is" in line]
        assert said == [f"INFO this is {name}"]


def test_warnings_of_other_libraries_are_in_it_and_their_chatter_is_not(tmp_path):
    def during():
        logging.getLogger("matplotlib").warning("no such font")
        logging.getLogger("matplotlib").info("found a font")
        logging.getLogger("prefect.task_runs").error("a task failed")

    text = work(tmp_path, during=during).log.read_text()
    assert "WARNING no such font" in text
    assert "found a font" not in text
    assert "a task failed" not in text


@pytest.mark.parametrize(
    ("error", "last"),
    [
        (UserError("labels: expected 5"), "ERROR failed: labels: expected 5"),
        (GateError("gates: the GAN collapsed"), "ERROR failed: gates: the GAN collapsed"),
        (KeyboardInterrupt(), "ERROR stopped by KeyboardInterrupt"),
        (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero"),
    ],
)
def test_the_log_of_a_failed_run_says_why(tmp_path, error, last):
    def fail():
        raise error

    with pytest.raises(type(error)):
        work(tmp_path, during=fail)
    lines = read_lines(Run(tmp_path / "runs" / "tiny"))
    assert lines[-1] == last
    traced = "Traceback (most recent call last):" in lines
    assert traced == isinstance(error, ZeroDivisionError)


def test_what_is_refused_before_it_has_a_folder_leaves_nothing(tmp_path):
    @keep_log
    def refuse():
        OURS.info("load: done")
        raise UserError("labels: expected 5")

    with pytest.raises(UserError):
        refuse()
    assert list(tmp_path.iterdir()) == []


def test_secrets_are_not_shown_and_nobody_forges_a_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "me:pass-of-api")
    monkeypatch.setenv(
        "PREFECT_SERVER_DATABASE_CONNECTION_URL", "postgresql+asyncpg://me:pass-of-base@host/name"
    )

    def during():
        OURS.info("%s then %s", "http://me:pass-of-api@host", "pass-of-base")
        OURS.info("a name\n2026-01-01 INFO forged\x1b[31m")

    run = work(tmp_path, during=during)
    assert "pass-of" not in run.log.read_text()
    assert "INFO http://(not shown)@host then (not shown)" in read_lines(run)
    assert "INFO a name\\n2026-01-01 INFO forged\\x1b[31m" in read_lines(run)


def test_a_log_that_cannot_be_written_is_a_warning_and_the_run_goes_on(tmp_path, caplog):
    open_run(tmp_path).log.mkdir()
    run = work(tmp_path)
    assert list(run.log.iterdir()) == []
    [warning] = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "the run goes on without its log" in warning.getMessage()
    assert str(run.log) in warning.getMessage()


def test_a_disk_that_becomes_full_is_a_warning_and_the_run_goes_on(tmp_path, caplog):
    """A limit on the size of files, which no other file of this process comes near, is as good."""
    limit = 2**22
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill():
        # A line as long as the disk would keep a terminal's handler busy for hours.
        os.truncate(open_run(tmp_path).log, limit - 1)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        OURS.info("the last that has room in part")
        OURS.info("one more")
        OURS.info("and more")

    try:
        run = work(tmp_path, during=fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert run.log.stat().st_size == limit
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
