"""Call a function in a process of its own, with bounds on its time and memory."""

import multiprocessing
import resource
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from gan_aug.errors import UserError

KIB = 1 << 10
MOST_ADDRESSES = 12 << 30
FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Ending:
    """How a call ended.

    Attributes:
        kind: ``returned``; ``refused`` by a :class:`UserError`; ``failed`` with a traceback;
            ``killed`` by the system; or ``late``.
        told: The error's message, or the traceback.
        memory: Bytes that the call took at its peak, beside those of the process before.
    """

    kind: Literal["returned", "refused", "failed", "killed", "late"]
    told: str = ""
    memory: int = 0


def contain(function: Callable[..., Any], *arguments: Any, seconds: int = 60) -> Ending:
    """Call a function in a fork of this process and tell how that ended.

    Args:
        function: What it returns is lost.
        arguments: Of the function.
        seconds: How long it may take.
    """
    here, there = FORK.Pipe(duplex=False)
    process = FORK.Process(target=call, args=(there, seconds, function, *arguments))
    process.start()
    there.close()
    try:
        return here.recv()
    except EOFError:
        process.join()
        return Ending("late" if process.exitcode == -signal.SIGALRM else "killed")
    finally:
        process.join()


def call(there: Any, seconds: int, function: Callable[..., Any], *arguments: Any) -> None:
    """Call the function and send how it ended."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(seconds)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_ADDRESSES, MOST_ADDRESSES))
    before = peak()
    try:
        function(*arguments)
        kind, told = "returned", ""
    except UserError as error:
        kind, told = "refused", str(error)
    except BaseException:
        kind, told = "failed", traceback.format_exc()
    there.send(Ending(kind, told, peak() - before))


def peak() -> int:
    """Return the largest resident size of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB
