import numpy as np
import pytest

from gan_aug.images import Decision, PseudoLabels
from gan_aug.reporting.tables import (
    PseudoLabelCounts,
    show_accuracies,
    show_counts,
    show_images,
    show_recalls,
    summarize_pseudo_labels,
)
from tests.reporting.outcomes import compare, draw_dataset, guess


def make_comparison(classes, drop=()):
    """Compare guesses of validation and test images; of some classes there are none."""
    data = draw_dataset(tuple(f"c{number}" for number in range(classes)))
    predictions = {
        ("cnn", arm): {
            split: guess(getattr(data, split).labels, classes, right=0.7, seed=seed)
            for split in ("validation", "test")
        }
        for seed, arm in enumerate(("original", "gan"))
    }
    return compare(data, predictions, 100), data.spec.classes


def count_parts(train):
    """The provenance of a data set with so many training images of each class."""
    held_out = [2] * len(train)
    return {
        "classes": [f"c{number}" for number in range(len(train))],
        "class_counts": {"train": train, "validation": held_out, "test": held_out},
    }


def test_imbalance_is_shown():
    table = show_images(count_parts([900, 30, 500]))
    assert is_whole(table)
    assert table.header == ["images", "c0", "c1", "c2", "all"]
    assert table.rows[0] == ["train", "900", "30", "500", "1,430"]
    assert table.note == "The largest class has 30.0 times the training images of the smallest."
    assert not show_images(count_parts([10, 19])).note
    assert len(show_images(count_parts(list(range(2, 60)))).rows) == 21
    assert not show_images({"classes": ["a", "b"]}).rows


def is_whole(table):
    return {len(row) for row in table.rows} == {len(table.header)}


@pytest.mark.parametrize("classes", [2, 12])
def test_a_few_classes_have_a_column_each(classes):
    table = show_accuracies(*make_comparison(classes))
    assert is_whole(table)
    assert len(table.header) == 1 + classes
    assert [row[0] for row in table.rows] == [
        f"CNN, {title}, {split}"
        for title in ("original", "GAN images")
        for split in ("validation", "test")
    ]
    assert not table.note


@pytest.mark.parametrize("classes", [13, 40])
def test_more_classes_have_a_row_each(classes):
    table = show_accuracies(*make_comparison(classes))
    assert is_whole(table)
    assert table.header == [
        "class, accuracy",
        "CNN, original, validation",
        "CNN, GAN images, validation",
    ]
    assert [row[0] for row in table.rows] == [f"c{number}" for number in range(classes)]
    assert table.note.startswith("`comparison.csv` has")


def test_of_many_classes_the_worst_and_the_best_are_told():
    comparison, classes = make_comparison(100)
    table = show_accuracies(comparison, classes)
    assert is_whole(table)
    assert len(table.rows) == 20
    assert table.note.startswith("The table shows 20 of 100 classes: the 10 with the lowest")
    shown = [np.mean([float(cell.strip("%")) for cell in row[1:]]) for row in table.rows]
    assert max(shown[:10]) < min(shown[10:])


def test_a_class_that_the_split_has_not_is_neither_worst_nor_best():
    comparison, classes = make_comparison(50)
    emptied = [
        score.model_copy(update={"confusion": [[0] * 50, *score.confusion[1:]]})
        for score in comparison.scores
    ]
    table = show_accuracies(comparison.model_copy(update={"scores": emptied}), classes)
    assert "c0" not in [row[0] for row in table.rows]


def test_recalls_have_a_row_for_each_rare_class_and_split_and_a_column_for_each_arm():
    data = draw_dataset(("cat", "dog"), per_class=20)
    guesses = {
        split: guess(getattr(data, split).labels, 2, right=0.7, seed=0)
        for split in ("validation", "test")
    }
    cells = [(model, arm) for model in ("cnn", "lightgbm") for arm in ("original", "gan", "shift")]
    predictions = dict.fromkeys(cells, guesses)
    comparison = compare(data, predictions, 100, labeled={"cat": 2000, "dog": 3})
    table = show_recalls(comparison)
    assert is_whole(table)
    assert table.header[4:] == [
        "CNN, GAN images",
        "CNN, transformed copies",
        "LightGBM, GAN images",
        "LightGBM, transformed copies",
    ]
    assert [row[:4] for row in table.rows] == [
        ["dog", "3", "validation", "20"],
        ["cat", "2,000", "validation", "20"],
        ["dog", "3", "test", "20"],
        ["cat", "2,000", "test", "20"],
    ]
    for row in table.rows:
        assert {cell.split(" ", 1)[1] for cell in row[4:]} == {"(+0.0, +0.0 to +0.0)"}


def test_balanced_labels_have_no_recalls():
    comparison, _ = make_comparison(2)
    assert not show_recalls(comparison).rows


def test_classes_without_an_accepted_image_are_named():
    counts = PseudoLabelCounts(6, 3, {"generated": [3, 2, 1], "accepted": [3, 0, 0]})
    table = show_counts(counts, ("cat", "a|b", "dog"))
    assert table.header == ["says the teacher", "cat", r"a\|b", "dog", "all"]
    assert table.rows == [["generated", "3", "2", "1", "6"], ["accepted", "3", "0", "0", "3"]]
    assert table.note == r"No image was accepted of 2 classes: a\|b, dog."


def test_counts_of_a_thousand_classes_are_few_rows():
    names = tuple(f"class {number}" for number in range(1000))
    numbers = list(range(1000))
    table = show_counts(PseudoLabelCounts(1, 1, {"generated": numbers, "accepted": numbers}), names)
    assert is_whole(table)
    assert [row[0] for row in table.rows] == [
        *names[:10],
        *names[-10:],
        "all",
    ]
    assert table.rows[-1] == ["all", "499,500", "499,500"]
    assert "No image was accepted of 1 class: class 0." in table.note


def test_every_class_is_counted_whether_it_occurs_or_not():
    probabilities = np.tile(np.float32([0.7, 0.2, 0.1]), (4, 1))
    decisions = np.array([Decision.ACCEPTED] * 3 + [Decision.SURPLUS], np.uint8)
    pseudo = PseudoLabels(np.zeros((4, 16, 16), np.uint8), probabilities, decisions)
    assert summarize_pseudo_labels(pseudo).per_class == {
        "generated": [4, 0, 0],
        "accepted": [3, 0, 0],
        "rejected: class already full": [1, 0, 0],
    }


def test_agreement_is_counted_where_classes_were_meant():
    probabilities = np.eye(3, dtype=np.float32)
    images, decisions = np.zeros((3, 16, 16), np.uint8), np.array([0, 4, 0], np.uint8)
    intended = np.array([0, 2, 2], np.uint16)
    counts = summarize_pseudo_labels(PseudoLabels(images, probabilities, decisions, intended))
    assert counts.agreement == 2 / 3
    assert counts.per_class["rejected: not the class it was meant to have"] == [0, 1, 0]
    assert summarize_pseudo_labels(PseudoLabels(images, probabilities, decisions)).agreement is None
