"""Put finished rankings of several seeds together: ``python -m benchmarks.anomalies NAME ...``.

The rankings are those of ``gan-aug anomalies``; ``docs/anomalies.md`` has their means.
"""

from pathlib import Path

from cyclopts import App
from pydantic import BaseModel, ConfigDict

from gan_aug.evaluation.anomaly import AnomalyResult
from gan_aug.reporting.folders import Anomalies
from gan_aug.settings.flags import to_source_flags
from gan_aug.store.files import write_json

__all__ = ["MeasuredRanking", "gather_ranking"]

ROOT = Path(__file__).parent.parent

app = App(name="python -m benchmarks.anomalies", help="Put finished rankings together.")


class MeasuredRanking(BaseModel):
    """What was measured with one discriminator.

    Attributes:
        flags: Of the command.
        commit: That it was run with.
        cpu_model: That it was run on.
        cores: As many as that has.
        result: What came out.
    """

    model_config = ConfigDict(frozen=True)

    flags: list[str]
    commit: str | None
    cpu_model: str
    cores: int
    result: AnomalyResult


@app.default
def gather(*names: str, artifacts: Path = Path("artifacts"), root: Path = ROOT) -> None:
    """Read finished rankings, and write `artifacts/anomalies.json`.

    Parameters
    ----------
    names
        Of the rankings.
    artifacts
        Folder that has them.
    root
        Folder whose `artifacts` are written.
    """
    rankings = [gather_ranking(Anomalies(artifacts / Anomalies.home / name)) for name in names]
    rows = [ranking.model_dump(mode="json") for ranking in rankings]
    write_json(root / "artifacts" / "anomalies.json", rows)


def gather_ranking(folder: Anomalies) -> MeasuredRanking:
    """Read one finished ranking.

    Raises:
        UserError: It is not finished.
    """
    result = folder.read_anomalies()
    environment = folder.read_environment()
    return MeasuredRanking(
        flags=to_source_flags(folder.read_config()),
        commit=environment["git_commit"],
        cpu_model=environment["cpu"]["model"],
        cores=environment["cpu"]["cores"],
        result=result,
    )


if __name__ == "__main__":
    app()
