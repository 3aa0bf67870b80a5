import dataclasses
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from gan_aug.device import Compute
from gan_aug.errors import TrainingDivergedError
from gan_aug.gan import adversarial
from gan_aug.gan.adversarial import HISTORY_COLUMNS, Batch, build_players, train_dcgan
from gan_aug.gan.players import draw_noise
from gan_aug.settings.dcgan import DcganConfig
from gan_aug.settings.presets import resolve_config
from gan_aug.training import compile_steps, update_average

SHAPE = (28, 28, 1)


class MemoryCheckpoint:
    """Keeps the last state and can stop the training after a number of saves, as a kill would."""

    def __init__(self, saves_until_kill=None):
        self.arrays = None
        self.left = saves_until_kill

    def load(self):
        return self.arrays

    def save(self, arrays):
        self.arrays = dict(arrays)
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt


def weights(model):
    return [variable.numpy() for variable in model.variables]


def unequal(before, after):
    return [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]


def as_batch(reals):
    """Eight images in clusters 0, 1, 2, 0, ..."""
    return Batch(tf.cast(reals[:8, ..., None], tf.float32) / 255, tf.range(8) % 3)


def without_dropout(model):
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0


@pytest.fixture
def reals(real):
    return real.images[:64]


def compile_training(players, reals, config, seed, compute):
    step = adversarial.build_train_step(players, reals, config, seed=seed)
    return compile_steps(step, len(adversarial.METRICS), compute)


def separate_gradients(players, reals, noise):
    """Each player's gradients from its own loss and its own backward pass."""
    ones, zeros = tf.ones((len(noise), 1)), tf.zeros((len(noise), 1))

    def loss_of(labels, batch):
        logits = adversarial.discriminate(players.discriminator, batch)
        # Not the loss under test: its order of summation leaves nothing of a gradient of 1e-13.
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))

    with tf.GradientTape() as tape:
        fakes = adversarial.generate_fakes(players, noise)
        loss = loss_of(ones, fakes)
    generator_gradients = tape.gradient(loss, players.generator.trainable_variables)
    with tf.GradientTape() as tape:
        loss = (loss_of(ones, reals) + loss_of(zeros, fakes)) / 2
    return generator_gradients, tape.gradient(loss, players.discriminator.trainable_variables)


class GradientKeeper:
    """An optimizer that only remembers what it was asked to apply."""

    def apply(self, gradients, weights):
        self.gradients = gradients


@pytest.mark.parametrize(
    ("architecture", "clusters"), [("compact", 0), ("compact", 3), ("chapter", 0)]
)
@pytest.mark.parametrize("bias", [0.0, -30.0, 30.0])
def test_the_shared_backward_pass_equals_two_separate_ones(
    tiny_dcgan, cpu, reals, architecture, clusters, bias
):
    """Also where the discriminator is sure of itself, by a logit of 30 in either direction."""
    config = tiny_dcgan.model_copy(
        update={"architecture": architecture, "clusters": clusters, "discriminator_dropout": 0.0}
    )
    players = build_players(config, cpu, SHAPE)
    without_dropout(players.generator)
    players.discriminator.layers[-1].bias.assign([bias])
    images = as_batch(reals)
    noise = draw_noise(8, config.latent_dim, seed=(0, 0))
    expected = separate_gradients(players, images, noise)
    keepers = GradientKeeper(), GradientKeeper()
    shared = dataclasses.replace(
        players, generator_optimizer=keepers[0], discriminator_optimizer=keepers[1]
    )
    adversarial.update_players(shared, images, noise, config, tf.constant(1))
    for keeper, gradients in zip(keepers, expected, strict=True):
        # One scale for a player: the gradient of a bias before a normalization is rounding alone.
        scale = max(np.abs(gradient).max() for gradient in gradients)
        for found, wanted in zip(keeper.gradients, gradients, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5 * scale)


TECHNIQUES = [
    {"architecture": "paper"},
    {"feature_matching": True},
    {"minibatch_discrimination": 3},
    {"label_smoothing": 0.1},
    {"historical_averaging": 0.01},
    {"virtual_batch_normalization": 5},
    {
        "feature_matching": True,
        "minibatch_discrimination": 3,
        "label_smoothing": 0.1,
        "historical_averaging": 0.01,
        "virtual_batch_normalization": 5,
    },
]


