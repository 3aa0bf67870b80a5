"""Prefect artifacts, for those who watch the UI; it keeps every version of a key."""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

import httpx
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from gan_aug.progress import OnProgress
from gan_aug.reporting.folders import ReportFolder
from gan_aug.reporting.narrow import narrow_report

if TYPE_CHECKING:
    from uuid import UUID

__all__ = ["publish_progress", "publish_report", "publish_results"]

# The UI grows slow beyond some 300 KB of Markdown.
REPORT_BYTES = 290_000
SECONDS_BETWEEN_UPDATES = 5.0
PAUSE = 20  # times as long as an update took: so much of a training may go into updates


class Row(Protocol):
    """What knows itself as a row of a table."""

    def to_row(self) -> dict[str, Any]:
        """Return column → value."""


def publish_results(folder: ReportFolder, kind: str, verdict: str, scores: Sequence[Row]) -> None:
    """Publish a finished report.

    Args:
        folder: Where the report is.
        kind: ``augment``, ``study`` or ``anomalies``: the first word of every key.
        verdict: One sentence.
        scores: Rows of the table.
    """
    publish_report(folder, kind)
    rows = [
        {name: float(f"{v:.4g}") if isinstance(v, float) else v for name, v in row.items()}
        for row in (score.to_row() for score in scores)
    ]
    create_table_artifact(rows, key=f"{kind}-comparison", description=verdict)


def publish_report(folder: ReportFolder, kind: str) -> None:
    """Publish a report, and the way to its page; ``kind`` is the first word of both keys."""
    report = narrow_report(folder.read_report(), folder.page.name)
    markdown = folder.embed_pictures(report, limit=REPORT_BYTES - len(report.encode()))
    create_markdown_artifact(markdown, key=f"{kind}-report", description=folder.name)
    create_link_artifact(
        folder.page.absolute().as_uri(),
        link_text=str(folder.page),
        key=f"{kind}-page",
        description="The whole report, with all its pictures.",
    )


@contextlib.contextmanager
def publish_progress(key: str, what: str, total: int) -> Iterator[OnProgress]:
    """Show in the UI how far something is.

    Args:
        key: Of the artifact.
        what: What is counted: ``steps of the DCGAN``.
        total: Number of its steps.
    """
    created = create_progress_artifact(0.0, key=key, description=f"0 of {total:,} {what}")
    artifact = cast("UUID", created)
    told, pause, answered = time.monotonic(), SECONDS_BETWEEN_UPDATES, True

    def on_progress(done: int, metrics: Mapping[str, float]) -> None:
        nonlocal told, pause, answered
        is_last = done >= total and answered
        if not is_last and time.monotonic() - told < pause:
            return
        answered = False
        began = time.monotonic()
        measured = "".join(f", {name.replace('_', ' ')} {v:.2f}" for name, v in metrics.items())
        # A server that does not answer must neither end nor slow what it only watches.
        with contextlib.suppress(httpx.HTTPError):
            update_progress_artifact(
                artifact,
                progress=100 * done / total,
                description=f"{done:,} of {total:,} {what}{measured}",
            )
            answered = True
        told = time.monotonic()
        pause = max(SECONDS_BETWEEN_UPDATES, PAUSE * (told - began))

    yield on_progress
