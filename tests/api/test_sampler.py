"""GanAugmenter: imbalanced-learn's contract, and images in the form of the caller's."""

import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from api_settings import SURE, TOY
from imblearn.base import BaseSampler
from imblearn.pipeline import make_pipeline
from imblearn.utils import estimator_checks
from imblearn.utils._validation import ArraysTransformer
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import label_binarize

from gan_aug import GanAugmenter, UserError
from gan_aug.api.sampler import Gathered
from gan_aug.images import SyntheticImages
from gan_aug.store.store import ArrayCheckpoint


@pytest.fixture(scope="module")
def few():
    """Imbalanced 16x16 digits: 24, 15 and 10 of three classes."""
    images, labels = load_digits(n_class=3, return_X_y=True)
    images = (images.reshape(-1, 8, 8) * 255 / 16).astype(np.uint8)
    images = images.repeat(2, axis=1).repeat(2, axis=2)
    places = [np.flatnonzero(labels == label)[:count] for label, count in enumerate((24, 15, 10))]
    chosen = np.sort(np.concatenate(places))
    return images[chosen], labels[chosen]


def make(**parameters):
    defaults = {"random_state": 0, "preset": "smoke", "settings": SURE, "verbose": 0}
    return GanAugmenter(**defaults | parameters)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Trainings that several tests need."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def fitted(few, cache):
    sampler = make(cache=cache)
    return sampler, sampler.fit_resample(*few)


def test_classes_are_brought_to_the_size_of_the_largest(few, fitted):
    sampler, (images, labels) = fitted
    assert np.bincount(labels).tolist() == [24, 24, 24]
    np.testing.assert_array_equal(images[:49], few[0])
    np.testing.assert_array_equal(labels[:49], few[1])
    assert images.dtype == np.uint8
    assert len({image.tobytes() for image in images[49:]}) == 23, "each is another one"
    assert sampler.sampling_strategy_ == {1: 9, 2: 14}


def test_what_was_made_can_be_looked_at(fitted):
    sampler, (images, _) = fitted
    weights = sampler.sample_weight_
    assert weights.shape == (len(images),)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights.mean(), 1, rtol=1e-5)
    assert weights[49:].max() <= weights[:49].min() + 1e-6
    noise = np.zeros((2, sampler.generator_.input_shape[-1]), np.float32)
    assert sampler.generator_(noise).shape == (2, 16, 16, 1)
    assert sampler.teacher_[0].predict(images[:2, ..., None] / 255.0, verbose=0).shape == (2, 3)
    assert sampler.quality_.loc[["0", "1", "2"], "accepted"].tolist() == [0, 9, 14]
    assert (sampler.quality_.offered >= sampler.quality_.accepted).all()


def test_a_data_frame_comes_back_as_one(few, cache):
    frame = pd.DataFrame(few[0].reshape(49, -1)).add_prefix("pixel")
    series = pd.Series(few[1], name="label")
    resampled, labels = make(cache=cache).fit_resample(frame, series)
    assert list(resampled.columns) == list(frame.columns)
    assert (resampled.dtypes == np.uint8).all()
    assert labels.name == "label"
    pd.testing.assert_frame_equal(resampled[:49], frame)


def test_only_images_of_the_class_that_was_meant_are_gathered():
    images = np.arange(4, dtype=np.uint8)[:, None, None] * np.ones((4, 16, 16), np.uint8)
    opinions = np.eye(2, dtype=np.float32)[[0, 1, 0, 1]]
    for intended, kept in ((None, [0, 1, 2, 3]), (np.uint16([0, 0, 1, 1]), [0, 3])):
        gathered = Gathered(np.array([2, 2]), np.zeros(2, np.intp))
        gathered.take(SyntheticImages(images, intended), opinions, threshold=0.9)
        assert gathered.images[0][:, 0, 0].tolist() == kept
        assert gathered.offered.tolist() == [2, 2]


