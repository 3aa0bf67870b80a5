"""Two trainings of one seed are equal to the last bit, whatever is trained."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context
from trainings import NETWORKS, Trainings, shorten

from gan_aug.gan import layers
from gan_aug.gan.adversarial import binary_cross_entropy, train_dcgan
from gan_aug.settings.presets import resolve_config

TRAININGS = [
    *((name, "float32") for name in ("compact", "features", "chapter", "paper", *NETWORKS)),
    ("compact", "mixed_bfloat16"),
    pytest.param("plain", "float32", marks=pytest.mark.slow),
    *(
        pytest.param(name, "mixed_bfloat16", marks=pytest.mark.slow)
        for name in ("features", "chapter", "paper", *NETWORKS)
    ),
]


@pytest.fixture
def train(tiny_dcgan, cpu, real):
    """Return a function that takes steps of a training and returns all that comes of it."""
    trainings = Trainings(real, tiny_dcgan, cpu)

    def train(name, policy, steps):
        with shorten(steps):
            return trainings.train(name, policy, steps)

    return train


@pytest.mark.parametrize(("name", "policy"), TRAININGS)
def test_nothing_sums_three_tensors_in_one_operation(train, name, policy):
    """``AddN`` begins with the term whose buffer is free, and that is a matter of chance."""
    context.enable_graph_collection()
    try:
        train(name, policy, 1)
        collected = context.export_run_metadata()
    finally:
        context.disable_graph_collection()
    graphs = [functions.post_optimization_graph for functions in collected.function_graphs]
    nodes = [
        node
        for graph in graphs
        for part in (graph.node, *(function.node_def for function in graph.library.function))
        for node in part
    ]
    assert any(node.op == "MatMul" for node in nodes)
    assert not [node.name for node in nodes if node.op == "AddN" and node.attr["N"].i > 2]


def test_the_gradient_of_the_cross_entropy_is_that_of_tensorflow():
    logits = tf.concat([tf.linspace(-100.0, 100.0, 41), [0.0]], axis=0)[:, None]
    for label in (0.0, 0.9, 1.0):
        labels = tf.fill(logits.shape, label)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(logits)
            loss = binary_cross_entropy(labels, logits)
            expected = tf.reduce_mean(
                tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)
            )
        assert loss == expected
        np.testing.assert_allclose(
            tape.gradient(loss, logits), tape.gradient(expected, logits), rtol=1e-5, atol=1e-9
        )


@pytest.mark.parametrize("shape", [(6, 5), (6, 7, 7, 3)])
def test_the_gradient_of_row_moments_is_that_of_tensorflow(shape):
    values = tf.random.stateless_normal(shape, (0, 1))
    inside = list(range(1, len(shape) - 1))

    def measure(values):
        moments = (values, values**2)
        return values, *(tf.reduce_mean(m, inside, keepdims=True) if inside else m for m in moments)

    compare_gradients(layers.measure_rows, measure, values)


def test_the_gradient_of_sums_of_squares_is_that_of_tensorflow():
    directions = tf.random.stateless_normal((6, 5), (0, 1))
    compare_gradients(
        layers.sum_squares, lambda values: (values, tf.reduce_sum(values**2, axis=0)), directions
    )


def compare_gradients(found, expected, values):
    """Hold all outputs of a function of ``values``, and their gradients, to those of another."""
    gradients = []
    for function in (found, expected):
        with tf.GradientTape() as tape:
            tape.watch(values)
            outputs = function(values)
            loss = sum(tf.reduce_sum(tf.sin(output + i)) for i, output in enumerate(outputs))
        gradients.append([*outputs, tape.gradient(loss, values)])
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "policy"), TRAININGS)
def test_two_trainings_are_equal(train, name, policy):
    first, second = (train(name, policy, 60) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.slow
def test_trainings_of_smokes_size_and_many_images_are_equal(real, cpu):
    """Which buffer is free varies more where the images do not fit the processor's cache."""
    images = np.tile(real.images, (50, 1, 1))
    config = resolve_config("smoke", {"dcgan": {"steps": 300, "interval": 100}}).dcgan
    first, second = (train_dcgan(images, config, seed=0, compute=cpu) for _ in range(2))
    assert first.history == second.history
    for one, other in zip(
        first.discriminator.get_weights(), second.discriminator.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)
