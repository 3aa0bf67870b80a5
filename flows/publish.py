"""Reports as Prefect artifacts, for those who watch the UI."""

from prefect.artifacts import create_markdown_artifact

from gan_aug.runs import ReportFolder

__all__ = ["publish_report"]

# The UI grows slow beyond some 300 KB of Markdown.
PICTURE_BYTES = 250_000


def publish_report(folder: ReportFolder, key: str, verdict: str) -> None:
    """Publish a report with its first pictures inside; the UI keeps every version of a key."""
    markdown = folder.read_report_with_pictures(limit=PICTURE_BYTES)
    create_markdown_artifact(markdown, key=key, description=verdict)