@pytest.mark.parametrize("mark", [-1, None])
def test_unlabeled_images_are_used_and_come_back_when_asked_for(few, cache, mark):
    images, labels = few
    names = np.array(["zero", "one", "two"], dtype=object)
    given = labels.copy() if mark == -1 else names[labels]
    given[[0, 1, 2]] = mark
    counts = 49 - 3
    resampled, _ = make(cache=cache).fit_resample(images, given)
    np.testing.assert_array_equal(resampled[:counts], images[3:])
    sampler = make(return_pool=True, cache=cache)
    with_pool, marked = sampler.fit_resample(images, given)
    np.testing.assert_array_equal(with_pool[:49], images)
    assert sampler.sample_weight_[:3].tolist() == [0, 0, 0]
    assert len(with_pool) == len(resampled) + 3
    assert len(marked) == len(with_pool)


def test_a_strategy_says_how_many(few, cache):
    sampler = make(cache=cache, sampling_strategy={0: 29, 2: 20})
    _, labels = sampler.fit_resample(*few)
    assert np.bincount(labels).tolist() == [29, 15, 20]
    _, labels = make(cache=cache, sampling_strategy="minority").fit_resample(*few)
    assert np.bincount(labels).tolist() == [24, 15, 24]
    _, labels = make(
        cache=cache, sampling_strategy=lambda y: dict.fromkeys(set(y), 30)
    ).fit_resample(*few)
    assert np.bincount(labels).tolist() == [30, 30, 30]


def test_where_nothing_is_wanted_nothing_is_trained(few):
    images, labels = few[0][:6], np.array([0, 1] * 3)
    sampler = make()
    resampled, same = sampler.fit_resample(images, labels)
    np.testing.assert_array_equal(resampled, images)
    np.testing.assert_array_equal(same, labels)
    assert sampler.generator_ is None
    assert sampler.teacher_ == []


def test_a_seed_decides_the_images(few):
    def draw(random_state):
        sampler = make(random_state=random_state, settings=TOY)
        with warnings.catch_warnings(action="ignore"):
            sampler.fit_resample(*few)
        noise = np.ones((2, sampler.generator_.input_shape[-1]), np.float32)
        return sampler.generator_(noise).numpy()

    state = np.random.RandomState
    np.testing.assert_array_equal(draw(0), draw(0))
    assert not np.array_equal(draw(0), draw(1))
    np.testing.assert_array_equal(draw(state(3)), draw(state(3)))


def test_too_few_sure_images_are_a_warning_that_names_the_class(few, cache):
    sure = TOY | {"pseudo_labels": {"confidence_threshold": 1.0}}
    with pytest.warns(UserWarning, match=r"sure of too few synthetic images of 1: 0 of 9, 2: 0"):
        rows, labels = make(settings=sure, cache=cache).fit_resample(few[0].reshape(49, -1), few[1])
    assert rows.shape == (49, 256)
    assert np.bincount(labels).tolist() == [24, 15, 10]


def test_it_works_in_a_pipeline_and_under_a_grid_search(few):
    rows, labels = few[0].reshape(49, -1), few[1]
    pipeline = make_pipeline(make(settings=TOY), LogisticRegression(max_iter=50))
    grid = {"ganaugmenter__settings": [TOY, TOY | {"synthesis": {"images": 50}}]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise")
    search.fit(rows, labels)
    assert search.best_estimator_.predict(rows).shape == labels.shape


def test_parameters_are_those_of_scikit_learn():
    sampler = make(sampling_strategy="minority")
    copy = clone(sampler)
    assert copy.get_params() == sampler.get_params()
    assert copy.set_params(random_state=7).random_state == 7
    with pytest.raises(ValueError, match="'verbose' parameter"):
        make(verbose="much").fit([[0]], [0])


def test_an_interrupted_training_goes_on_from_its_checkpoint(few, tmp_path, fitted, monkeypatch):
    save = ArrayCheckpoint.save

    def save_and_stop(self, arrays):
        save(self, arrays)
        raise KeyboardInterrupt

    monkeypatch.setattr(ArrayCheckpoint, "save", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        make(cache=tmp_path).fit_resample(*few)
    assert list(tmp_path.rglob("*.checkpoint.npz"))
    monkeypatch.setattr(ArrayCheckpoint, "save", save)
    images, _ = make(cache=str(tmp_path)).fit_resample(*few)
    np.testing.assert_array_equal(images, fitted[1][0])
    assert not list(tmp_path.rglob("*.checkpoint.npz"))


def square(count=40, side=16):
    return np.random.default_rng(0).integers(0, 256, (count, side, side), dtype=np.uint8)


HALVES = np.arange(40) % 2


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (square()[:, :15, :15], HALVES, r"images: expected grey or RGB squares .* found 15x15"),
        (square().reshape(40, -1)[:, :255], HALVES, r"X: expected images of shape .* \(40, 255\)"),
        (square() * 2.0, HALVES, r"X: expected whole numbers from 0 to 255, or floats .* found fl"),
        (square(), HALVES[:-1], r"y: expected 40 labels, one for each image of X, found 39"),
        (square(), HALVES + 0.5, r"y: expected whole numbers or names, found 0\.5"),
        (square(), HALVES * 0, r"classes: expected 2 to 1,000, found 1"),
        (square(), np.arange(40) == 0, r"at least 2 labeled training images .* found 1 of class"),
        (None, HALVES, r"X, y: expected images and labels, found None; pass both"),
    ],
)
def test_bad_input_is_one_line_and_a_value_error(images, labels, message):
    with pytest.raises(ValueError, match=message) as error:
        make().fit_resample(images, labels)
    assert isinstance(error.value, UserError)
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match=message):
        make().fit(images, labels)


