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
    reader, writer = os.pipe()
    copying = threading.Thread(target=copy, args=(reader, output, words), daemon=True)
    copying.start()
    try:
        yield writer
    finally:
        os.close(writer)
        copying.join(SECONDS)


def copy(reader: int, output: int, words: Sequence[str]) -> None:
    """Copy line by line until nobody writes any more."""
    with os.fdopen(reader, "rb") as lines:
        for line in lines:
            os.write(output, replace_words(line, words))


def replace_words(line: bytes, words: Sequence[str]) -> bytes:
    """Return a line without some words."""
    shown = line
    for word in sorted(words, key=len, reverse=True):
        shown = shown.replace(word.encode(), HIDDEN)
    return shown