@pytest.mark.parametrize("changes", TECHNIQUES)
def test_a_whole_step_of_every_technique_updates_all_weights(tiny_dcgan, cpu, reals, changes):
    config = tiny_dcgan.model_copy(update={"gradient_penalty": 0.0, **changes})
    players = build_players(config, cpu, SHAPE)
    before = [weight.numpy() for weight in players.weights]
    compile_training(players, reals, config, 0, cpu)(0, 2)
    still = {
        weight.path
        for weight, changed in zip(
            players.weights, unequal(before, [w.numpy() for w in players.weights]), strict=True
        )
        if not changed
    }
    # What is subtracted again by a normalization has no gradient but rounding.
    assert not {path for path in still if path.endswith(("kernel", "gamma"))}


def test_all_techniques_train_in_mixed_precision(tiny_dcgan, reals):
    changes = TECHNIQUES[-1] | {"architecture": "paper", "gradient_penalty": 0.0}
    config = tiny_dcgan.model_copy(update=changes)
    trained = train_dcgan(reals, config, seed=0, compute=Compute(dtype_policy="mixed_bfloat16"))
    assert {w.dtype for w in trained.generator.trainable_variables} == {"float32"}


@pytest.mark.parametrize("changes", [{"minibatch_discrimination": 3}, {"architecture": "paper"}])
def test_a_penalty_of_batches_is_refused(tiny_dcgan, changes):
    values = tiny_dcgan.model_dump() | {"gradient_penalty": 0.1} | changes
    with pytest.raises(ValidationError, match=r"expected gradient-penalty 0 .* found 0.1; set"):
        DcganConfig.model_validate(values)


def test_separate_passes_equal_the_shared_one_where_no_image_sees_another(tiny_dcgan, cpu, reals):
    config = tiny_dcgan.model_copy(
        update={"clusters": 3, "discriminator_dropout": 0.0, "label_smoothing": 0.1}
    )
    players = build_players(config, cpu, SHAPE)
    noise = draw_noise(8, config.latent_dim, seed=(0, 0))
    shared, separate = (
        compute(players, as_batch(reals), noise, config)
        for compute in (
            adversarial.compute_shared_gradients,
            adversarial.compute_separate_gradients,
        )
    )
    for one, other in zip(shared[:2], separate[:2], strict=True):
        scale = max(np.abs(gradient).max() for gradient in one)
        for found, wanted in zip(one, other, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5 * scale)
    np.testing.assert_allclose(shared.metrics, separate.metrics, rtol=1e-5)


def test_feature_matching_wants_equal_means_and_nothing_else():
    features = tf.constant([[0.0, 2.0], [2.0, 4.0]])
    others = tf.Variable([[1.0, 3.0], [1.0, 3.0]])
    with tf.GradientTape() as tape:
        loss = adversarial.match_features(features, others)
    assert float(loss) == 0
    np.testing.assert_array_equal(tape.gradient(loss, others), np.zeros((2, 2)))
    assert float(adversarial.match_features(features, others + tf.constant([1.0, 2.0]))) == 5


def test_label_smoothing_is_one_sided(tiny_dcgan):
    """The best logit of a real image is that of 0.9, that of a fake stays minus infinity."""
    config = tiny_dcgan.model_copy(update={"label_smoothing": 0.1})
    reals = tf.Variable([[np.log(9.0)]], dtype=tf.float32)
    fakes = tf.Variable([[-3.0], [3.0]])
    with tf.GradientTape() as tape:
        loss = adversarial.compute_discriminator_loss(tf.concat([reals, fakes], 0), 1, config)
    real_gradient, fake_gradient = tape.gradient(loss, [reals, fakes])
    np.testing.assert_allclose(real_gradient, 0, atol=1e-7)
    np.testing.assert_allclose(fake_gradient, tf.sigmoid(fakes) / 3, rtol=1e-6)


