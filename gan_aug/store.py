"""Everything on disk: the only module that knows file names and formats.

``<artifacts>/store/<stage>/<key>/`` holds what one stage made of one set of inputs, so that no
stage runs twice. ``<artifacts>/runs/<name>/`` holds what one run leaves for people. Files and
folders are written under a temporary name and renamed when they are whole.
"""

import base64
import contextlib
import functools
import hashlib
import json
import logging
import os
import re
import shutil
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import IO, Any, Literal

import filelock
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from gan_aug.comparison import Classifier, Comparison
from gan_aug.config import RunConfig
from gan_aug.dataset import Dataset, Provenance
from gan_aug.errors import UserError
from gan_aug.images import Float32, Images, LabeledImages, PseudoLabeledImages, TrainingSet
from gan_aug.quality import Quality

__all__ = [
    "ArrayCheckpoint",
    "Entry",
    "Run",
    "RunSummary",
    "Store",
    "check_name",
    "find_run",
    "list_runs",
    "load_cnn",
    "load_generator",
    "load_history",
    "load_images",
    "load_indices",
    "load_labeled",
    "load_lightgbm",
    "load_predictions",
    "load_provenance",
    "load_pseudo_labels",
    "load_quality",
    "load_training_set",
    "save_cnn",
    "save_dataset",
    "save_dcgan",
    "save_images",
    "save_indices",
    "save_lightgbm",
    "save_predictions",
    "save_pseudo_labels",
    "save_quality",
    "save_sample_grid",
    "save_training_set",
]

logger = logging.getLogger(__name__)

KEY_LENGTH = 16
COMPUTING_LIBRARIES = ("tensorflow", "keras", "lightgbm", "scikit-learn", "scipy", "numpy")
MANIFEST = "manifest.json"
CNN_FILE = "cnn.keras"
LIGHTGBM_FILE = "lightgbm.txt"
CLASSIFIER_FILES: dict[Classifier, str] = {"cnn": CNN_FILE, "lightgbm": LIGHTGBM_FILE}
GENERATOR_FILE = "generator.keras"
DISCRIMINATOR_FILE = "discriminator.keras"
HISTORY_FILE = "gan_history.csv"
SAMPLES_FOLDER = "samples"
PROVENANCE_FILE = "provenance.json"
IMAGES_FILE = "images.npy"
INDICES_FILE = "indices.npy"
TRAINING_SET_FILE = "training_set.npz"
SYNTHETIC_FILE = "synthetic.npz"
REJECTED_FILE = "rejected.json"
QUALITY_FILE = "quality.json"
CONFIG_FILE = "config.json"
ENVIRONMENT_FILE = "environment.json"
COMPARISON_JSON = "comparison.json"
COMPARISON_CSV = "comparison.csv"
REPORT_FILE = "report.md"

Array = NDArray[Any]


@contextlib.contextmanager
def atomic_file(path: Path, mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a temporary neighbour of ``path`` that takes its place once it is written whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    newline, encoding = (None, None) if "b" in mode else ("", "utf-8")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with temporary.open(mode, newline=newline, encoding=encoding) as file:
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    with atomic_file(path, "w") as file:
        json.dump(value, file, indent=2)
        file.write("\n")


def write_arrays(path: Path, arrays: Mapping[str, Array], *, compress: bool = False) -> None:
    with atomic_file(path) as file:
        (np.savez_compressed if compress else np.savez)(file, **arrays)  # type: ignore[arg-type]


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with atomic_file(path, "w") as file:
        pd.DataFrame(rows).convert_dtypes().to_csv(file, index=False)


def digest_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def digest_code() -> str:
    """Digest what computes: this package's source and the versions of the libraries below it."""
    versions = [f"{library}=={metadata.version(library)}" for library in COMPUTING_LIBRARIES]
    digest = hashlib.sha256(" ".join(versions).encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


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
        path: Folder of the finished output.
        label: What the stage calls its output, for people.
        reused: Whether a run found the output finished.
    """

    path: Path
    label: str = ""
    reused: bool = False

    @property
    def identity(self) -> str:
        """``stage/key``: what later stages put into their own keys."""
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def partial(self) -> Path:
        """Folder of the output while it is being made."""
        return self.path.with_name(f"{self.path.name}.partial")

    @property
    def checkpoint(self) -> ArrayCheckpoint:
        """Where the stage may keep its state while it runs."""
        return ArrayCheckpoint(self.path.with_name(f"{self.path.name}.checkpoint.npz"))

    @property
    def seconds(self) -> float:
        """How long the output took to make."""
        return float(json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))["seconds"])

    def lock(self) -> filelock.FileLock:
        """Keep other processes from making the same output meanwhile."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return filelock.FileLock(self.path.with_name(f"{self.path.name}.lock"))

    def is_complete(self) -> bool:
        """Whether the output is there with every byte it was written with."""
        try:
            files = json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))["files"]
            return all(digest_file(self.path / name) == digest for name, digest in files.items())
        except (OSError, ValueError, KeyError):
            return False

    @contextlib.contextmanager
    def build(self) -> Iterator[Path]:
        """Yield a folder to write the output into; it becomes the entry when all went well.

        After a failure it is kept only where there is a checkpoint to go on from.
        """
        if not self.checkpoint.path.exists():
            shutil.rmtree(self.partial, ignore_errors=True)
        self.partial.mkdir(parents=True, exist_ok=True)
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


