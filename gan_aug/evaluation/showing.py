"""Showing several sets of images to one network, with one count of the images seen."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from gan_aug.images import Images
from gan_aug.progress import OnProgress

__all__ = ["show_each"]

Seen = TypeVar("Seen")


def show_each(
    look: Callable[[Images, OnProgress], Seen], parts: Sequence[Images], on_progress: OnProgress
) -> Iterator[Seen]:
    """Yield what a function sees in one set of images after the other.

    Args:
        look: Called with a set, and with what it tells how many of its images it has seen.
        parts: The sets.
        on_progress: Called with the number of images seen in all sets so far.
    """
    done = 0
    for part in parts:

        def tell(seen: int, metrics: Mapping[str, float], done: int = done) -> None:
            on_progress(done + seen, metrics)

        yield look(part, tell)
        done += len(part)
