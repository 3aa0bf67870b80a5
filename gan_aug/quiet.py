"""Silence where native libraries talk past Python."""

import contextlib
import os
import sys
from collections.abc import Iterator

__all__ = ["mute_native_output"]


@contextlib.contextmanager
def mute_native_output() -> Iterator[None]:
    """Drop what native libraries write to stderr past Python: TensorFlow's start-up lines."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - os.devnull is no path of ours
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
