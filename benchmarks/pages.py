"""Put what was measured into README and docs: ``python -m benchmarks.pages``.

README's sentence and chart come from ``artifacts/students.json``, the reference study's table from
``artifacts/reference/``, what Prefect adds from ``artifacts/overhead.json``, and how well anomalies
are found from ``artifacts/anomalies.json``.
"""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from benchmarks import students
from gan_aug.arms import CONTRASTS
from gan_aug.classifiers import CLASSIFIERS
from gan_aug.evaluation.anomaly import Separation, phrase_verdict
from gan_aug.evaluation.study import CellSummary, StudyResult
from gan_aug.reporting.figures import render_gains
from gan_aug.reporting.folders import ReportFolder
from gan_aug.reporting.tables import show_difference
from gan_aug.settings.anomalies import Detector

__all__ = ["render_pages"]

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "artifacts" / "reference" / "study.json"
OVERHEAD = ROOT / "artifacts" / "overhead.json"
ANOMALIES = ROOT / "artifacts" / "anomalies.json"
[(BOTH, POOL)] = CONTRASTS


def render_pages() -> dict[Path, str]:
    """Return every page that has something measured, with that in its place."""
    reference = StudyResult.model_validate_json(REFERENCE.read_bytes())
    blocks = {
        "README.md": ("gains", render_sentence(read_gains())),
        "docs/results.md": ("reference", render_results(reference)),
        "docs/scheduling.md": ("overhead", render_overhead(json.loads(OVERHEAD.read_bytes()))),
        "docs/anomalies.md": ("anomalies", render_anomalies(json.loads(ANOMALIES.read_bytes()))),
    }
    return {
        ROOT / page: fill((ROOT / page).read_text(encoding="utf-8"), name, block)
        for page, (name, block) in blocks.items()
    }


def read_gains() -> StudyResult:
    """Return what was measured of students on MNIST, at the budgets with the most draws."""
    result = students.summarize(students.LEDGER.read(ROOT))["mnist"].result
    most = max(summary.draws for summary in result.summaries)
    summaries = [summary for summary in result.summaries if summary.draws == most]
    return result.model_copy(update={"summaries": summaries})


def render_sentence(result: StudyResult) -> str:
    """Say what synthetic images add at the smallest budget, alone and beside real ones."""
    tested = [cell for cell in result.summaries if cell.split == "test"]
    budget = min(cell.budget for cell in tested)
    cells = {(c.classifier, c.arm): c for c in tested if c.budget == budget}
    names = [name for name in CLASSIFIERS if (name, "gan") in cells]
    gains = " and ".join(
        f"{CLASSIFIERS[name].phrase} from {cells[name, 'original'].accuracy:.1%} to "
        f"{cells[name, 'gan'].accuracy:.1%}"
        for name in names
    )
    beyond = ", and ".join(
        f"{show_difference(cells[name, BOTH].versus_others[POOL])} to {CLASSIFIERS[name].phrase}"
        for name in names
    )
    draws = cells[names[0], "gan"].draws
    return (
        f"With {budget:,} labels of MNIST, synthetic images take {gains} (test accuracy, means of "
        f"{draws} draws of labels). Beside real unlabeled images that the same teacher labeled, "
        f"they add {beyond}: points, with 95% intervals.\n"
    )


def fill(text: str, name: str, block: str) -> str:
    """Put a block between its two marks."""
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    if text.count(start) != 1 or text.count(end) != 1:
        raise ValueError(f"{name}: expected one pair of marks, found another number of them")
    before, _, rest = text.partition(start)
    _, _, after = rest.partition(end)
    return before + start + block + end + after