@dataclass(frozen=True)
class Store:
    """Outputs of stages, found by what they were made from.

    Attributes:
        root: Folder of the store.
    """

    root: Path

    def entry(self, stage: str, **inputs: Any) -> Entry:
        """Return the place of a stage's output.

        Args:
            stage: Name of the stage.
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
        text = json.dumps([stage, digest_code(), described], sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]
        return Entry(self.root / stage / key)


# ------------------------------------------------------------- what stages write


def save_dataset(folder: Path, dataset: Dataset) -> None:
    """Write the parts of a data set, each in a file of its own, and where it comes from."""
    parts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    for part, labeled in parts.items():
        write_arrays(folder / f"{part}.npz", {"images": labeled.images, "labels": labeled.labels})
    write_json(folder / PROVENANCE_FILE, dataset.provenance.model_dump(mode="json"))


def load_provenance(entry: Entry) -> Provenance:
    """Read where a data set comes from."""
    return Provenance.model_validate_json(
        (entry.path / PROVENANCE_FILE).read_text(encoding="utf-8")
    )


def load_labeled(entry: Entry, part: Literal["train", "validation", "test"]) -> LabeledImages:
    """Read one part of a data set."""
    with np.load(entry.path / f"{part}.npz") as file:
        return LabeledImages(file["images"], file["labels"])


def save_indices(folder: Path, indices: NDArray[np.intp]) -> None:
    """Write which training images are labeled."""
    with atomic_file(folder / INDICES_FILE) as file:
        np.save(file, indices)


def load_indices(entry: Entry) -> NDArray[np.intp]:
    """Read back what :func:`save_indices` wrote."""
    indices: NDArray[np.intp] = np.load(entry.path / INDICES_FILE)
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
    with np.load(entry.path / TRAINING_SET_FILE) as file:
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


def load_generator(entry: Entry) -> Any:
    """Read the trained generator."""
    return load_keras(entry.path / GENERATOR_FILE)


def load_history(entry: Entry) -> list[dict[str, float]]:
    """Read the losses and accuracies of the DCGAN's training."""
    table = pd.read_csv(entry.path / HISTORY_FILE)
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def save_images(folder: Path, images: Images) -> None:
    """Write ``(n, 28, 28)`` uint8 images."""
    with atomic_file(folder / IMAGES_FILE) as file:
        np.save(file, images)


def load_images(entry: Entry) -> Images:
    """Read back what :func:`save_images` wrote."""
    images: Images = np.load(entry.path / IMAGES_FILE)
    return images


def save_pseudo_labels(folder: Path, pseudo: PseudoLabeledImages) -> None:
    """Write all pseudo-labeled images, accepted or not."""
    arrays: dict[str, Array] = {
        "images": pseudo.images,
        "probabilities": pseudo.probabilities,
        "accepted": pseudo.accepted,
    }
    write_arrays(folder / SYNTHETIC_FILE, arrays)
    write_json(folder / REJECTED_FILE, pseudo.rejected)


def load_pseudo_labels(entry: Entry) -> PseudoLabeledImages:
    """Read back what :func:`save_pseudo_labels` wrote."""
    rejected = json.loads((entry.path / REJECTED_FILE).read_text(encoding="utf-8"))
    with np.load(entry.path / SYNTHETIC_FILE) as file:
        return PseudoLabeledImages(
            file["images"], file["probabilities"], file["accepted"], rejected
        )


def save_cnn(folder: Path, model: Any) -> None:
    """Write a trained CNN in Keras's format."""
    model.save(folder / CNN_FILE, include_optimizer=False)


