"""The ``quick`` DCGAN's training, and what the judge sees in its images on the way.

Requests are ``"judge"``, which trains the judge; ``"train 4000"``, which goes on to that step; and
``"measure"``, which measures the images of the generator as it is then.
"""

from typing import Any

from benchmarks.ours.mnist import load_mnist
from benchmarks.worker import Facts, Pause
from gan_aug.arms import build_original_set
from gan_aug.classifiers.cnn import predict_probabilities, train_cnn
from gan_aug.device import select_compute
from gan_aug.evaluation.quality import Features, extract_features, frechet_distance
from gan_aug.gan.adversarial import TrainedDcgan, train_dcgan
from gan_aug.gan.synthesis import generate_images
from gan_aug.images import Images
from gan_aug.settings.presets import resolve_config
from gan_aug.training import Arrays

SEED = 0


class MemoryCheckpoint:
    """Keeps the state of the training from one request to the next."""

    def __init__(self) -> None:
        self.arrays: Arrays | None = None

    def load(self) -> Arrays | None:
        """Return what was saved last."""
        return self.arrays

    def save(self, arrays: Arrays) -> None:
        """Replace it."""
        self.arrays = arrays


class Course:
    """A training that is continued, and measured in between."""

    def __init__(self) -> None:
        self.data = load_mnist()
        self.config = resolve_config("quick")
        self.compute = select_compute("cpu")
        self.checkpoint = MemoryCheckpoint()
        self.facts: dict[str, Any] = {"precision": self.compute.dtype_policy}

    def train_judge(self) -> None:
        """Train the judge as a run does, in float32, and measure the floor."""
        self.judge = train_cnn(
            build_original_set(self.data.train),
            self.config.quality.judge,
            seed=SEED,
            compute=select_compute("cpu", "float32"),
        )
        self.reference = self.look(self.data.test.images)
        floor = self.look(self.data.train.images[: self.config.quality.images])
        self.facts["floor"] = self.compare(floor)
        seen = predict_probabilities(self.judge, self.data.validation.images).argmax(axis=1)
        self.facts["judge_accuracy"] = float((seen == self.data.validation.labels).mean())

    def train(self, steps: int) -> None:
        """Go on with the DCGAN until it has taken so many steps."""
        self.trained: TrainedDcgan = train_dcgan(
            self.data.train.images,
            self.config.dcgan.model_copy(update={"steps": steps}),
            seed=SEED,
            compute=self.compute,
            checkpoint=self.checkpoint,
        )

    def measure(self) -> None:
        """Note the distance of the generator's images from the test images."""
        images = generate_images(self.trained.generator, self.config.quality.images, seed=SEED)
        step = int(self.trained.history[-1]["step"])
        self.facts[f"step_{step}"] = self.compare(self.look(images))

    def look(self, images: Images) -> Features:
        """Show images to the judge."""
        return extract_features(self.judge, images)

    def compare(self, features: Features) -> float:
        """Return the Fréchet distance from the test images."""
        return frechet_distance(features.activations, self.reference.activations)


def run(pause: Pause) -> Facts:
    """Do what each request says."""
    course = Course()
    actions: dict[str, Any] = {
        "judge": course.train_judge,
        "train": course.train,
        "measure": course.measure,
    }
    while (request := pause()) is not None:
        action, *arguments = request.split()
        actions[action](*map(int, arguments))
    return course.facts
