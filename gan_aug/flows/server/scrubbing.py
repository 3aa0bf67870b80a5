"""Keeping secrets out of what a process prints."""

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence

__all__ = ["hide_words", "replace_words"]

SECONDS = 10.0
HIDDEN = b"(not shown)"


@contextlib.contextmanager
def hide_words(output: int, words: Sequence[str]) -> Iterator[int]:
    """Yield a file descriptor; what is written there goes to another one without some words.

    Args:
        output: File descriptor of a log.
        words: What is not to be in it.
    """
    hidden = sorted((word.encode() for word in words), key=len, reverse=True)
    reader, writer = os.pipe()
    copying = threading.Thread(target=copy, args=(reader, output, hidden), daemon=True)
    copying.start()
    try:
        yield writer
    finally:
        os.close(writer)
        copying.join(SECONDS)


def copy(reader: int, output: int, hidden: Sequence[bytes]) -> None:
    """Copy line by line until nobody writes any more."""
    with os.fdopen(reader, "rb") as lines:
        for line in lines:
            os.write(output, replace_words(line, hidden))


def replace_words(line: bytes, words: Sequence[bytes]) -> bytes:
    """Return a line in which nothing of some words is left.

    Args:
        line: Of a log.
        words: What is not to be in it, the longest first.
    """
    for word in words:
        line = line.replace(word, HIDDEN)
    return line
