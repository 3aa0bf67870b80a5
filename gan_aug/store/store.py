"""The store: what each stage made of its inputs, so that none runs twice.

``<artifacts>/store/<stage>/<key>/`` holds the output of one stage for one set of inputs. A folder
is written under a temporary name and renamed when it is whole. Where hosts share a remote store,
every output is copied there, and found there by the others.
"""

import contextlib
import hashlib
import json
import logging
import shutil
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import filelock
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel
from upath import UPath

from gan_aug.data.dataset import Dataset, Provenance
from gan_aug.errors import UserError
from gan_aug.evaluation.anomaly import Scores, Separation
from gan_aug.evaluation.calibration import TeacherCalibration
from gan_aug.evaluation.quality import Quality
from gan_aug.images import Float32, Images, LabeledImages, PseudoLabels, TrainingSet
from gan_aug.settings.run import Detector, Part
from gan_aug.store.store.files import (
    CNN_FILE,
    DISCRIMINATOR_FILE,
    GENERATOR_FILE,
    HISTORY_FILE,
    LIGHTGBM_FILE,
    QUALITY_FILE,
    SAMPLES_FOLDER,
    SYNTHETIC_FILE,
    TEMPERATURE_FILE,
    Array,
    atomic_file,
    digest_file,
    write_arrays,
    write_json,
    write_rows,
)
from gan_aug.store.store.remote import fetch_folder, find_remote, push_folder
from gan_aug.store.store.source import digest_source

__all__ = [
    "ArrayCheckpoint",
    "Entry",
    "Store",
    "load_anomaly_scores",
    "load_cnn",
    "load_discriminator",
    "load_generator",
    "load_history",
    "load_images",
    "load_indices",
    "load_keras",
    "load_labeled",
    "load_lightgbm",
    "load_network",
    "load_predictions",
    "load_provenance",
    "load_pseudo_labels",
    "load_quality",
    "load_sample_grids",
    "load_separations",
    "load_teacher",
    "load_temperature",
    "load_training_set",
    "save_anomaly_scores",
    "save_cnn",
    "save_dataset",
    "save_dcgan",
    "save_images",
    "save_indices",
    "save_lightgbm",
    "save_predictions",
    "save_provenance",
    "save_pseudo_labels",
    "save_quality",
    "save_sample_grid",
    "save_separations",
    "save_teacher",
    "save_temperature",
    "save_training_set",
]

logger = logging.getLogger(__name__)

KEY_LENGTH = 16
# Counts up when what a stage writes can no longer be read, or means something else.
FORMAT = 1
MANIFEST = "manifest.json"
PROVENANCE_FILE = "provenance.json"
IMAGES_FILE = "images.npy"
INDICES_FILE = "indices.npy"
TRAINING_SET_FILE = "training_set.npz"
TEACHER_FILE = "teacher.json"
ANOMALY_SCORES_FILE = "scores.npz"
SEPARATIONS_FILE = "separations.json"


# ------------------------------------------------------------------------- stages


