"""Whole commands, timed."""

import subprocess
import time
from collections.abc import Mapping, Sequence

from benchmarks.interleave import clean_environment

__all__ = ["time_command"]


def time_command(
    words: Sequence[str], environment: Mapping[str, str] | None = None
) -> tuple[float, str]:
    """Run a command to its end; return its seconds, and what it printed on stdout.

    Args:
        words: The program and its arguments.
        environment: Variables set for it beside those of this process.

    Raises:
        RuntimeError: It failed.
    """
    started = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - our own commands
        words,
        env=clean_environment() | dict(environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: expected exit code 0, found:\n{done.stderr}")
    return seconds, done.stdout
