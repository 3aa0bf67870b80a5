"""The child: runs one workload, a unit at a time, when the parent says so.

``python -m benchmarks.worker MODULE OPTIONS``, with the options as JSON. The module's function
``run(pause, **options)`` does its work and calls ``pause()`` once when it is warm and again after
each unit. Each call answers the parent with the seconds since the last one, and waits for the next
request. So a workload may stop inside a library's own loop, from a callback.

Standard library only: peers run in environments that have nothing else of this project.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

__all__ = ["Facts", "Pause"]

Pause = Callable[[], str | None]
"""Ends a unit; returns the next request, or None where there is none and none will follow."""

Facts = Mapping[str, int | float | str]
"""What a workload has to say of itself when it is done: ``{"validation_accuracy": 0.99}``."""


class Stopwatch:
    """Times what happens between two calls of :meth:`pause`.

    Args:
        requests: A line for each unit that is wanted; its end means no more.
        replies: Gets a line of JSON for each unit.
    """

    def __init__(self, requests: TextIO, replies: TextIO) -> None:
        self.requests = requests
        self.replies = replies
        self.started = time.perf_counter()

    def pause(self) -> str | None:
        """Answer with the seconds of the unit that ends here, and wait for the next request."""
        self.reply(seconds=time.perf_counter() - self.started)
        request = self.requests.readline().strip()
        self.started = time.perf_counter()
        return request or None

    def reply(self, **values: Any) -> None:
        """Write one line of JSON."""
        self.replies.write(json.dumps(values) + "\n")
        self.replies.flush()


def main() -> None:
    """Run the workload that the command line names."""
    module, options = sys.argv[1:]
    stopwatch = Stopwatch(sys.stdin, claim_stdout())
    facts = importlib.import_module(module).run(stopwatch.pause, **json.loads(options))
    stopwatch.reply(facts=dict(facts))


def claim_stdout() -> TextIO:
    """Return stdout for replies alone; what libraries print goes to stderr from here on."""
    sys.stdout.flush()
    stdout = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return stdout


if __name__ == "__main__":
    main()
