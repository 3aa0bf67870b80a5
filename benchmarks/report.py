"""The results for people: a page of tables, and a plot of the growth."""

import hashlib
import io
import math
import re
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import jinja2
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.growth import OVERHEAD_FACTOR
from benchmarks.results import Contender, Curve, Growth, Machine, Results, read_results

__all__ = ["Files", "load_template", "render_growth", "render_page", "write_results"]

COLORS = ("#0072b2", "#d55e00", "#009e73")
GREY = "#999999"


@dataclass(frozen=True)
class Files:
    """What the results of a machine are written to.

    Attributes:
        json: All numbers.
        page: Tables.
        plot: The growth.
    """

    json: Path
    page: Path
    plot: Path

    @classmethod
    def of(cls, machine: Machine, root: Path) -> Self:
        """Return the files of the page, or a machine's own where the page has those of another."""
        artifacts, docs = root / "artifacts", root / "docs"
        committed = read_results(artifacts / "benchmarks.json")
        if committed and committed.machine != machine:
            artifacts = docs = artifacts / "benchmarks" / name_machine(machine)
        return cls(
            artifacts / "benchmarks.json", docs / "performance.md", docs / "benchmarks-growth.png"
        )


def name_machine(machine: Machine) -> str:
    """``amd-epyc-2-cores-1a2b3c4d``: another name for any other machine."""
    words = re.findall("[a-z0-9]+", f"{machine.cpu_model} {machine.cores} cores".lower())
    digest = hashlib.sha256(machine.model_dump_json().encode()).hexdigest()
    return "-".join([*words, digest[:8]])


def write_results(results: Results, root: Path) -> Files:
    """Write the JSON, the page and the plot of a machine below ``root``, in place of earlier ones.

    Returns:
        Where they are.
    """
    files = Files.of(results.machine, root)
    for file in (files.json, files.page):
        file.parent.mkdir(parents=True, exist_ok=True)
    files.json.write_text(results.model_dump_json(indent=2) + "\n")
    files.page.write_text(render_page(results))
    if results.growth:
        files.plot.write_bytes(render_growth(results.growth))
    return files


def render_page(results: Results) -> str:
    """Render the page as Markdown."""
    return load_template("benchmarks.md.j2").render(
        results=results, overhead_factor=OVERHEAD_FACTOR
    )


def load_template(name: str) -> jinja2.Template:
    """Return a template of a page in Markdown."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("benchmarks"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Markdown, from our own values
    )
    templates.filters["ratio"] = phrase_ratio
    templates.filters["duration"] = phrase_duration
    templates.filters["median"] = statistics.median
    return templates.get_template(name)


def phrase_ratio(contender: Contender) -> str:
    """``0.31 (0.30 to 0.33)``: the median, and the range over the rounds."""
    if contender.ratio is None:
        return "not installed"
    return (
        f"**{contender.ratio:.2f}** ({contender.lowest_ratio:.2f} to {contender.highest_ratio:.2f})"
    )


def phrase_duration(seconds: float | None) -> str:
    """``2.31 s`` or ``13.1 ms``, to three digits."""
    if seconds is None:
        return ""
    value, unit = (seconds, "s") if seconds >= 1 else (1000 * seconds, "ms")
    decimals = max(0, 2 - math.floor(math.log10(value)))
    return f"{value:.{decimals}f} {unit}"


def render_growth(growth: Growth) -> bytes:
    """Draw times against sizes in log-log, a panel for each driver, as a PNG."""
    drivers = list(dict.fromkeys(curve.driver for curve in growth.curves))
    figure = Figure(figsize=(4 * len(drivers), 3.6), layout="constrained")
    for axes, driver in zip(figure.subplots(1, len(drivers)), drivers, strict=True):
        draw_panel(axes, [curve for curve in growth.curves if curve.driver == driver])
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()


def draw_panel(axes: Axes, curves: list[Curve]) -> None:
    for curve, color in zip(curves, COLORS, strict=False):
        label = f"{curve.stage}: exponent {curve.exponent:.2f}"
        axes.loglog(curve.sizes, curve.seconds, color=color, marker="o", label=label)
        linear = [curve.seconds[-1] * size / curve.sizes[-1] for size in curve.sizes]
        axes.loglog(curve.sizes, linear, color=GREY, linewidth=1, linestyle=":")
    axes.set(xlabel=curves[0].driver, ylabel="seconds (dotted: linear)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize="small")