@dataclass(frozen=True)
class ArrayCheckpoint:
    """The newest state of a training, in one file.

    Attributes:
        path: An ``.npz``; missing until the first save.
    """

    path: Path

    def load(self) -> dict[str, Array] | None:
        """Return the arrays saved last, or None."""
        if not self.path.exists():
            return None
        try:
            with np.load(self.path, allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
            logger.warning("%s is damaged (%s): starting from the beginning", self.path, error)
            return None

    def save(self, arrays: Mapping[str, Array]) -> None:
        """Replace the saved arrays; a kill in the middle leaves the old ones."""
        write_arrays(self.path, arrays)


@dataclass(frozen=True)
class Entry:
    """The place of one stage's output for one set of inputs.

    Attributes:
        path: Folder of the finished output on this host.
        remote: Folder of its copy that other hosts reach, if there is to be one.
        label: What the stage calls its output, for people.
        reused: Whether a run found the output finished.
    """

    path: Path
    remote: UPath | None = None
    label: str = ""
    reused: bool = False

    @property
    def identity(self) -> str:
        """``stage/key``: what later stages put into their own keys."""
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def folder(self) -> Path:
        """Where to read the finished output, which is fetched if another host made it.

        Raises:
            UserError: It isn't where this host looks.
        """
        if not self.path.exists():
            with self.lock():
                found = self.path.exists() or self.fetch()
            if not found:
                raise UserError(
                    f"store: expected {self.identity} at {self.remote or self.path}, found none; "
                    "give all hosts one store with --store"
                )
        return self.path

    @property
    def partial(self) -> Path:
        """Folder of the output while it is being made."""
        return self.path.with_name(f"{self.path.name}.partial")

    @property
    def fetched(self) -> Path:
        """Folder of the output while it is being fetched."""
        return self.path.with_name(f"{self.path.name}.fetched")

    @property
    def checkpoint(self) -> ArrayCheckpoint:
        """Where the stage may keep its state while it runs."""
        return ArrayCheckpoint(self.path.with_name(f"{self.path.name}.checkpoint.npz"))

    @property
    def seconds(self) -> float:
        """How long the output took to make."""
        return float(json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))["seconds"])

    def lock(self) -> filelock.FileLock:
        """Keep other processes from making the same output meanwhile."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return filelock.FileLock(self.path.with_name(f"{self.path.name}.lock"))

    def is_complete(self) -> bool:
        """Whether the output is here with every byte it was written with; if not, fetch it.

        A checkpoint beside a whole output is what a kill left of a finished training: it goes.
        """
        complete = is_whole(self.path) or self.fetch()
        if complete:
            self.checkpoint.path.unlink(missing_ok=True)
        return complete

    def fetch(self) -> bool:
        """Copy the output from its remote folder; tell whether it is whole there."""
        if self.remote is None:
            return False
        try:
            manifest = json.loads((self.remote / MANIFEST).read_text(encoding="utf-8"))
            fetch_folder(self.remote, self.fetched, [*manifest["files"], MANIFEST])
        except (FileNotFoundError, ValueError, KeyError):
            return False
        if not is_whole(self.fetched):
            logger.warning("%s is damaged: making it again", self.remote)
            return False
        shutil.rmtree(self.path, ignore_errors=True)
        self.fetched.rename(self.path)
        return True

    def push(self, *, replace: bool) -> None:
        """Copy the output to its remote folder, if there is to be one.

        Args:
            replace: Even where one is there already.
        """
        if self.remote is None or ((self.remote / MANIFEST).exists() and not replace):
            return
        manifest = json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))
        push_folder(self.path, self.remote, list(manifest["files"]), last=MANIFEST)

    @contextlib.contextmanager
    def build(self) -> Iterator[Path]:
        """Yield a folder to write the output into; it becomes the entry when all went well.

        After a failure it is kept only where there is a checkpoint to go on from. A checkpoint
        counts only with its folder, which holds what the training wrote before.
        """
        if not self.checkpoint.path.exists():
            shutil.rmtree(self.partial, ignore_errors=True)
        elif not self.partial.exists():
            self.checkpoint.path.unlink()
        self.partial.mkdir(parents=True, exist_ok=True)
        (self.partial / MANIFEST).unlink(missing_ok=True)
        for half_written in self.partial.rglob(".*.partial"):
            half_written.unlink()
        started = time.perf_counter()
        try:
            yield self.partial
            self.seal(seconds=time.perf_counter() - started)
        finally:
            if not self.checkpoint.path.exists():
                shutil.rmtree(self.partial, ignore_errors=True)

    def seal(self, *, seconds: float) -> None:
        """Write the manifest and move the folder to its place."""
        files = sorted(path for path in self.partial.rglob("*") if path.is_file())
        digests = {path.relative_to(self.partial).as_posix(): digest_file(path) for path in files}
        write_json(self.partial / MANIFEST, {"seconds": round(seconds, 3), "files": digests})
        shutil.rmtree(self.path, ignore_errors=True)
        self.partial.rename(self.path)
        self.checkpoint.path.unlink(missing_ok=True)


def is_whole(folder: Path) -> bool:
    """Whether a folder has every byte that its manifest speaks of."""
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        return all(digest_file(folder / name) == digest for name, digest in files.items())
    except (OSError, ValueError, KeyError):
        return False


@dataclass(frozen=True)
class Store:
    """Outputs of stages, found by what they were made from.

    Attributes:
        root: Folder of the store.
        remote: Folder that other hosts reach, where every output is copied to.
    """

    root: Path
    remote: UPath | None = None

    @classmethod
    def open(cls, artifacts: Path, location: str | None) -> "Store":
        """Open the store of an artifacts folder.

        Args:
            artifacts: Its ``store`` is the store, or the cache of a remote one.
            location: Another folder to be the store, or the URL of a remote one.

        Raises:
            UserError: The remote store can't be written.
        """
        if location and "://" in location:
            return cls(artifacts / "store", find_remote(location))
        return cls(Path(location) if location else artifacts / "store")

    def entry(self, stage: str, *code: ModuleType, **inputs: Any) -> Entry:
        """Return the place of a stage's output.

        Args:
            stage: Name of the stage.
            code: The modules that compute it.
            inputs: Everything the output depends on besides the code: settings (pydantic
                models), entries of earlier stages, JSON values.
        """
        described = {
            name: value.model_dump(mode="json")
            if isinstance(value, BaseModel)
            else value.identity
            if isinstance(value, Entry)
            else value
            for name, value in inputs.items()
        }
        text = json.dumps(
            [stage, FORMAT, [digest_source(module) for module in code], described], sort_keys=True
        )
        key = hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]
        return Entry(self.root / stage / key, self.remote and self.remote / stage / key)


# ------------------------------------------------------------- what stages write


def save_dataset(folder: Path, dataset: Dataset) -> None:
    """Write the parts of a data set, each in a file of its own, and where it comes from."""
    parts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    for part, labeled in parts.items():
        write_arrays(folder / f"{part}.npz", {"images": labeled.images, "labels": labeled.labels})
    save_provenance(folder, dataset.provenance)


def save_provenance(folder: Path, provenance: Provenance) -> None:
    """Write where data come from."""
    write_json(folder / PROVENANCE_FILE, provenance.model_dump(mode="json"))


def load_provenance(entry: Entry) -> Provenance:
    """Read back what :func:`save_provenance` wrote."""
    return Provenance.model_validate_json(
        (entry.folder / PROVENANCE_FILE).read_text(encoding="utf-8")
    )


def load_labeled(entry: Entry, part: Part) -> LabeledImages:
    """Read one part of a data set."""
    with np.load(entry.folder / f"{part}.npz") as file:
        return LabeledImages(file["images"], file["labels"])


def save_indices(folder: Path, indices: NDArray[np.intp]) -> None:
    """Write which training images are labeled."""
    with atomic_file(folder / INDICES_FILE) as file:
        np.save(file, indices)


def load_indices(entry: Entry) -> NDArray[np.intp]:
    """Read back what :func:`save_indices` wrote."""
    indices: NDArray[np.intp] = np.load(entry.folder / INDICES_FILE)
    return indices


def save_training_set(folder: Path, training_set: TrainingSet) -> None:
    """Write a training set."""
    arrays: dict[str, Array] = {
        "images": training_set.images,
        "targets": training_set.targets,
        "weights": training_set.weights,
    }
    write_arrays(folder / TRAINING_SET_FILE, arrays)


def load_training_set(entry: Entry) -> TrainingSet:
    """Read back what :func:`save_training_set` wrote."""
    with np.load(entry.folder / TRAINING_SET_FILE) as file:
        return TrainingSet(file["images"], file["targets"], file["weights"])


def save_dcgan(
    folder: Path, generator: Any, discriminator: Any, history: Sequence[Mapping[str, float]]
) -> None:
    """Write both networks in Keras's format, and the history as CSV."""
    generator.save(folder / GENERATOR_FILE)
    discriminator.save(folder / DISCRIMINATOR_FILE)
    write_rows(folder / HISTORY_FILE, history)


