"""What a flow run published to its Prefect server."""

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterKey,
    FlowRunFilter,
    FlowRunFilterId,
)


def read_artifact(state, key):
    """Return the artifact that a flow run published under a key."""
    flow_run = FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
    with get_client(sync_client=True) as client:
        [artifact] = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])),
            flow_run_filter=flow_run,
        )
    return artifact


def told_first(report):
    """Return the verdict of a report: what follows its title, its pictures and its facts."""
    paragraphs = report.split("\n\n")
    start = next(i for i, paragraph in enumerate(paragraphs) if paragraph.startswith("**"))
    assert start <= 3, "title, pictures, facts"
    after = (">", "#", "|", "-")
    end = next(i for i, p in enumerate(paragraphs) if p.startswith(after) and i > start)
    return " ".join(paragraphs[start:end]).replace("**", "").replace("\\", "")