def test_historical_averaging_pulls_towards_the_mean_of_the_past(tiny_dcgan, cpu):
    config = tiny_dcgan.model_copy(update={"historical_averaging": 0.5})
    players = build_players(config, cpu, SHAPE)
    first = [weight.numpy() for weight in players.weights]
    for step in range(3):
        for weight, start in zip(players.weights, first, strict=True):
            weight.assign(start + 3.0 * step)
        adversarial.update_past(players, tf.constant(step))
    zeros = [tf.zeros_like(weight) for weight in players.weights]
    for pull in adversarial.add_pull(zeros, players, config.historical_averaging):
        # The weights were 0, 3 and 6 above their start: they are 3 above their mean.
        np.testing.assert_allclose(pull, 2 * 0.5 * 3, rtol=1e-4)


def test_historical_averaging_ends_the_circling_of_a_bilinear_game():
    """Of f(x, y) = xy, gradient play circles outwards; the paper's point of the technique."""

    def distance_after(strength, steps=300, rate=0.1):
        x, y = keras.Variable(1.0), keras.Variable(0.0)
        players = SimpleNamespace(weights=[x, y], past=[keras.Variable(x), keras.Variable(y)])
        for step in range(steps):
            slopes = [y.value, -x.value]
            pulled = adversarial.add_pull(slopes, players, strength)
            adversarial.update_past(players, tf.constant(step))
            for weight, slope in zip(players.weights, pulled, strict=True):
                weight.assign(weight - rate * slope)
        return np.hypot(x, y)

    assert distance_after(0.0) > 1
    assert distance_after(0.2) < 0.1


@pytest.mark.parametrize("architecture", ["compact", "chapter"])
def test_a_whole_step_updates_both_players_and_the_average(tiny_dcgan, cpu, reals, architecture):
    config = tiny_dcgan.model_copy(update={"architecture": architecture})
    players = build_players(config, cpu, SHAPE)
    models = (players.generator, players.discriminator, players.average)
    before = [[v.numpy() for v in model.trainable_variables] for model in models]
    train_steps = compile_training(players, reals, config, 0, cpu)
    train_steps(0, 1)
    for model, old in zip(models, before, strict=True):
        assert any(unequal(old, [v.numpy() for v in model.trainable_variables]))
    momentum = 1 / 10
    expected = (
        momentum * before[2][0] + (1 - momentum) * players.generator.trainable_variables[0].numpy()
    )
    np.testing.assert_allclose(players.average.trainable_variables[0].numpy(), expected, rtol=1e-5)


def test_the_generators_part_of_a_whole_step_leaves_the_discriminator(tiny_dcgan, cpu, reals):
    """With a vanishing rate of its own, the discriminator could change only through the other's."""
    config = tiny_dcgan.model_copy(update={"discriminator_learning_rate": 1e-30})
    players = build_players(config, cpu, SHAPE)
    models = (players.generator, players.discriminator)
    before = [[v.numpy() for v in model.trainable_variables] for model in models]
    compile_training(players, reals, config, 0, cpu)(0, 3)
    after = [[v.numpy() for v in model.trainable_variables] for model in models]
    assert any(unequal(before[0], after[0]))
    for old, new in zip(before[1], after[1], strict=True):
        np.testing.assert_allclose(new, old, atol=1e-25)


def test_steps_one_by_one_equal_steps_in_one_call(tiny_dcgan, cpu, reals):
    results = []
    for calls in ([(0, 4)], [(0, 1), (1, 2), (3, 1)]):
        tf.keras.utils.set_random_seed(5)
        players = build_players(tiny_dcgan, cpu, SHAPE)
        train_steps = compile_training(players, reals, tiny_dcgan, 5, cpu)
        for first, count in calls:
            train_steps(first, count)
        results.append(weights(players.generator))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_training_logs_and_samples_every_interval(tiny_dcgan, cpu, reals):
    config = tiny_dcgan.model_copy(update={"steps": 5})
    progress = []
    trained = train_dcgan(
        reals,
        config,
        seed=0,
        compute=cpu,
        on_progress=lambda done, metrics: progress.append(done),
    )
    assert [row["step"] for row in trained.history] == [2, 4, 5]
    assert all(tuple(row) == HISTORY_COLUMNS for row in trained.history)
    assert trained.samples.shape == (3, 64, 28, 28)
    assert trained.samples.dtype == np.uint8
    assert progress[-1] == 5


