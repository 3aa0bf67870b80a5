import numpy as np
import pytest
from scipy import special
from sklearn.metrics import balanced_accuracy_score, f1_score

from gan_aug.evaluation.calibration import (
    TeacherCalibration,
    assess_teacher,
    measure_calibration,
    measure_teacher,
)
from gan_aug.images import ImageSpec, LabeledImages
from gan_aug.teachers.ensemble import average_opinions


def test_the_error_is_the_mean_distance_of_confidence_and_accuracy():
    probabilities = np.full((10, 10), 0.21 / 9, np.float32)
    probabilities[:, 3] = 0.79
    labels = np.array([3] * 6 + [5] * 4, np.uint16)
    measured = measure_calibration(probabilities, labels)
    assert measured.error == pytest.approx(0.19)
    assert sum(measured.count) == 10
    [place] = np.flatnonzero(measured.count)
    assert place == 11, "0.79 is in the twelfth of fifteen bins"
    assert measured.accuracy[place] == pytest.approx(0.6)
    assert measured.confidence[place] == pytest.approx(0.79)


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_certainty_has_a_bin(classes):
    certain = np.eye(classes, dtype=np.float32)
    measured = measure_calibration(certain, np.arange(classes, dtype=np.uint16))
    assert measured.count[-1] == classes
    assert measured.error == 0


def test_an_ensemble_is_measured_with_and_without_its_temperature():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 47, 500).astype(np.uint16)
    opinions = [
        special.softmax(rng.normal(0, 2, (500, 47)), axis=1).astype(np.float32) for _ in range(2)
    ]
    measured = measure_teacher(opinions, 2.0, labels)
    mean = average_opinions(opinions, 2.0)
    assert measured.networks == 2
    assert measured.after == measure_calibration(mean, labels)
    assert measured.before == measure_calibration(average_opinions(opinions), labels)
    guesses = mean.argmax(1)
    assert measured.accuracy == pytest.approx((guesses == labels).mean())
    assert measured.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels, guesses))
    assert measured.macro_f1 == pytest.approx(f1_score(labels, guesses, average="macro"))


def test_a_teacher_is_asked_about_validation_images():
    spec = ImageSpec((64, 64, 3), ("cat", "dog", "fox"))
    images = np.zeros((6, 64, 64, 3), np.uint8)
    validation = LabeledImages(images, np.arange(6, dtype=np.uint16) % 3, spec)
    told = []

    def predict(network, asked, on_progress):
        assert asked is images
        on_progress(len(asked), {})
        return np.eye(3, dtype=np.float32)[[network] * len(asked)]

    found = assess_teacher(
        [0, 0, 1], validation, predict=predict, on_progress=lambda n, _: told.append(n)
    )
    assert isinstance(found, TeacherCalibration)
    assert (found.networks, found.temperature, told) == (3, 1.0, [6, 6, 6])
    assert found.accuracy == pytest.approx(1 / 3)
    assert (found.balanced_accuracy, found.macro_f1) == pytest.approx((1 / 3, 1 / 6))
    assert found.before == found.after
