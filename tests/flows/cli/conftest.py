"""A tiny run by the command, and what the tests of the subcommands share."""

import contextlib
import io

import pytest

from gan_aug.flows.cli import main

TINY = {
    "--preset": "smoke",
    "--dataset": "digits",
    "--device": "cpu",
    "--cnn.updates": "3",
    "--cnn.epochs": "0",
    "--cnn.batch-size": "8",
    "--dcgan.generator-width": "8",
    "--dcgan.discriminator-width": "4",
    "--dcgan.steps": "2",
    "--dcgan.interval": "1",
    "--synthesis.images": "30",
    "--pseudo-labels.confidence-threshold": "0.1",
    "--lightgbm.rounds": "2",
}


@pytest.fixture(scope="session")
def tiny_flags():
    """Return a maker of the flags of a run of seconds, with some of them changed or added."""

    def tiny_flags(**changes):
        flags = TINY | {f"--{name}": value for name, value in changes.items()}
        return [word for flag in flags.items() for word in flag]

    return tiny_flags


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory):
    return tmp_path_factory.mktemp("artifacts")


@pytest.fixture(scope="session")
def make_run(artifacts, tiny_flags):
    """Return a maker of runs, which returns exit code, stdout and stderr of the command."""

    def make_run(name, **changes):
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as stop,
        ):
            main(["run", *tiny_flags(name=name, **changes), "--artifacts", str(artifacts)])
        return stop.value.code, out.getvalue(), err.getvalue()

    return make_run


@pytest.fixture(scope="session")
def tiny_run(make_run):
    """Make the run ``tiny``; return the exit code, stdout and stderr of the command."""
    return make_run("tiny")


@pytest.fixture
def read_help(capsys, monkeypatch):
    """Return a reader of the help of a subcommand, with its words separated by single blanks."""
    monkeypatch.setenv("COLUMNS", "200")

    def read_help(*words, page="--help"):
        with pytest.raises(SystemExit, match="0"):
            main([*words, page])
        return " ".join(capsys.readouterr().out.replace("│", " ").split())

    return read_help
