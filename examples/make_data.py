"""Write scikit-learn's zeros, ones and twos in every form that gan-aug reads.

``python examples/make_data.py FOLDER``: docs/data.md shows what gan-aug makes of each. The script
needs the extra ``hf``.
"""

import struct
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from datasets import ClassLabel, Dataset, Features
from datasets import Image as Picture
from PIL import Image
from sklearn.datasets import load_digits

NAMES = np.array(["zero", "one", "two"])
LABELED = 300


def load():
    """Return 16x16 grey images and the numbers of their classes."""
    digits, labels = load_digits(n_class=3, return_X_y=True)
    small = (digits.reshape(-1, 8, 8) * 255 / 16).astype(np.uint8)
    return small.repeat(2, axis=1).repeat(2, axis=2), labels


def write_pictures(folder, images, labels):
    """``pictures/<class>/…``, and those nobody labeled in ``pictures/unlabeled``."""
    for number, image in enumerate(images):
        name = NAMES[labels[number]] if number < LABELED else "unlabeled"
        path = folder / name / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)


def write_tables(folder, images, labels):
    """A column for each pixel; and a column of paths. A row without a label is unlabeled."""
    known = np.arange(len(images)) < LABELED
    names = np.where(known, NAMES[labels], "")
    pixels = pd.DataFrame(images.reshape(len(images), -1)).add_prefix("pixel")
    pixels.insert(0, "label", names)
    pixels.to_csv(folder / "pixels.csv", index=False)
    paths = [f"pictures/{name or 'unlabeled'}/{number:03}.png" for number, name in enumerate(names)]
    pd.DataFrame({"path": paths, "label": names}).to_parquet(folder / "paths.parquet")


def write_arrays(folder, images, labels):
    """Keras's names, and -1 for an image without a label."""
    known = np.arange(len(images)) < LABELED
    parts = {"x_train": images[:-60], "y_train": np.where(known, labels, -1)[:-60]}
    tests = {"x_test": images[-60:], "y_test": labels[-60:]}
    np.savez(folder / "arrays.npz", **parts, **tests)


def write_idx(folder, images, labels):
    """The files of MNIST's own distribution, here without a test part."""
    folder.mkdir()
    for name, array in (("images-idx3", images), ("labels-idx1", labels)):
        header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        path = folder / f"train-{name}-ubyte"
        path.write_bytes(header + array.astype(np.uint8).tobytes())


def write_hugging_face(folder, images, labels):
    """What ``save_to_disk`` writes, with the classes named."""
    features = Features({"image": Picture(), "label": ClassLabel(names=NAMES.tolist())})
    rows = {"image": [Image.fromarray(image) for image in images], "label": labels.tolist()}
    Dataset.from_dict(rows, features=features).save_to_disk(str(folder))


def main():
    """Write all of them into the folder that the command names."""
    folder = Path(sys.argv[1])
    images, labels = load()
    write_pictures(folder / "pictures", images, labels)
    write_tables(folder, images, labels)
    write_arrays(folder, images, labels)
    write_idx(folder / "idx", images, labels)
    write_hugging_face(folder / "saved", images, labels)


if __name__ == "__main__":
    main()
