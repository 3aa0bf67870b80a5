import numpy as np
import pytest

from gan_aug.prediction import BATCH_SIZE, predict_batches, predict_splits


@pytest.mark.parametrize("count", [1, BATCH_SIZE, BATCH_SIZE + 1, 3 * BATCH_SIZE - 1])
def test_batches_are_joined_in_order_and_told_one_by_one(count):
    sizes, told = [], []

    def predict(rows):
        places = np.arange(count)[rows]
        sizes.append(len(places))
        return places, np.stack([places, -places], axis=1)

    one, two = predict_batches(predict, count, lambda done, metrics: told.append(done))
    assert one.tolist() == list(range(count))
    assert two.shape == (count, 2)
    assert two[-1].tolist() == [count - 1, 1 - count]
    assert max(sizes) <= BATCH_SIZE
    assert told == np.cumsum(sizes).tolist()
    assert told[-1] == count


def test_held_out_images_are_predicted_split_by_split_and_progress_counts_them_all(digits):
    told = []

    def predict(model, images, on_progress):
        on_progress(1, {})
        on_progress(len(images), {})
        return model * images[:, 0, :2].astype(np.float32)

    found = predict_splits(
        2, digits, predict=predict, on_progress=lambda done, metrics: told.append(done)
    )
    assert {split: len(rows) for split, rows in found.items()} == {"validation": 250, "test": 297}
    assert told == [1, 250, 251, 547]
