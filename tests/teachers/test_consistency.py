"""The rounds of the teacher `consistency`, and its labels that are held out."""

import numpy as np
import pytest

from gan_aug.classifiers.cnn import predict_probabilities
from gan_aug.data.dataset import describe_dataset
from gan_aug.device import Compute
from gan_aug.errors import TrainingCollapsedError
from gan_aug.representation.contrastive import encode_images, train_encoder
from gan_aug.representation.propagation import find_neighbors, propagate
from gan_aug.settings.consistency import ConsistencyConfig
from gan_aug.settings.encoder import EncoderConfig
from gan_aug.settings.presets import resolve_config
from gan_aug.stages import RunStages, describe_draw
from gan_aug.teachers import consistency
from gan_aug.teachers.consistency import CONSISTENCY, examine_teacher

DRAWN = np.arange(0, 240, 2)


@pytest.fixture
def plan(digits):
    data = describe_dataset(digits.provenance, digits)

    def plan(rounds, number=1):
        config = resolve_config("smoke", {"consistency": {"rounds": rounds}})
        drawn = describe_draw(config, data)
        stages = RunStages(
            config.plan(100, len(digits.train)), data, digits.provenance, drawn, Compute()
        )
        return CONSISTENCY.plan(stages, number)

    return plan


def find_source(network):
    """Return the network by whose features the labels spread that another was trained on."""
    neighbors = network.inputs["propagated"].inputs["neighbors"]
    return neighbors.inputs["features"].inputs["encoder"]


def test_labels_spread_by_the_network_of_the_round_before(plan):
    last = plan(3)
    before = find_source(last)
    first = find_source(before)
    encoder = find_source(first)
    assert [stage.name for stage in (last, before, first)] == ["consistency"] * 3
    assert encoder.name == "encoder"
    assert {stage.inputs["encoder"].name for stage in (last, before, first)} == {"encoder"}


def test_more_rounds_go_on_from_fewer(plan):
    assert find_source(plan(2)) == plan(1)


def test_networks_of_other_numbers_have_rounds_of_their_own(plan):
    assert find_source(plan(2)) != find_source(plan(2, number=2))


@pytest.fixture(scope="module")
def encoder(digits, cpu):
    config = EncoderConfig(width=8, steps=10, batch_size=32)
    return train_encoder(digits.images, config, seed=0, compute=cpu)


@pytest.fixture(scope="module")
def neighbors(digits, encoder):
    return find_neighbors(encode_images(encoder, digits.images), 8)


@pytest.fixture
def trained(monkeypatch):
    """Return what each training of a network was told, and the network."""
    trained, train = [], consistency.train_network

    def train_network(data, drawn, propagated, *rest, **settings):
        network = train(data, drawn, propagated, *rest, **settings)
        trained.append((drawn, propagated, network))
        return network

    monkeypatch.setattr(consistency, "train_network", train_network)
    return trained


@pytest.fixture
def examine(digits, encoder, neighbors, cpu):
    def examine(student_error, drawn=DRAWN):
        propagated = propagate(neighbors, digits.train, drawn, slack=0.2)
        error = examine_teacher(
            digits,
            drawn,
            propagated,
            student_error,
            neighbors=neighbors,
            encoder=encoder,
            config=ConsistencyConfig(updates=4, labeled_batch_size=8, batch_size=8),
            views="marks",
            seed=0,
            compute=cpu,
        )
        return error, propagated.tested_wrong.mean()

    return examine


def test_spread_labels_that_err_half_as_often_as_the_classifier_are_enough(examine, trained):
    error, spread_error = examine(student_error=1.0)
    assert error == spread_error <= 0.5
    assert not trained


def test_where_they_leave_it_open_networks_are_asked_about_labels_they_never_had(
    examine, trained, digits
):
    error, spread_error = examine(student_error=0.0)
    first, second = (part for part, *_ in trained)
    assert sorted([*first, *second]) == DRAWN.tolist()
    wrong = []
    for (part, propagated, network), others in zip(trained, (second, first), strict=True):
        own = np.flatnonzero(propagated.ranks == 0)
        np.testing.assert_array_equal(own, part, "only its own labels spread")
        guesses = predict_probabilities(network, digits.train.images[others]).argmax(axis=1)
        wrong.extend(guesses != digits.train.labels[others])
    assert error == pytest.approx(np.mean(wrong))
    assert error != spread_error


def test_one_label_of_a_class_cannot_be_halved(examine, trained, digits):
    labels = digits.train.labels
    lonely = np.flatnonzero(labels == labels[DRAWN[0]])[:1]
    drawn = np.union1d(DRAWN[labels[DRAWN] != labels[DRAWN[0]]], lonely)
    error, spread_error = examine(student_error=0.0, drawn=drawn)
    assert error == spread_error
    assert not trained


def test_a_training_that_half_of_the_labels_make_collapse_counts_as_the_spread_labels(
    examine, monkeypatch, caplog
):
    def collapse(*_told, **_settings):
        raise TrainingCollapsedError("teacher: collapsed")

    monkeypatch.setattr(consistency, "train_network", collapse)
    error, spread_error = examine(student_error=0.0)
    assert error == spread_error
    assert "half of the labels" in caplog.text
