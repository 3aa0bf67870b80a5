"""How a long stage tells how far it is."""

from collections.abc import Callable, Mapping

__all__ = ["OnProgress", "ignore_progress"]

OnProgress = Callable[[int, Mapping[str, float]], None]
"""Called with the number of steps done so far and the newest metrics by name."""


def ignore_progress(_done: int, _metrics: Mapping[str, float]) -> None:
    """Tell nobody."""