def save_sample_grid(folder: Path, step: int, png: bytes) -> None:
    """Write the sample grid of one interval."""
    with atomic_file(folder / SAMPLES_FOLDER / f"step-{step:06d}.png") as file:
        file.write(png)


def load_sample_grids(entry: Entry) -> dict[int, bytes]:
    """Read the sample grids of a training: step → PNG."""
    folder = entry.folder / SAMPLES_FOLDER
    return {int(path.stem.rpartition("-")[2]): path.read_bytes() for path in folder.iterdir()}


def load_generator(entry: Entry) -> Any:
    """Read the trained generator."""
    return load_keras(entry.folder / GENERATOR_FILE)


def load_discriminator(entry: Entry) -> Any:
    """Read the trained discriminator."""
    return load_keras(entry.folder / DISCRIMINATOR_FILE)


def load_history(entry: Entry) -> list[dict[str, float]]:
    """Read the losses and accuracies of the DCGAN's training."""
    table = pd.read_csv(entry.folder / HISTORY_FILE)
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def save_images(folder: Path, images: Images) -> None:
    """Write uint8 images of one shape."""
    with atomic_file(folder / IMAGES_FILE) as file:
        np.save(file, images)


def load_images(entry: Entry) -> Images:
    """Read back what :func:`save_images` wrote."""
    images: Images = np.load(entry.folder / IMAGES_FILE)
    return images


def save_pseudo_labels(folder: Path, pseudo: PseudoLabels) -> None:
    """Write all pseudo-labeled images, accepted or not."""
    arrays: dict[str, Array] = {
        "images": pseudo.images,
        "probabilities": pseudo.probabilities,
        "decisions": pseudo.decisions,
    }
    write_arrays(folder / SYNTHETIC_FILE, arrays)


