import numpy as np
import pytest

from gan_aug.arms import build_original_set
from gan_aug.classifiers.cnn import (
    CnnConfig,
    build_cnn,
    count_poolings,
    draw_batches,
    predict_probabilities,
    train_cnn,
)
from gan_aug.images import TrainingSet


def test_network_is_the_chapters():
    cnn = build_cnn((28, 28, 1), 10)
    shapes = [layer.output.shape[1:] for layer in cnn.layers]
    assert shapes[:4] == [(28, 28, 32), (28, 28, 32), (14, 14, 32), (14, 14, 32)]
    assert shapes[4:8] == [(14, 14, 64), (14, 14, 64), (7, 7, 64), (7, 7, 64)]
    assert [layer.rate for layer in cnn.layers if "dropout" in layer.name] == [0.25, 0.25, 0.5]
    assert cnn.get_layer("features").units == 256
    # 832 + 25,632 + 18,496 + 36,928 + 803,072 + 2,570
    assert cnn.count_params() == 887_530
    block = ["Conv2D", "Conv2D", "MaxPooling2D", "Dropout"]
    names = [type(layer).__name__ for layer in cnn.layers]
    assert names == [*block, *block, "Flatten", "Dense", "Dropout", "Dense"]
    kernels = [layer.kernel_size for layer in cnn.layers if "conv" in layer.name]
    assert kernels == [(5, 5), (5, 5), (3, 3), (3, 3)]


@pytest.mark.parametrize(
    ("side", "poolings"),
    [(16, 2), (28, 2), (32, 2), (36, 3), (64, 3), (68, 3), (72, 4), (128, 4), (256, 5)],
)
def test_larger_images_are_pooled_until_their_map_is_small(side, poolings):
    assert count_poolings(side) == poolings
    assert side >> poolings <= 8


@pytest.mark.parametrize("shape", [(16, 16, 1), (64, 64, 3), (256, 256, 3)])
def test_the_weights_of_a_network_do_not_grow_with_the_side(shape):
    cnn = build_cnn(shape, 47)
    assert cnn.input_shape == (None, *shape)
    assert cnn.output_shape == (None, 47)
    assert cnn.get_layer("features").kernel.shape[0] <= 8 * 8 * 64
    assert cnn.count_params() < 1.4e6


@pytest.mark.parametrize(("labels", "updates"), [(20, 1500), (1000, 1500), (50_000, 6250)])
def test_updates_grow_with_the_labels_where_passes_over_them_need_it(labels, updates):
    planned = CnnConfig().plan(labels)
    assert (planned.updates, planned.steps, planned.epochs) == (updates, updates, 0)
    assert planned.plan(10 * labels) == planned


def test_it_learns_real_digits_and_progress_counts_the_updates(real, cpu):
    seen = []
    model = train_cnn(
        build_original_set(real),
        CnnConfig(updates=60, batch_size=32),
        seed=0,
        compute=cpu,
        on_progress=lambda done, metrics: seen.append(done),
    )
    probabilities = predict_probabilities(model, real.images)
    assert probabilities.shape == (1000, 10)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    assert (probabilities.argmax(1) == real.labels).mean() > 0.7
    assert seen == list(range(1, 61))


def test_label_smoothing_makes_the_network_less_sure(real, cpu):
    training_set = build_original_set(real.take(np.arange(50)))
    sure, smooth = (
        predict_probabilities(
            train_cnn(
                training_set,
                CnnConfig(updates=40, batch_size=32, label_smoothing=smoothing),
                seed=0,
                compute=cpu,
            ),
            training_set.images,
        ).max(axis=1)
        for smoothing in (0.0, 0.5)
    )
    assert smooth.mean() < sure.mean()
    assert smooth.max() < 0.8


def test_same_seed_same_network_other_seed_another(real, cpu):
    def train(seed):
        training_set = build_original_set(real.take(np.arange(20)))
        return train_cnn(training_set, CnnConfig(updates=2, batch_size=4), seed=seed, compute=cpu)

    same, again, other = (train(seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(same, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(same, other, strict=True))


@pytest.mark.parametrize("weights", [[1, 1, 1, 1], [2.5, 0.5, 0.5, 0.5]])
def test_batches_hold_images_in_proportion_to_their_weights(weights):
    images = np.arange(4, dtype=np.uint8)[:, None, None] * np.ones((1, 28, 28), np.uint8)
    training_set = TrainingSet(
        images, np.eye(10, dtype=np.float32)[:4], np.array(weights, np.float32)
    )
    batches = draw_batches(training_set, 8, seed=0)
    drawn = np.concatenate([next(batches)[1].argmax(1) for _ in range(500)])
    shares = np.bincount(drawn, minlength=4) / len(drawn)
    np.testing.assert_allclose(shares, np.array(weights) / 4, atol=0.01)


def test_equal_weights_visit_every_image_before_any_twice(real):
    batches = draw_batches(build_original_set(real.take(np.arange(30))), 10, seed=0)
    images = np.concatenate([next(batches)[0] for _ in range(3)])
    assert len({image.tobytes() for image in images}) == 30
