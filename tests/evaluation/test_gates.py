import dataclasses

import numpy as np
import pytest

from gan_aug.data.dataset import Dataset, Provenance
from gan_aug.evaluation.comparison import Comparison
from gan_aug.evaluation.gates import check_class_shares, check_gates, take_baseline
from gan_aug.images import ImageSpec, LabeledImages, PseudoLabels, one_hot
from gan_aug.settings.evaluation import GatesConfig

CONFIG = GatesConfig()
DIGESTS = {"x_train": "12", "y_train": "34"}


@pytest.fixture
def compare(make_score):
    """Return a maker of comparisons in which so many of 1,000 validation images are right."""

    def compare(right):
        confusion = np.zeros((10, 10), int)
        confusion[0, :2] = right, 1000 - right
        score = make_score(accuracy=right / 1000, confusion=confusion.tolist())
        test = score.model_copy(update={"split": "test", "accuracy": 0.1})
        return Comparison(verdict="", confidence_level=0.95, scores=[score, test])

    return compare


@pytest.fixture
def pseudo():
    probabilities = np.eye(10, dtype=np.float32)[np.arange(1000) % 10]
    return PseudoLabels(np.zeros((1000, 28, 28), np.uint8), probabilities, np.zeros(1000, np.uint8))


@pytest.fixture
def data():
    """Return a maker of data sets of given digests."""

    def data(digests=DIGESTS):
        part = label_images(np.arange(1000) % 10, tuple("0123456789"))
        provenance = Provenance(
            name="some",
            sha256=digests,
            verified_mnist=False,
            images=dict.fromkeys(("train", "validation", "test"), 1000),
            shape=part.spec.shape,
            classes=part.spec.classes,
        )
        return Dataset(part, part, part, provenance)

    return data


def label_images(labels, classes, shape=(28, 28, 1)):
    images = np.zeros((len(labels), *(shape if shape[2] == 3 else shape[:2])), np.uint8)
    return LabeledImages(images, labels.astype(np.uint16), ImageSpec(shape, classes))


def opine(labels, classes):
    """Pseudo-labels of which the teacher is certain."""
    images, decisions = np.zeros((len(labels), 28, 28), np.uint8), np.zeros(len(labels), np.uint8)
    return PseudoLabels(images, one_hot(labels, classes), decisions)


@pytest.fixture
def check(compare, data, pseudo):
    def check(right=950, before=950, digests=DIGESTS, pseudo=pseudo, quality=None):
        baseline = take_baseline(compare(before), data()) if before else None
        return check_gates(compare(right), data(digests), pseudo, quality, CONFIG, baseline)

    return check


def test_the_same_again_passes_and_so_does_the_first_run(check):
    assert check() == []
    assert check(before=None) == []
    assert check(right=990) == []


def test_other_data_are_noticed(check):
    [failure] = check(digests=DIGESTS | {"y_train": "56"})
    assert failure.gate == "data"
    assert "y_train" in failure.message
    assert "x_train" not in failure.message


@pytest.mark.parametrize(("right", "noticed"), [(949, False), (940, False), (925, True)])
def test_a_drop_is_noticed_once_chance_does_not_explain_it(check, right, noticed):
    failures = check(right=right)
    assert [failure.gate for failure in failures] == ["accuracy"] * noticed
    for failure in failures:
        assert (failure.expected, failure.found) == (0.95, right / 1000)


def test_a_class_that_the_generator_lost_is_noticed(check, pseudo):
    probabilities = pseudo.probabilities.copy()
    probabilities[probabilities[:, 7] == 1] = np.eye(10, dtype=np.float32)[8]
    [failure] = check(pseudo=dataclasses.replace(pseudo, probabilities=probabilities))
    assert failure.gate == "class_share"
    assert failure.found == 0
    assert failure.message == ("synthetic images: expected at least 2.00% of class 7, found 0.00%")


@pytest.mark.parametrize(("distance", "noticed"), [(9.0, False), (11.0, True)])
def test_images_far_from_real_ones_are_noticed(check, make_quality, distance, noticed):
    failures = check(quality=make_quality(distance, 2.0))
    assert [failure.gate for failure in failures] == ["frechet_ratio"] * noticed


@pytest.mark.parametrize(("classes", "bound"), [(2, 0.02), (10, 0.02), (47, 0.5 / 47)])
def test_of_many_classes_none_has_to_have_more_than_half_its_real_share(classes, bound):
    names = tuple(f"kind {i}" for i in range(classes))
    labels = np.arange(100 * classes) % classes
    train = label_images(labels, names)
    assert list(check_class_shares(opine(labels, classes), train, 0.02)) == []
    lost = np.where(labels == 1, 0, labels)
    [failure] = check_class_shares(opine(lost, classes), train, 0.02)
    assert (failure.expected, failure.found) == (pytest.approx(bound), 0)
    assert "of class kind 1, found 0.00%" in failure.message


def test_a_rare_class_may_be_rare_among_synthetic_images_too():
    names = ("cat", "dog", "fox")
    labels = np.array([0] * 600 + [1] * 390 + [2] * 10)
    train = label_images(labels, names, (64, 64, 3))
    assert list(check_class_shares(opine(labels, 3), train, 0.02)) == []
    [failure] = check_class_shares(opine(np.where(labels == 2, 0, labels), 3), train, 0.02)
    assert failure.message.startswith("synthetic images: expected at least 0.50% of class fox")
