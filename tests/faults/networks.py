"""Load networks whose files were damaged, and write how each ended as JSON.

A script: TensorFlow must not have computed anything in the process that forks.
"""

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from contained import FORK, contain
from mutation import mutate

from gan_aug.gan.networks import build_generator
from gan_aug.reporting.folders import load_network
from gan_aug.settings.dcgan import DcganConfig

WEIGHTS, CONFIG = "model.weights.h5", "config.json"
LAMBDA = {
    "module": "keras.layers",
    "class_name": "Lambda",
    "config": {"function": {"class_name": "__lambda__", "config": {"code": "4wEAAA=="}}},
    "registered_name": None,
}


def write_generator(path: str) -> None:
    """Write a small generator, as a run does."""
    build_generator(DcganConfig(generator_width=8), (28, 28, 1)).save(path)


def repack(whole: bytes, **parts: bytes | None) -> bytes:
    """Return a network's file of which some members are others, or gone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            content = parts.get(name.partition(".")[0], old.read(name))
            if content is not None:
                new.writestr(name, content)
    return buffer.getvalue()


def damage(whole: bytes, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield what was done to a network's file, and the file."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        weights, config = archive.read(WEIGHTS), json.loads(archive.read(CONFIG))
    yield "no weights", repack(whole, model=None)
    yield "half of the weights", repack(whole, model=weights[: len(weights) // 2])
    yield "zeros for weights", repack(whole, model=bytes(len(weights)))
    yield "no config", repack(whole, config=None)
    yield "a list for a config", repack(whole, config=b"[]")
    yield "deep JSON", repack(whole, config=b"[" * 100_000)
    without = config | {"config": config["config"] | {"layers": []}}
    yield "no layers", repack(whole, config=json.dumps(without).encode())
    harmful = config | {"config": config["config"] | {"layers": [LAMBDA]}}
    yield "code in a Lambda layer", repack(whole, config=json.dumps(harmful).encode())
    yield "text", b"no network"
    yield "nothing", b""
    for number in range(count):
        rng = np.random.default_rng([7, number])
        yield f"bytes changed, number {number}", mutate(whole, rng)
        if number % 2:
            changed = mutate(weights, rng)
            yield f"weights changed, number {number}", repack(whole, model=changed)


def main(folder: Path, count: int) -> None:
    """Load each, and write how that ended."""
    path = folder / "generator.keras"
    writer = FORK.Process(target=write_generator, args=(str(path),))
    writer.start()
    writer.join()
    whole = path.read_bytes()
    for what, content in [("whole", whole), *damage(whole, count)]:
        path.write_bytes(content)
        ending = contain(load_network, path, "generator")
        told = {"what": what, "kind": ending.kind, "told": ending.told, "memory": ending.memory}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
