"""A good file or folder of every form that data come in, small."""

import gzip
import pickle
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import datasets
import numpy as np
from forms import (
    CLASSES,
    LABELED,
    list_rows,
    make_set,
    make_table,
    write_csv,
    write_idx,
    write_npz,
    write_parquet,
    write_pictures,
)
from numpy.typing import NDArray

Write = Callable[[Path], Path]
"""Writes data below a folder and returns the path to load them from."""


def write_arrays(folder: Path) -> Path:
    """An ``.npz`` as NumPy writes it."""
    return write_npz(folder / "own.npz", make_set(), x_unlabeled=make_set()["unlabeled"][0])


def write_compressed(folder: Path) -> Path:
    """A compressed ``.npz``."""
    arrays = dict(np.load(write_arrays(folder)))
    np.savez_compressed(folder / "own.npz", **arrays)
    return folder / "own.npz"


def list_columns() -> dict[str, list[object] | NDArray[np.uint8]]:
    """Return label, part and pixels of every image."""
    images, labels, parts = list_rows(make_set())
    pixels = {f"p{place}": column for place, column in enumerate(images.reshape(len(images), -1).T)}
    return {"label": labels, "split": parts, **pixels}


def write_table_of_pictures(folder: Path) -> Path:
    """A table that names picture files."""
    write_pictures(folder, {"train": make_set()["train"]}, "{name}")
    files = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.png"))
    rows = {"label": [Path(file).parent.name for file in files], "path": files}
    return write_csv(folder / "own.csv", rows)


def write_idx_folder(folder: Path) -> Path:
    """Four IDX files, of which two are gzipped."""
    made = make_set()
    for part, name in (("train", "train"), ("test", "t10k")):
        images, labels = made[part]
        write_idx(folder / f"{name}-images-idx3-ubyte.gz", images, packed=True)
        write_idx(folder / f"{name}-labels-idx1-ubyte", labels, packed=False)
    return folder


def write_chapter_pickle(folder: Path) -> Path:
    """The chapter's file, with few images."""
    rng = np.random.default_rng(0)
    content = tuple(
        (
            (rng.integers(0, 256, (count, 784)) / 256).astype(np.float32),
            np.arange(count) % 3,
        )
        for count in (36, 9, 12)
    )
    path = folder / "mnist.pkl.gz"
    path.write_bytes(gzip.compress(pickle.dumps(content, protocol=2)))
    return path


def write_hugging_face(folder: Path) -> Path:
    """A data set with splits, saved to disk."""
    made = make_set(3)
    tables = datasets.DatasetDict({part: make_table(*made[part]) for part in LABELED})
    tables.save_to_disk(str(folder))
    return folder


def write_chosen(folder: Path) -> Path:
    """Pictures without labels, and a table that has those of some."""
    write_pictures(folder, {"unlabeled": make_set()["train"]})
    files = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.png"))
    rows = {
        "number": range(len(files)),
        "path": files,
        "label": [CLASSES[place % 3] for place in range(len(files))],
        "split": ["train", "train", "validation", "test"] * (len(files) // 4),
    }
    write_csv(folder / "chosen.csv", rows)
    return folder


def write_folder(ending: str) -> Write:
    """Return what writes pictures of one format."""
    return lambda folder: write_pictures(folder, {"train": make_set(3)["train"]}, "{name}", ending)


FORMS: Mapping[str, Write] = {
    ".npz": write_arrays,
    "compressed .npz": write_compressed,
    ".csv": lambda folder: write_csv(folder / "own.csv", list_columns()),
    ".csv.gz": lambda folder: write_csv(folder / "own.csv.gz", list_columns(), packed=True),
    ".parquet": lambda folder: write_parquet(folder / "own.parquet", list_columns()),
    "table of picture files": write_table_of_pictures,
    "IDX files": write_idx_folder,
    "the chapter's pickle": write_chapter_pickle,
    "Hugging Face data set": write_hugging_face,
    "labels of chosen images": write_chosen,
    "PNG files": write_folder("png"),
    "JPEG files": write_folder("jpg"),
    "WebP files": write_folder("webp"),
    "TIFF files": write_folder("tif"),
    "GIF files": write_folder("gif"),
    "PPM files": write_folder("ppm"),
}


def copy_damaged(
    whole: Path, path: Path, to: Path, damage: Callable[[bytes], bytes], rng: np.random.Generator
) -> Path:
    """Copy data of which one file is damaged.

    Args:
        whole: Folder that has all files.
        path: What is loaded: the folder or a file in it.
        to: Where the copy goes; it is made anew.
        damage: Makes other bytes of a file's.
        rng: Chooses the file.

    Returns:
        What to load of the copy.
    """
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(whole, to)
    files = sorted(file for file in to.rglob("*") if file.is_file())
    tables = [file for file in files if file.suffix == ".csv"]
    file = (tables or files)[rng.integers(len(tables or files))]
    file.write_bytes(damage(file.read_bytes()))
    return to / path.relative_to(whole)
