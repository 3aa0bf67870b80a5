"""How a long stage tells how far it is."""

from collections.abc import Callable, Mapping

__all__ = ["OnProgress", "count_from", "ignore_progress", "tell_each"]

OnProgress = Callable[[int, Mapping[str, float]], None]
"""Called with the number of steps done so far and the newest metrics by name."""


def ignore_progress(_done: int, _metrics: Mapping[str, float]) -> None:
    """Tell nobody."""


def tell_each(*listeners: OnProgress) -> OnProgress:
    """Return a listener that passes on to each of several what it is told."""

    def on_progress(done: int, metrics: Mapping[str, float]) -> None:
        for listener in listeners:
            listener(done, metrics)

    return on_progress


def count_from(done: int, listener: OnProgress) -> OnProgress:
    """Return a listener that passes on the steps of one part as those after ``done`` others."""

    def on_progress(steps: int, metrics: Mapping[str, float]) -> None:
        listener(done + steps, metrics)

    return on_progress