def test_bad_input_is_refused_before_tensorflow_is_imported():
    code = (
        "import sys, numpy as np\n"
        "from gan_aug import GanAugmenter, augment\n"
        "for call in (GanAugmenter().fit_resample, augment):\n"
        "    try:\n"
        "        call(np.zeros((9, 15, 15), np.uint8), [0, 1] * 4)\n"
        "    except ValueError as error:\n"
        "        print(error)\n"
        "print('tensorflow' in sys.modules, 'prefect' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *errors, loaded = done.stdout.splitlines()
    assert loaded == "False False"
    assert len(errors) == 2
    assert all("y: expected 9 labels" in error for error in errors)


class Pixels(GanAugmenter):
    """Takes rows of any numbers, as the checks pass them: each becomes an image.

    imbalanced-learn's checks sample tables of a few columns, which are no images. A row is scaled
    to grey levels, the columns are repeated over a square of 16x16, and synthetic squares are read
    back by their first pixels, in the scale of the table.
    """

    def __init__(self, sampling_strategy="auto", *, random_state=0):
        super().__init__(
            sampling_strategy,
            random_state=random_state,
            preset="smoke",
            settings=TOY,
            verbose=0,
        )

    def fit(self, X, y):  # noqa: N803
        table, labels, _ = BaseSampler._check_X_y(self, X, y, accept_sparse=False)
        return super().fit(to_squares(table), labels)

    def fit_resample(self, X, y):  # noqa: N803
        table, labels, one_hot = BaseSampler._check_X_y(self, X, y, accept_sparse=False)
        images, more = super().fit_resample(to_squares(table), np.asarray(labels))
        self.n_features_in_ = table.shape[1]
        low, high = table.min(), table.max()
        added = images[len(table) :, : table.shape[1]] / 255 * (high - low) + low
        rows = np.concatenate([table, added.astype(table.dtype)])
        more = label_binarize(more, classes=np.unique(labels)) if one_hot else more
        return ArraysTransformer(X, y).transform(rows, more)


def to_squares(table):
    """Return each row as the pixels of a 16x16 image."""
    low, high = table.min(), table.max()
    levels = np.rint((table - low) / (high - low) * 255).astype(np.uint8)
    return np.tile(levels, (1, 256 // table.shape[1] + 1))[:, :256]


INAPPLICABLE = {
    "check_samplers_fit_resample": "the teacher may find none of a rare class in noise",
    "check_samplers_sparse": "images are dense arrays",
    "check_samplers_pandas_sparse": "images are dense arrays",
}


def list_checks():
    checks = estimator_checks._yield_all_checks(Pixels())
    return {(check.func if hasattr(check, "func") else check).__name__: check for check in checks}


@pytest.mark.parametrize("name", sorted(list_checks()))
def test_imbalanced_learns_checks(name):
    if name in INAPPLICABLE:
        pytest.skip(INAPPLICABLE[name])
    list_checks()[name]("GanAugmenter", Pixels())
