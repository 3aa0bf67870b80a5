"""What synthetic images add beyond pseudo-labels: ``python -m benchmarks.beyond_pseudo_labels``.

The numbers are those of a finished study that has the arms ``real_pool`` and ``gan+real_pool``.
"""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cyclopts import App

from benchmarks.report import load_template
from gan_aug.arms import ARMS, BASELINE, CONTRASTS
from gan_aug.classifiers import CLASSIFIERS
from gan_aug.evaluation.comparison import Score
from gan_aug.evaluation.study import CellSummary, StudyResult
from gan_aug.reporting.folders import Study
from gan_aug.reporting.tables import show_difference
from gan_aug.settings.flags import to_study_flags
from gan_aug.settings.study import StudyConfig
from gan_aug.store.files import atomic_file

__all__ = ["has_both_arms", "render_page"]

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "artifacts" / "reference"
PAGE = "beyond_pseudo_labels.md"
SPLIT = "test"
[(BOTH, POOL)] = CONTRASTS

app = App(name="python -m benchmarks.beyond_pseudo_labels", help="Write the page of a study.")


@app.default
def write_page(study: Path = REFERENCE, *, root: Path = ROOT) -> None:
    """Write `docs/beyond_pseudo_labels.md` from a finished study.

    Parameters
    ----------
    study
        Folder of the study; by default that of the reference study.
    root
        Folder whose `docs` are written.
    """
    folder = Study(study)
    result = folder.read_study()
    if not has_both_arms(result):
        sys.exit(f"study: expected draws with {POOL} and {BOTH}, found none in {study}")
    with atomic_file(root / "docs" / PAGE, "w") as file:
        file.write(render_page(result, folder.read_config(), folder.read_environment()))


def has_both_arms(result: StudyResult) -> bool:
    """Say whether a study tells what synthetic images add beyond real ones."""
    return any(POOL in cell.differences for cell in result.summaries)


def render_page(result: StudyResult, config: StudyConfig, environment: Mapping[str, Any]) -> str:
    """Render the page: a row a label budget and classifier, a column a difference.

    Args:
        result: What the study found.
        config: Its settings.
        environment: What it was computed with.
    """
    cells = [cell for cell in result.summaries if cell.split == SPLIT]
    draws = [score for score in result.scores if score.split == SPLIT]
    return load_template(f"{PAGE}.j2").render(
        result=result,
        rows=group_arms(cells),
        draws=group_arms(draws),
        arms={arm: ARMS[arm].description for arm in ARMS if any(c.arm == arm for c in cells)},
        titles={name: part.title for name, part in CLASSIFIERS.items()},
        show=show_difference,
        baseline=BASELINE,
        both=BOTH,
        pool=POOL,
        flags=shlex.join(to_study_flags(config)),
        environment=environment,
    )


def group_arms(
    measured: Sequence[CellSummary] | Sequence[Score],
) -> dict[tuple[int, str, int | None], dict[str, CellSummary | Score]]:
    """Return what was measured by label budget, classifier and draw, and in each group by arm.

    Means over the draws are of no draw.
    """
    order = list(CLASSIFIERS)
    groups: dict[tuple[int, str, int | None], dict[str, CellSummary | Score]] = {}
    for found in measured:
        seed = found.seed if isinstance(found, Score) else None
        groups.setdefault((found.budget, found.classifier, seed), {})[found.arm] = found
    return dict(sorted(groups.items(), key=lambda g: (g[0][0], order.index(g[0][1]), g[0][2] or 0)))


if __name__ == "__main__":
    app()