@pytest.mark.parametrize("side", [32, 64])
def test_the_papers_network_trains_on_colored_pictures(tiny_dcgan, cpu, side):
    config = tiny_dcgan.model_copy(
        update={"architecture": "paper", "gradient_penalty": 0.0, "clusters": 0}
    )
    pictures = np.random.default_rng(0).integers(0, 256, (16, side, side, 3), dtype=np.uint8)
    trained = train_dcgan(pictures, config, seed=0, compute=cpu)
    assert trained.samples.shape == (2, 64, side, side, 3)
    assert trained.generator.output_shape == (None, side, side, 3)


def test_same_seed_same_training_other_seed_another(tiny_dcgan, cpu, reals):
    trained = [train_dcgan(reals, tiny_dcgan, seed=seed, compute=cpu) for seed in (1, 1, 2)]
    same, again, other = (weights(t.generator) for t in trained)
    assert not any(unequal(same, again))
    assert any(unequal(same, other))


def test_a_training_of_smokes_size_is_the_same_every_time(cpu, real):
    """Small trainings can agree where larger ones, on several threads, do not."""
    config = resolve_config("smoke").dcgan
    first, second = (
        weights(train_dcgan(real.images, config, seed=0, compute=cpu).generator) for _ in range(2)
    )
    assert not any(unequal(first, second))


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": "chapter"},
        {"architecture": "compact"},
        {"clusters": 5, "gradient_penalty": 0.1, "penalty_interval": 2},
        TECHNIQUES[-1],
    ],
)
def test_a_killed_training_resumes_as_if_uninterrupted(tiny_dcgan, cpu, reals, changes):
    config = tiny_dcgan.model_copy(update=changes)
    whole = train_dcgan(reals, config, seed=3, compute=cpu)
    checkpoint = MemoryCheckpoint(saves_until_kill=1)
    with pytest.raises(KeyboardInterrupt):
        train_dcgan(reals, config, seed=3, compute=cpu, checkpoint=checkpoint)
    checkpoint.left = None
    progress = []
    resumed = train_dcgan(
        reals,
        config,
        seed=3,
        compute=cpu,
        checkpoint=checkpoint,
        on_progress=lambda done, metrics: progress.append(done),
    )
    assert progress == [4], "the first interval is not trained again"
    assert resumed.history == whole.history
    np.testing.assert_array_equal(resumed.samples, whole.samples)
    assert not np.array_equal(*whole.samples)
    assert not any(unequal(weights(whole.generator), weights(resumed.generator)))
    assert not any(unequal(weights(whole.discriminator), weights(resumed.discriminator)))


def test_a_finished_checkpoint_trains_no_further(tiny_dcgan, cpu, reals):
    checkpoint = MemoryCheckpoint()
    first = train_dcgan(reals, tiny_dcgan, seed=0, compute=cpu, checkpoint=checkpoint)
    progress = []
    again = train_dcgan(
        reals,
        tiny_dcgan,
        seed=0,
        compute=cpu,
        checkpoint=checkpoint,
        on_progress=lambda done, metrics: progress.append(done),
    )
    assert not progress
    assert again.history == first.history
    np.testing.assert_array_equal(again.samples, first.samples)
    assert not any(unequal(weights(again.generator), weights(first.generator)))


FOREIGN = {
    "nothing": lambda arrays: {},
    "a state is missing": lambda arrays: without(arrays, "variable_000"),
    "a state of another shape": lambda arrays: arrays | {"variable_000": np.zeros((2, 2))},
    "a state of text": lambda arrays: arrays | {"variable_000": np.array("seven")},
    "no history": lambda arrays: without(arrays, "step"),
    "an empty history": lambda arrays: arrays | {"step": np.empty(0)},
    "columns of different length": lambda arrays: arrays | {"step": np.arange(9)},
    "samples of another number": lambda arrays: arrays | {"samples": arrays["samples"][:0]},
}


def without(arrays, name):
    return {key: array for key, array in arrays.items() if key != name}


@pytest.mark.parametrize("damage", FOREIGN.values(), ids=FOREIGN)
def test_a_checkpoint_of_something_else_is_said_and_not_used(
    tiny_dcgan, cpu, reals, caplog, damage
):
    checkpoint = MemoryCheckpoint()
    first = train_dcgan(reals, tiny_dcgan, seed=0, compute=cpu, checkpoint=checkpoint)
    checkpoint.arrays = damage(checkpoint.arrays)
    again = train_dcgan(reals, tiny_dcgan, seed=0, compute=cpu, checkpoint=checkpoint)
    assert "the checkpoint is of something else" in caplog.text
    assert again.history == first.history
    assert not any(unequal(weights(again.generator), weights(first.generator)))