def load_cnn(entry: Entry) -> Any:
    """Read a trained CNN."""
    return load_keras(entry.path / CNN_FILE)


def load_keras(path: Path) -> Any:
    import keras  # noqa: PLC0415 - seconds to import; listing runs must not wait for it

    return keras.models.load_model(path, compile=False)


def save_quality(folder: Path, quality: Quality) -> None:
    """Write how good the synthetic images are."""
    write_json(folder / QUALITY_FILE, quality.model_dump(mode="json"))


def load_quality(entry: Entry) -> Quality:
    """Read back what :func:`save_quality` wrote."""
    return Quality.model_validate_json((entry.path / QUALITY_FILE).read_text(encoding="utf-8"))


def save_lightgbm(folder: Path, booster: Any) -> None:
    """Write a trained booster as LightGBM's text."""
    with atomic_file(folder / LIGHTGBM_FILE, "w") as file:
        file.write(booster.model_to_string())


def load_lightgbm(entry: Entry) -> Any:
    """Read a trained booster."""
    import lightgbm  # noqa: PLC0415 - listing runs must not wait for it

    return lightgbm.Booster(model_file=entry.path / LIGHTGBM_FILE)


def save_predictions(folder: Path, split: str, probabilities: Float32) -> None:
    """Write ``(n, 10)`` class probabilities of one split."""
    with atomic_file(folder / f"{split}.npy") as file:
        np.save(file, probabilities)


def load_predictions(entry: Entry, split: str) -> Float32:
    """Read back what :func:`save_predictions` wrote."""
    probabilities: Float32 = np.load(entry.path / f"{split}.npy")
    return probabilities


# --------------------------------------------------------------------------- runs


@dataclass(frozen=True)
class RunSummary:
    """One line of ``gan-aug runs``.

    Attributes:
        name: Folder under ``runs/``.
        config: Settings of the run.
        comparison: What it found; None until it is finished.
    """

    name: str
    config: RunConfig
    comparison: Comparison | None


