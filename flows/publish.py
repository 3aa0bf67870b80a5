"""The run's result as a Prefect artifact, for those who watch the UI."""

from prefect.artifacts import create_markdown_artifact

from gan_aug.comparison import Comparison
from gan_aug.store import Run

__all__ = ["publish_report"]

ARTIFACT_KEY = "augment-report"


def publish_report(run: Run, comparison: Comparison) -> None:
    """Publish the report with its pictures inside; the UI keeps every run's version of it."""
    create_markdown_artifact(
        run.read_report(embed_figures=True), key=ARTIFACT_KEY, description=comparison.verdict
    )
