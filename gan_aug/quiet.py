"""Silence where native libraries talk past Python."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator

__all__ = ["hush_keras", "hush_tensorflow", "mute_native_output"]


def hush_tensorflow() -> None:
    """Keep TensorFlow from talking; call it before TensorFlow is imported.

    A value of TF_CPP_MIN_LOG_LEVEL in the environment wins.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # It warns of functions that are traced again, as those of different networks are.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def hush_keras() -> None:
    """Keep Keras from printing in this thread."""
    from keras.utils import disable_interactive_logging  # noqa: PLC0415 - seconds to import

    disable_interactive_logging()


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
