"""Put what was measured into the README: ``python docs/render_readme.py``.

The reference study's table comes from ``artifacts/reference/``, the speeds from
``artifacts/benchmarks.json``, what Prefect adds from ``artifacts/overhead.json``, how well
anomalies are found from ``artifacts/anomalies.json``.
"""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from gan_aug.classifiers import CLASSIFIERS
from gan_aug.evaluation.anomaly import Separation, phrase_verdict
from gan_aug.evaluation.study import CellSummary, StudyResult
from gan_aug.reporting.tables import show_difference
from gan_aug.settings.anomalies import Detector

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
REFERENCE = ROOT / "artifacts" / "reference" / "study.json"
BENCHMARKS = ROOT / "artifacts" / "benchmarks.json"
OVERHEAD = ROOT / "artifacts" / "overhead.json"
ANOMALIES = ROOT / "artifacts" / "anomalies.json"


def render_readme() -> str:
    """Return the README with everything measured in its place."""
    result = StudyResult.model_validate_json(REFERENCE.read_bytes())
    blocks = {
        "results": render_results(result),
        "speed": render_speed(json.loads(BENCHMARKS.read_bytes())),
        "overhead": render_overhead(json.loads(OVERHEAD.read_bytes())),
        "anomalies": render_anomalies(json.loads(ANOMALIES.read_bytes())),
    }
    readme = README.read_text(encoding="utf-8")
    for name, block in blocks.items():
        readme = fill(readme, name, block)
    return readme


def fill(text: str, name: str, block: str) -> str:
    """Put a block between its two marks."""
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, _, rest = text.partition(start)
    _, _, after = rest.partition(end)
    return before + start + block + end + after


def render_speed(benchmarks: Mapping[str, Any]) -> str:
    """Render gan-aug's time over each peer's, and the quality after minutes of training."""
    step, cnn, boosting = (
        benchmarks[part] for part in ("dcgan_step", "cnn_training", "lightgbm_training")
    )
    quality = benchmarks["quality"]
    rows = {
        "the chapter's training step, beside the chapter's loop": step["ratio_vs_chapter"],
        "the same, beside PyTorch, eager": step["ratio_vs_pytorch"],
        "the same, beside its arithmetic alone": step["ratio_vs_floor"],
        "the chapter's CNN, beside `model.fit`": cnn["ratio_vs_keras_fit"],
        "LightGBM, beside its defaults": boosting["ratio_vs_lightgbm_defaults"],
    }
    reached = "; ".join(
        f"within {minutes} minutes of training {ratio:.1f} ×"
        for minutes, ratio in quality["reached"].items()
    )
    return "\n".join(
        [
            "| | × the time |",
            "|---|--:|",
            *(f"| {what} | {ratio:.2f} |" for what, ratio in rows.items()),
            "",
            f"Fréchet distance of the `quick` preset's images, over that of real ones: {reached}. "
            f"Peak memory of a `quick` run: {benchmarks['memory']['peak_gib']:.1f} GiB.",
            "",
        ]
    )


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


if __name__ == "__main__":
    README.write_text(render_readme(), encoding="utf-8")