def test_divergence_stops_the_training_and_names_the_step(tiny_dcgan, cpu, reals):
    config = tiny_dcgan.model_copy(
        update={"generator_learning_rate": 1e30, "discriminator_learning_rate": 1e30}
    )
    checkpoint = MemoryCheckpoint()
    with pytest.raises(TrainingDivergedError, match=r"at step [12]; last good.*none yet"):
        train_dcgan(reals, config, seed=0, compute=cpu, checkpoint=checkpoint)
    assert checkpoint.arrays is None


@pytest.mark.parametrize(("step", "kept"), [(0, 0.1), (8, 0.5), (10_000, 0.98)])
def test_the_average_forgets_fast_at_first(step, kept):
    average, weight = keras.Variable([1.0, 1.0]), keras.Variable([0.0, 0.0])
    update_average([average], [weight], 0.98, tf.constant(step))
    np.testing.assert_allclose(average, kept, rtol=1e-5)


def test_the_rate_decays_as_in_the_chapter(tiny_dcgan, cpu):
    config = tiny_dcgan.model_copy(update={"optimizer": "rmsprop", "generator_decay": 0.5})
    optimizer = build_players(config, cpu, SHAPE).generator_optimizer
    optimizer.iterations.assign(4)
    rate = float(optimizer.learning_rate)
    assert rate == pytest.approx(config.generator_learning_rate / (1 + 0.5 * 4))


def test_the_penalty_is_half_the_mean_squared_slope_of_the_logits(tiny_dcgan, cpu, reals):
    """The slope of a linear discriminator is its kernel, so that is its penalty's gradient."""
    linear = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    players = dataclasses.replace(build_players(tiny_dcgan, cpu, SHAPE), discriminator=linear)
    before = [tf.ones((784, 1)), tf.ones(1)]
    gradients = adversarial.add_penalty(before, players, as_batch(reals), tf.constant(3.0))
    np.testing.assert_allclose(gradients[0], 1 + 3 * linear.layers[-1].kernel.numpy(), rtol=1e-5)
    np.testing.assert_array_equal(gradients[1], [1])


def test_the_penalty_reaches_every_weight_that_shapes_a_slope(tiny_dcgan, cpu, reals):
    config = tiny_dcgan.model_copy(update={"clusters": 3, "discriminator_dropout": 0.0})
    players = build_players(config, cpu, SHAPE)
    zeros = [tf.zeros_like(weight) for weight in players.discriminator.trainable_variables]
    gradients = adversarial.add_penalty(zeros, players, as_batch(reals), tf.constant(1.0))
    still = [
        weight.path
        for weight, gradient in zip(
            players.discriminator.trainable_variables, gradients, strict=True
        )
        if not np.any(gradient)
    ]
    assert all(path.endswith("bias") for path in still)


def test_the_penalty_is_taken_every_few_steps_with_as_many_times_the_weight(tiny_dcgan):
    config = tiny_dcgan.model_copy(update={"gradient_penalty": 0.5, "penalty_interval": 4})
    weights = [float(adversarial.penalty_weight(config, tf.constant(step))) for step in range(9)]
    assert weights == [2, 0, 0, 0, 2, 0, 0, 0, 2]
    unpenalized = config.model_copy(update={"gradient_penalty": 0.0})
    assert adversarial.penalty_weight(unpenalized, tf.constant(0)) == 0


def test_fakes_occur_in_clusters_as_often_as_reals(tiny_dcgan, cpu, reals):
    config = tiny_dcgan.model_copy(update={"clusters": 4})
    players = build_players(config, cpu, SHAPE)
    clusters = adversarial.assign_clusters(players, reals, config, seed=0)
    noise = draw_noise(20_000, config.latent_dim, seed=(0, 0))
    for generator in (players.generator, players.average):
        drawn = (
            np.bincount(adversarial.find_code(generator).find_clusters(noise), minlength=4) / 20_000
        )
        np.testing.assert_allclose(drawn, np.bincount(clusters, minlength=4) / 64, atol=0.02)
