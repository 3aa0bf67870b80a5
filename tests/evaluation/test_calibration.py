import numpy as np
import pytest
from scipy import special

from gan_aug.errors import UserError
from gan_aug.evaluation.calibration import (
    average_teachers,
    check_folds,
    fit_temperature,
    measure_calibration,
    measure_teacher,
    scale_temperature,
    split_folds,
)


@pytest.fixture
def truthful():
    """Probabilities, and labels drawn from them: a classifier that is calibrated."""
    rng = np.random.default_rng(0)
    probabilities = special.softmax(rng.normal(0, 2, (20_000, 10)), axis=1).astype(np.float32)
    drawn = probabilities.cumsum(axis=1) > rng.random((len(probabilities), 1))
    return probabilities, drawn.argmax(axis=1).astype(np.uint8)


def test_the_error_is_the_mean_distance_of_confidence_and_accuracy():
    probabilities = np.full((10, 10), 0.21 / 9, np.float32)
    probabilities[:, 3] = 0.79
    labels = np.array([3] * 6 + [5] * 4, np.uint8)
    measured = measure_calibration(probabilities, labels)
    assert measured.error == pytest.approx(0.19)
    assert sum(measured.count) == 10
    [place] = np.flatnonzero(measured.count)
    assert place == 11, "0.79 is in the twelfth of fifteen bins"
    assert measured.accuracy[place] == pytest.approx(0.6)
    assert measured.confidence[place] == pytest.approx(0.79)


def test_certainty_has_a_bin():
    measured = measure_calibration(np.eye(10, dtype=np.float32), np.arange(10, dtype=np.uint8))
    assert measured.count[-1] == 10
    assert measured.error == 0


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_a_classifier_that_was_made_too_sure_is_mended(truthful, temperature):
    probabilities, labels = truthful
    spoiled = scale_temperature(probabilities, 1 / temperature)
    fitted = fit_temperature(spoiled, labels)
    assert fitted == pytest.approx(temperature, rel=0.05)
    mended = scale_temperature(spoiled, fitted)
    assert measure_calibration(mended, labels).error < 0.02
    np.testing.assert_array_equal(mended.argmax(1), spoiled.argmax(1))


def test_probabilities_of_zero_can_be_scaled():
    certain = np.eye(10, dtype=np.float32)
    scaled = scale_temperature(certain, 2.0)
    assert np.isfinite(scaled).all()
    np.testing.assert_allclose(scaled.sum(1), 1, rtol=1e-6)
    assert np.isfinite(fit_temperature(certain, np.zeros(10, np.uint8)))


def test_a_temperature_of_one_changes_nothing(truthful):
    probabilities, _ = truthful
    np.testing.assert_array_equal(average_teachers([probabilities]), probabilities)


def test_teachers_are_averaged_after_the_temperature(truthful):
    probabilities, labels = truthful
    other = np.roll(probabilities, 1, axis=1)
    mean = average_teachers([probabilities, other], 2.0)
    expected = (scale_temperature(probabilities, 2.0) + scale_temperature(other, 2.0)) / 2
    np.testing.assert_allclose(mean, expected, rtol=1e-6)
    measured = measure_teacher([probabilities, other], 2.0, labels)
    assert measured.networks == 2
    assert measured.after == measure_calibration(mean, labels)
    assert measured.before == measure_calibration(average_teachers([probabilities, other]), labels)
    assert measured.accuracy == pytest.approx((mean.argmax(1) == labels).mean())


def test_every_image_is_predicted_once_by_those_who_did_not_learn_it():
    labels = np.arange(100, dtype=np.uint8) % 10
    predicted = []
    for learned, held_out in split_folds(labels, 5, seed=0):
        assert not set(learned) & set(held_out)
        np.testing.assert_array_equal(np.bincount(labels[held_out]), [2] * 10)
        predicted += held_out.tolist()
    assert sorted(predicted) == list(range(100))


def test_more_folds_than_images_of_a_digit_are_refused():
    labels = np.repeat(np.arange(10, dtype=np.uint8), 3)
    check_folds(labels, 3)
    with pytest.raises(UserError, match=r"calibration-folds: expected at most 3.* found 4"):
        check_folds(labels, 4)
