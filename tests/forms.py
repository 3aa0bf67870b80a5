"""A small data set, written in every form that there is a reader for."""

import csv
import gzip
import struct

import datasets
import numpy as np
import pyarrow
import pyarrow.parquet
from PIL import Image

SIDE = 16
CLASSES = ("cat", "dog", "fox")
COUNTS = {"train": 36, "validation": 9, "test": 12, "unlabeled": 7}
LABELED = ("train", "validation", "test")


def make_set(channels=1):
    """Part → images and numbers of classes: noise, every image different."""
    rng = np.random.default_rng(channels)
    shape = (SIDE, SIDE) if channels == 1 else (SIDE, SIDE, channels)
    return {
        part: (rng.integers(0, 256, (count, *shape), dtype=np.uint8), np.arange(count) % 3)
        for part, count in COUNTS.items()
    }


def write_pictures(root, made, layout="{part}/{name}", ending="png"):
    """Write every picture into a folder of its class; those without a class into one of theirs."""
    for part, (images, labels) in made.items():
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            named = part != "unlabeled"
            below = layout.format(part=part, name=CLASSES[label]) if named else "unlabeled"
            (root / below).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(root / below / f"{part}-{number}.{ending}")
    return root


NAMES = {
    "keras": ("x_{}", "y_{}", "test"),
    "capital": ("X_{}", "Y_{}", "test"),
    "medmnist": ("{}_images", "{}_labels", "test"),
}


def write_npz(path, made, images=lambda i: i, labels=lambda y: y, names="keras", **more):
    x, y, _ = NAMES[names]
    spelt = {"validation": "val"}
    arrays = {}
    for part in LABELED:
        arrays[x.format(spelt.get(part, part))] = images(made[part][0])
        arrays[y.format(spelt.get(part, part))] = labels(made[part][1])
    np.savez(path, **arrays, **more)
    return path


def write_idx(path, array, *, packed):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    content = header + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if packed else content)


def write_csv(path, columns, *, packed=False):
    rows = zip(*columns.values(), strict=True)
    with gzip.open(path, "wt") if packed else path.open("w") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def write_parquet(path, columns):
    table = {
        name: [None if value == "" else value for value in column]
        for name, column in columns.items()
    }
    pyarrow.parquet.write_table(pyarrow.table(table), path)
    return path


def list_rows(made, names=CLASSES):
    """All images of a set in one, with their labels and the words for their parts."""
    images = np.concatenate([made[part][0] for part in COUNTS])
    labels = [
        "" if part == "unlabeled" else names[label] for part in COUNTS for label in made[part][1]
    ]
    parts = [part for part in COUNTS for _ in made[part][1]]
    return images, labels, parts


def make_table(images, labels, names=CLASSES):
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=list(names))}
    )
    pictures = [Image.fromarray(image) for image in images]
    rows = {"image": pictures, "label": [int(label) for label in labels]}
    return datasets.Dataset.from_dict(rows, features=features)
