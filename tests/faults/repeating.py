"""Train everything twice, and once with an interruption, in a process of so many threads.

A script: TensorFlow takes its number of threads once. It writes a line of JSON for each training.
"""

import json
import sys

import numpy as np
import tensorflow as tf
from sources import load
from tiny import TINY_DCGAN
from trainings import RESUMABLE, Trainings, shorten

from gan_aug.device import select_compute

INTERVAL = 3
STEPS = 9


class Memory:
    """A checkpoint in memory."""

    def __init__(self):
        self.arrays = None

    def load(self):
        return self.arrays

    def save(self, arrays):
        self.arrays = dict(arrays)


def interrupt(trainings, name, policy, last):
    """Stop a training after a step, as Ctrl-C does, and let it go on in another call."""
    memory = Memory()

    def stop(done, _metrics):
        if done >= last:
            raise KeyboardInterrupt

    try:
        trainings.train(name, policy, STEPS, checkpoint=memory, on_progress=stop)
    except KeyboardInterrupt:
        return trainings.train(name, policy, STEPS, checkpoint=memory)
    raise AssertionError(f"{name} did not tell step {last}")


def compare(one, other):
    """Whether two lists of arrays are equal to the last bit."""
    pairs = zip(one, other, strict=True)
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)


def main(threads, policy, names):
    """Train each, and write what was not equal."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    real = load("digits").train.take(np.arange(200))
    small = TINY_DCGAN.model_copy(update={"interval": INTERVAL})
    trainings = Trainings(real, small, select_compute("cpu", "float32"))
    rng = np.random.default_rng([threads, len(policy)])
    for name in names:
        with shorten(INTERVAL):
            first = trainings.train(name, policy, STEPS)
            broken = [] if compare(first, trainings.train(name, policy, STEPS)) else ["twice"]
            if name in RESUMABLE:
                last = int(rng.integers(1, STEPS))
                if not compare(first, interrupt(trainings, name, policy, last)):
                    broken.append(f"interrupted after {last}")
        sys.stdout.write(json.dumps({"name": name, "broken": broken}) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
