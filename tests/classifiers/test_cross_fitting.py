"""Predictions of labeled images by classifiers that did not learn from them."""

import numpy as np

from gan_aug.classifiers.cross_fitting import cross_fit, split_folds
from gan_aug.images import ImageSpec, LabeledImages


def test_every_image_is_predicted_once_by_those_who_did_not_learn_it():
    labels = np.arange(100, dtype=np.uint16) % 10
    predicted = []
    for learned, held_out in split_folds(labels, 5, seed=0):
        assert not set(learned) & set(held_out)
        np.testing.assert_array_equal(np.bincount(labels[held_out]), [2] * 10)
        predicted += held_out.tolist()
    assert sorted(predicted) == list(range(100))


def test_predictions_are_in_the_order_of_the_images_and_steps_add_up():
    labels = np.repeat([0, 1, 2], 4).astype(np.uint16)
    images = np.zeros((12, 16, 16), np.uint8) + np.arange(12, dtype=np.uint8)[:, None, None]
    told = []

    def train(learned, on_progress):
        on_progress(2, {})
        return set(learned.tolist())

    def predict(learned, asked):
        places = asked[:, 0, 0].astype(int)
        assert not learned & set(places)
        return np.eye(3, dtype=np.float32)[labels[places]]

    held_out = cross_fit(
        LabeledImages(images, labels, ImageSpec((16, 16, 1), ("cat", "dog", "fox"))),
        folds=4,
        seed=0,
        train=train,
        predict=predict,
        steps=2,
        on_progress=lambda done, _: told.append(done),
    )
    np.testing.assert_array_equal(held_out.argmax(axis=1), labels)
    assert told == [2, 4, 6, 8]


def test_a_class_smaller_than_the_folds_is_in_some_of_them_without_a_word(recwarn):
    labels = np.array([0] * 10 + [1])
    predicted = [held_out for _, held_out in split_folds(labels, 2, seed=0)]
    assert sorted(np.concatenate(predicted)) == list(range(11))
    assert not recwarn.list
