"""Reports as Prefect artifacts, for those who watch the UI."""

from prefect.artifacts import create_markdown_artifact

from gan_aug.runs import ReportFolder

__all__ = ["publish_report"]


def publish_report(folder: ReportFolder, key: str, verdict: str) -> None:
    """Publish a report with its pictures inside; the UI keeps every version of a key."""
    create_markdown_artifact(folder.read_report(embed_figures=True), key=key, description=verdict)
