"""Tables with a row or a column for every class, as cells of Markdown."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_aug.classifiers import CLASSIFIERS
from gan_aug.evaluation.comparison import ClassDifference, Comparison, Score
from gan_aug.evaluation.titles import ARM_TITLES
from gan_aug.evaluation.verdict import Difference
from gan_aug.images import Decision, PseudoLabels
from gan_aug.prediction import Split
from gan_aug.reporting.names import escape_markdown, shorten

__all__ = [
    "ClassTable",
    "PseudoLabelCounts",
    "show_accuracies",
    "show_counts",
    "show_difference",
    "show_images",
    "show_recalls",
    "summarize_pseudo_labels",
]

MOST_COLUMNS = 12
MOST_ROWS = 40
ENDS = 10
LONGEST_NAME = 30
IMBALANCE = 2  # times the smallest class: then a report says so
TURNED_SPLIT: Split = "validation"

REASONS = {
    Decision.LOW_CONFIDENCE: "confidence below the threshold",
    Decision.SMALL_MARGIN: "margin below the threshold",
    Decision.DISAGREEMENT: "not the class it was meant to have",
    Decision.SURPLUS: "class already full",
}


@dataclass(frozen=True)
class ClassTable:
    """A table for a report.

    Attributes:
        header: Cells of the first row.
        rows: As many cells each.
        note: What the table leaves out; empty where it has everything.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str


@dataclass(frozen=True)
class PseudoLabelCounts:
    """How many images the teacher was offered and what became of them.

    Attributes:
        offered: Images in all.
        accepted: Of them, those that entered the training sets.
        per_class: What is counted → images of each class, as the teacher sees it.
        agreement: Share in [0, 1] of the images offered that the teacher takes for the class they
            were meant to have; None where none was meant.
    """

    offered: int
    accepted: int
    per_class: Mapping[str, Sequence[int]]
    agreement: float | None = None


def summarize_pseudo_labels(pseudo: PseudoLabels) -> PseudoLabelCounts:
    """Count offered, accepted and rejected images, in all and by class."""
    classes = pseudo.probabilities.shape[1]

    def count(decision: Decision) -> list[int]:
        chosen = pseudo.labels[pseudo.decisions == decision]
        counts: list[int] = np.bincount(chosen, minlength=classes).tolist()
        return counts

    rejected = {name: count(decision) for decision, name in REASONS.items()}
    occurring = {name: counts for name, counts in rejected.items() if any(counts)}
    generated: list[int] = np.bincount(pseudo.labels, minlength=classes).tolist()
    return PseudoLabelCounts(
        offered=len(pseudo.images),
        accepted=int(pseudo.accepted.sum()),
        per_class={
            "generated": generated,
            "accepted": count(Decision.ACCEPTED),
            **{f"rejected: {name}": counts for name, counts in occurring.items()},
        },
        agreement=None if pseudo.agreement is None else float(pseudo.agreement.mean()),
    )


def show_counts(counts: PseudoLabelCounts, classes: Sequence[str]) -> ClassTable:
    """Return what became of the synthetic images of every class.

    Of more than 40 classes, the 10 with the fewest and the 10 with the most accepted images.
    """
    cells = {
        what: [*(f"{count:,}" for count in numbers), f"{sum(numbers):,}"]
        for what, numbers in counts.per_class.items()
    }
    accepted = counts.per_class["accepted"]
    table = arrange(
        "says the teacher", classes, cells, accepted, ("fewest", "most accepted images")
    )
    empty = [name for name, count in zip(classes, accepted, strict=True) if not count]
    return dataclasses.replace(table, note=" ".join(filter(None, [table.note, list_empty(empty)])))


def list_empty(names: Sequence[str]) -> str:
    """Return a sentence about classes without an accepted image; an empty one for none."""
    if not names:
        return ""
    listed = ", ".join(show_name(name) for name in names[:ENDS])
    more = f" and {len(names) - ENDS:,} more" if len(names) > ENDS else ""
    which = "1 class" if len(names) == 1 else f"{len(names):,} classes"
    return f"No image was accepted of {which}: {listed}{more}."


def show_images(dataset: Mapping[str, Any]) -> ClassTable:
    """Return how many images of every class each part has.

    Of more than 40 classes, the 10 with the fewest and the 10 with the most training images.

    Args:
        dataset: The provenance of the data, as JSON has it; one without counts has no rows.
    """
    counts: Mapping[str, Sequence[int]] = dataset.get("class_counts", {})
    if not counts:
        return ClassTable([], [], note="")
    cells = {
        part: [*(f"{count:,}" for count in own), f"{sum(own):,}"] for part, own in counts.items()
    }
    train = counts["train"]
    table = arrange("images", dataset["classes"], cells, train, ("fewest", "most training images"))
    times = max(train) / min(train)
    if times < IMBALANCE:
        return table
    note = f"The largest class has {times:.1f} times the training images of the smallest."
    return dataclasses.replace(table, note=" ".join(filter(None, [table.note, note])))


