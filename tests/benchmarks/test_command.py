"""Whole commands are timed, and one that fails is no fast one."""

import sys

import pytest

from benchmarks.command import time_command


def test_a_command_is_timed_with_what_it_prints():
    code = "import os, time; time.sleep(0.2); print(os.environ['OMP_NUM_THREADS'])"
    seconds, printed = time_command([sys.executable, "-c", code], {"OMP_NUM_THREADS": "1"})
    assert seconds > 0.2
    assert printed == "1\n"


def test_a_command_that_fails_says_why():
    with pytest.raises(RuntimeError, match=r"exit code 0, found:\nno luck"):
        time_command([sys.executable, "-c", "import sys; sys.exit('no luck')"])
