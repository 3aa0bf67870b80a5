"""Copy a folder of pictures by part and class, and forget most of the labels.

``python examples/hide_labels.py SOURCE TARGET --classes cat dog ship``: the target has a few
labeled training pictures, many unlabeled ones, a validation part, and the test part as it was.
"""

import argparse
import shutil
from pathlib import Path

import numpy as np

SEED = 0


def draw_files(folder, classes, rng):
    """Return the training files of every class in random order."""
    return {name: rng.permutation(sorted((folder / name).iterdir())).tolist() for name in classes}


def copy(files, folder):
    """Copy files into a folder, under numbers."""
    folder.mkdir(parents=True)
    for number, file in enumerate(files):
        shutil.copy(file, folder / f"{number:05}{file.suffix}")


def parse_arguments():
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--classes", nargs="+", required=True)
    parser.add_argument("--labeled", type=int, default=200, help="in all classes together")
    parser.add_argument("--validation", type=int, default=600, help="in all classes together")
    parser.add_argument("--unlabeled", type=int, default=5000, help="in all classes together")
    return parser.parse_args()


def main():
    """Copy the pictures."""
    asked = parse_arguments()
    rng = np.random.default_rng(SEED)
    files = draw_files(asked.source / "train", asked.classes, rng)
    rest = []
    for place, name in enumerate(asked.classes):
        # The first classes get one more where it does not come out even.
        own = [
            (count + len(asked.classes) - 1 - place) // len(asked.classes)
            for count in (asked.labeled, asked.validation)
        ]
        labeled, validation, others = np.split(files[name], np.cumsum(own))
        copy(labeled, asked.target / "train" / name)
        copy(validation, asked.target / "val" / name)
        copy(sorted((asked.source / "test" / name).iterdir()), asked.target / "test" / name)
        rest.extend(others)
    copy(rng.permutation(rest)[: asked.unlabeled], asked.target / "unlabeled")


if __name__ == "__main__":
    main()