def show_accuracies(comparison: Comparison, classes: Sequence[str]) -> ClassTable:
    """Return the accuracy of every classifier on every arm by class.

    Up to 12 classes have a column each, and both splits a row. More classes have a row each, and
    columns for the validation images alone. Of more than 40, the 10 that are recognized worst and
    the 10 that are recognized best on average.
    """
    turned = len(classes) > MOST_COLUMNS
    scores = [s for s in comparison.scores if not turned or s.split == TURNED_SPLIT]
    accuracies = {
        f"{name_classifier(score)}, {score.split}": list(score.class_accuracy.values())
        for score in scores
    }
    cells = {
        what: ["" if share is None else f"{share:.1%}" for share in shares]
        for what, shares in accuracies.items()
    }
    # All classifiers see the same images: a class that one has no accuracy for, none has.
    known = [[np.nan if a is None else a for a in shares] for shares in accuracies.values()]
    means = np.mean(known, axis=0).tolist()
    table = arrange("accuracy", classes, cells, means, ("lowest", "highest mean accuracy"))
    if not turned:
        return table
    more = "`comparison.csv` has the accuracies of all classes, on both splits."
    return dataclasses.replace(table, note=" ".join(filter(None, [table.note, more])))


def show_recalls(comparison: Comparison) -> ClassTable:
    """Return the recall of rare classes, and what every arm adds to it.

    Each class has a row a split, the classes with the fewest labeled images first; there are no
    rows where the labels are balanced.
    """
    scores = [score for score in comparison.scores if score.versus_original]
    rows: dict[tuple[str, str], list[str]] = {}
    for score in scores:
        for rare in score.rare_classes:
            facts = [show_name(rare.name), f"{rare.labeled:,}", score.split, f"{rare.images:,}"]
            rows.setdefault((rare.name, score.split), facts).append(phrase_recall(rare))
    cells = dict.fromkeys(name_classifier(score) for score in scores)
    header = ["class", "labeled images", "split", "held-out images", *cells]
    return ClassTable(header, list(rows.values()), note="")


def name_classifier(score: Score) -> str:
    """``CNN, GAN images``."""
    return f"{CLASSIFIERS[score.classifier].title}, {ARM_TITLES[score.arm]}"


def phrase_recall(rare: ClassDifference) -> str:
    """``83.3% (+12.5, +2.1 to +20.8)``: the difference and its interval in points."""
    difference, low, high = (f"{100 * v:+.1f}" for v in (rare.difference, rare.low, rare.high))
    return f"{rare.recall:.1%} ({difference}, {low} to {high})"


def show_difference(found: Difference | None) -> str:
    """``**+1.67** (+1.28 to +2.11)`` in points: bold where the interval leaves out zero.

    Empty for None.
    """
    if found is None:
        return ""
    difference = f"{100 * found.difference:+.2f}"
    shown = difference if found.low <= 0 <= found.high else f"**{difference}**"
    return f"{shown} ({100 * found.low:+.2f} to {100 * found.high:+.2f})"


def show_name(name: str) -> str:
    """Return the name of a class for a cell."""
    return escape_markdown(shorten(name, LONGEST_NAME))


def arrange(
    corner: str,
    classes: Sequence[str],
    cells: Mapping[str, Sequence[str]],
    rank: Sequence[float],
    ends: tuple[str, str],
) -> ClassTable:
    """Arrange cells so that the table stays readable.

    Args:
        corner: Left end of the header.
        classes: Their names.
        cells: What is told → its cell for every class, and perhaps one more for all of them.
        rank: A number a class, or NaN; of many classes, those with the least and the greatest are
            shown.
        ends: What the least and what the greatest have, for people.
    """
    names = [show_name(name) for name in classes]
    with_all = any(len(row) > len(classes) for row in cells.values())
    if with_all:
        names.append("all")
    if len(classes) <= MOST_COLUMNS:
        rows = [[what, *row] for what, row in cells.items()]
        return ClassTable([corner, *names], rows, note="")
    shown, note = list(range(len(classes))), ""
    if len(classes) > MOST_ROWS:
        known = [place for place in np.argsort(rank, kind="stable") if not np.isnan(rank[place])]
        shown = list(dict.fromkeys([*known[:ENDS], *known[-ENDS:]]))
        note = (
            f"The table shows {len(shown)} of {len(classes):,} classes: the {ENDS} with the "
            f"{ends[0]} and the {ENDS} with the {ends[1]}."
        )
    if with_all:
        shown.append(len(classes))
    rows = [[names[place], *(row[place] for row in cells.values())] for place in shown]
    return ClassTable([f"class, {corner}", *cells], rows, note)