def render_overhead(overhead: Mapping[str, Any]) -> str:
    """Say what Prefect adds to a run, and how that was measured."""
    each = ", ".join(
        f"{flow:.1f} beside {direct:.1f}"
        for flow, direct in zip(overhead["flow_seconds"], overhead["direct_seconds"], strict=True)
    )
    machine, stamp = overhead["machine"], overhead["stamp"]
    return (
        f"Prefect added {overhead['added_seconds']:+.1f} s ({overhead['added_share']:+.1%}) to a "
        f"run of `quick` with {overhead['steps']:,} steps of the DCGAN, beside calling the "
        f"functions of its stages (seconds, by turns, the server started before: {each}; "
        f"`{overhead['command']}` on {machine['cpu_model']}, {machine['cores']} cores, at commit "
        f"`{stamp['commit'][:7]}`).\n"
    )


def render_anomalies(rankings: Sequence[Mapping[str, Any]]) -> str:
    """Render the mean AUROC of each detector for each kind of foreign images, and the command."""
    detectors = get_args(Detector)
    foreign = [row for ranking in rankings for row in ranking["result"]["foreign"]]
    left_out = [row for ranking in rankings for row in ranking["result"]["left_out"]]
    groups = {
        kind: [row for row in foreign if row["kind"] == kind]
        for kind in dict.fromkeys(row["kind"] for row in foreign)
    }
    groups["each digit left out"] = left_out
    lines = [
        f"| {what} | {' | '.join(f'{mean_auroc(rows, d):.3f}' for d in detectors)} |"
        for what, rows in groups.items()
        if rows
    ]
    verdict = phrase_verdict(
        *([Separation.model_validate(row) for row in rows] for rows in (foreign, left_out))
    )
    first = rankings[0]
    commands = "; ".join(f"`gan-aug anomalies {' '.join(r['flags'])}`" for r in rankings)
    return "\n".join(
        [
            f"| AUROC, means | {' | '.join(detectors)} |",
            f"|---|{'--:|' * len(detectors)}",
            *lines,
            "",
            f"> {verdict}",
            "",
            f"By {commands} (discriminators of `gan-aug run --dataset mnist`), on "
            f"{first['cpu_model']}, {first['cores']} cores, at commit `{first['commit'][:7]}`.",
            "",
        ]
    )


def mean_auroc(rows: Sequence[Mapping[str, Any]], detector: Detector) -> float:
    """Return a detector's mean over kinds and rankings."""
    return statistics.mean(float(row["auroc"]) for row in rows if row["detector"] == detector)


def render_results(result: StudyResult) -> str:
    """Render a row for each classifier and budget, a column for each arm, and the verdict."""
    cells = [cell for cell in result.summaries if cell.split == "test"]
    arms = list(dict.fromkeys(cell.arm for cell in cells if cell.arm != "original"))
    lines = [
        f"| classifier | labels | draws | original | {' | '.join(arms)} |",
        f"|---|--:|--:|--:|{'---|' * len(arms)}",
    ]
    for classifier in dict.fromkeys(cell.classifier for cell in cells):
        for budget in sorted({cell.budget for cell in cells}):
            row = {c.arm: c for c in cells if (c.classifier, c.budget) == (classifier, budget)}
            lines.append(render_row(CLASSIFIERS[classifier].title, row, arms))
    return "\n".join([*lines, "", f"> {result.verdict}", ""])


def render_row(title: str, row: dict[str, CellSummary], arms: Sequence[str]) -> str:
    """``| LightGBM | 100 | 5 | 70.75% | +15.13 (+14.20 to +16.06) | ... |``."""
    original = row["original"]
    found = [row[arm].versus_original if arm in row else None for arm in arms]
    differences = [show_difference(difference) for difference in found]
    facts = [title, f"{original.budget:,}", str(original.draws), f"{original.accuracy:.2%}"]
    return f"| {' | '.join([*facts, *differences])} |"


def write_pages() -> None:
    """Put all of it in its place."""
    for path, text in render_pages().items():
        path.write_text(text, encoding="utf-8")
    ReportFolder(ROOT / "docs").write_pictures({"gains": render_gains(read_gains())})


if __name__ == "__main__":
    write_pages()