def load_pseudo_labels(entry: Entry) -> PseudoLabels:
    """Read back what :func:`save_pseudo_labels` wrote."""
    with np.load(entry.folder / SYNTHETIC_FILE) as file:
        return PseudoLabels(file["images"], file["probabilities"], file["decisions"])


def save_temperature(folder: Path, temperature: float) -> None:
    """Write what a teacher's logits are to be divided by."""
    write_json(folder / TEMPERATURE_FILE, temperature)


def load_temperature(entry: Entry) -> float:
    """Read back what :func:`save_temperature` wrote."""
    return float(json.loads((entry.folder / TEMPERATURE_FILE).read_text(encoding="utf-8")))


def save_teacher(folder: Path, teacher: TeacherCalibration) -> None:
    """Write how far a teacher can be trusted."""
    write_json(folder / TEACHER_FILE, teacher.model_dump(mode="json"))


def load_teacher(entry: Entry) -> TeacherCalibration:
    """Read back what :func:`save_teacher` wrote."""
    return TeacherCalibration.model_validate_json((entry.folder / TEACHER_FILE).read_bytes())


def save_cnn(folder: Path, model: Any) -> None:
    """Write a trained CNN in Keras's format."""
    model.save(folder / CNN_FILE, include_optimizer=False)


def load_cnn(entry: Entry) -> Any:
    """Read a trained CNN."""
    return load_keras(entry.folder / CNN_FILE)


def load_keras(path: Path) -> Any:
    """Read a network in Keras's format."""
    import keras  # noqa: PLC0415 - seconds to import; listing runs must not wait for it

    return keras.models.load_model(path, compile=False)


def load_network(path: Path, what: str) -> Any:
    """Read one of the DCGAN's networks from where people keep it.

    Keras must know its layers: import :mod:`gan_aug.gan.networks` before.

    Args:
        path: Of the file.
        what: ``generator`` or ``discriminator``, for the errors.

    Raises:
        UserError: There is none, or the file is not one.
    """
    if not path.exists():
        raise UserError(f"{path}: expected a trained {what}, found none; finish the run")
    try:
        return load_keras(path)
    except (OSError, TypeError, ValueError) as error:
        raise UserError(
            f"{path}: expected a {what} of gan-aug, found: {error}; run it again"
        ) from error


def save_quality(folder: Path, quality: Quality) -> None:
    """Write how good the synthetic images are."""
    write_json(folder / QUALITY_FILE, quality.model_dump(mode="json"))


def load_quality(entry: Entry) -> Quality:
    """Read back what :func:`save_quality` wrote."""
    return Quality.model_validate_json((entry.folder / QUALITY_FILE).read_text(encoding="utf-8"))


def save_lightgbm(folder: Path, booster: Any) -> None:
    """Write a trained booster as LightGBM's text."""
    with atomic_file(folder / LIGHTGBM_FILE, "w") as file:
        file.write(booster.model_to_string())


def load_lightgbm(entry: Entry) -> Any:
    """Read a trained booster."""
    import lightgbm  # noqa: PLC0415 - listing runs must not wait for it

    return lightgbm.Booster(model_file=entry.folder / LIGHTGBM_FILE)


def save_predictions(folder: Path, split: str, probabilities: Float32) -> None:
    """Write ``(n, 10)`` class probabilities of one split."""
    with atomic_file(folder / f"{split}.npy") as file:
        np.save(file, probabilities)


def load_predictions(entry: Entry, split: str) -> Float32:
    """Read back what :func:`save_predictions` wrote."""
    probabilities: Float32 = np.load(entry.folder / f"{split}.npy")
    return probabilities


def save_anomaly_scores(folder: Path, scores: Scores) -> None:
    """Write each detector's ``(n,)`` scores."""
    arrays: dict[str, Array] = {str(detector): values for detector, values in scores.items()}
    write_arrays(folder / ANOMALY_SCORES_FILE, arrays)


def load_anomaly_scores(entry: Entry) -> Scores:
    """Read back what :func:`save_anomaly_scores` wrote."""
    with np.load(entry.folder / ANOMALY_SCORES_FILE) as file:
        return {detector: file[detector] for detector in get_args(Detector)}


def save_separations(folder: Path, separations: Sequence[Separation]) -> None:
    """Write how well detectors find foreign images."""
    write_json(folder / SEPARATIONS_FILE, [s.model_dump(mode="json") for s in separations])


def load_separations(entry: Entry) -> list[Separation]:
    """Read back what :func:`save_separations` wrote."""
    rows = json.loads((entry.folder / SEPARATIONS_FILE).read_text(encoding="utf-8"))
    return [Separation.model_validate(row) for row in rows]