@dataclass(frozen=True)
class Run:
    """The folder that a run leaves for people.

    Attributes:
        path: ``<artifacts>/runs/<name>``.
    """

    path: Path

    @property
    def name(self) -> str:
        """The run's name."""
        return self.path.name

    @classmethod
    def open(cls, artifacts: Path, name: str, config: RunConfig) -> "Run":
        """Start a run, or go on with the one of the same name and settings.

        Raises:
            UserError: The name is not one, or belongs to a run with other settings.
            OSError: The folder can't be written.
        """
        check_name(name)
        run = cls(artifacts / "runs" / name)
        kept = run.path / CONFIG_FILE
        if kept.exists() and run.read_config() != config:
            raise UserError(
                f"name: expected a new name or the settings of run {name}, found other settings "
                f"in {kept}; choose another --name"
            )
        if not kept.exists():
            write_json(kept, config.model_dump(mode="json"))
        # Its presence says "finished", which the run is not until everything is written anew.
        (run.path / COMPARISON_JSON).unlink(missing_ok=True)
        return run

    def write_environment(self, environment: Mapping[str, Any]) -> None:
        """Write what the run runs on."""
        write_json(self.path / ENVIRONMENT_FILE, environment)

    def read_environment(self) -> dict[str, Any]:
        """Return what :meth:`write_environment` wrote."""
        environment: dict[str, Any] = json.loads(
            (self.path / ENVIRONMENT_FILE).read_text(encoding="utf-8")
        )
        return environment

    def read_config(self) -> RunConfig:
        """Return the run's settings.

        Raises:
            UserError: The file is damaged, or another version's.
        """
        path = self.path / CONFIG_FILE
        with refuse_foreign(path):
            return RunConfig.model_validate_json(path.read_bytes())

    def write_comparison(self, comparison: Comparison) -> None:
        """Write the comparison as JSON, and its scores as CSV rows."""
        write_rows(self.path / COMPARISON_CSV, [score.to_row() for score in comparison.scores])
        write_json(self.path / COMPARISON_JSON, comparison.model_dump(mode="json"))

    def read_comparison(self) -> Comparison:
        """Return the comparison.

        Raises:
            UserError: The run is not finished, or the file is damaged or another version's.
        """
        path = self.path / COMPARISON_JSON
        if not path.exists():
            raise UserError(
                f"{self.name}: expected a finished run, found no {COMPARISON_JSON} in it; run it "
                "again with the same arguments to finish it"
            )
        with refuse_foreign(path):
            return Comparison.model_validate_json(path.read_bytes())

    def write_report(self, markdown: str) -> None:
        """Write the report."""
        with atomic_file(self.path / REPORT_FILE, "w") as file:
            file.write(markdown)

    def read_report(self, *, embed_figures: bool = False) -> str:
        """Return the report's Markdown.

        Args:
            embed_figures: Whether to put each picture into the text, as a ``data:`` URI.
        """
        markdown = (self.path / REPORT_FILE).read_text(encoding="utf-8")
        if not embed_figures:
            return markdown

        def embed(reference: re.Match[str]) -> str:
            png = base64.b64encode((self.path / reference[1]).read_bytes()).decode()
            return f"](data:image/png;base64,{png})"

        return re.sub(r"\]\(([\w./-]+\.png)\)", embed, markdown)

    def write_figure(self, name: str, png: bytes) -> None:
        """Write a picture of the report."""
        with atomic_file(self.path / f"{name}.png") as file:
            file.write(png)

    def write_synthetic(self, pseudo: PseudoLabeledImages) -> None:
        """Write the accepted images with labels and confidence, ready to train on."""
        accepted = pseudo.accepted
        arrays: dict[str, Array] = {
            "images": pseudo.images[accepted],
            "labels": pseudo.labels[accepted],
            "confidence": pseudo.confidence[accepted],
            "probabilities": pseudo.probabilities[accepted],
        }
        write_arrays(self.path / SYNTHETIC_FILE, arrays, compress=True)

    def copy_dcgan(self, entry: Entry) -> list[str]:
        """Copy networks, history and sample grids; return the grids' paths in the run."""
        for name in (GENERATOR_FILE, DISCRIMINATOR_FILE, HISTORY_FILE):
            self.copy(entry.path / name, name)
        grids = sorted(
            f"{SAMPLES_FOLDER}/{path.name}" for path in (entry.path / SAMPLES_FOLDER).iterdir()
        )
        for grid in grids:
            self.copy(entry.path / grid, grid)
        return grids

    def copy_quality(self, entry: Entry) -> None:
        """Copy the judgement of the synthetic images."""
        self.copy(entry.path / QUALITY_FILE, QUALITY_FILE)

    def copy_model(self, entry: Entry, classifier: Classifier, arm: str) -> None:
        """Copy a trained classifier in its native format."""
        file = CLASSIFIER_FILES[classifier]
        self.copy(entry.path / file, f"{classifier}-{arm}{Path(file).suffix}")

    def copy(self, source: Path, name: str) -> None:
        """Copy one file into the run."""
        with source.open("rb") as original, atomic_file(self.path / name) as copy:
            shutil.copyfileobj(original, copy)


def check_name(name: str) -> None:
    """Raise :class:`UserError` if a run can't be called that."""
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise UserError(f"name: expected letters, digits, '.', '_' and '-' only, found {name!r}")


@contextlib.contextmanager
def refuse_foreign(path: Path) -> Iterator[None]:
    """Turn the complaint of a model about a file's content into one about the file."""
    try:
        yield
    except ValidationError as error:
        detail = error.errors()[0]
        field = ".".join(str(part) for part in detail["loc"])
        raise UserError(
            f"{path}: expected what this version of gan-aug writes, found: "
            f"{field and f'{field}: '}{detail['msg']}; delete the folder, or choose another --name"
        ) from None


def find_run(artifacts: Path, name: str) -> Run:
    """Find a run by its name.

    Raises:
        UserError: There is no such run.
    """
    run = Run(artifacts / "runs" / name)
    if not (run.path / CONFIG_FILE).exists():
        names = ", ".join(summary.name for summary in list_runs(artifacts)) or "none"
        raise UserError(f"run: expected one of the runs in {artifacts} ({names}), found {name!r}")
    return run


def list_runs(artifacts: Path) -> list[RunSummary]:
    """Return all runs that can be read, oldest first; the others are logged."""
    configs = (artifacts / "runs").glob(f"*/{CONFIG_FILE}")
    summaries = []
    for path in sorted(configs, key=lambda path: path.stat().st_mtime):
        try:
            summaries.append(summarize_run(Run(path.parent)))
        except UserError as error:
            logger.warning("left out: %s", error)
    return summaries


def summarize_run(run: Run) -> RunSummary:
    finished = (run.path / COMPARISON_JSON).exists()
    return RunSummary(run.name, run.read_config(), run.read_comparison() if finished else None)
