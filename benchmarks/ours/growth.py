"""gan-aug's stages on inputs of any size; a unit is one stage at one size: ``"generation 1000"``.

Settings are those of the ``quick`` preset, but for a shorter CNN training: its time does not depend
on its length in a way that this part asks about. Real digits stand in for synthetic ones where
their content could matter, so that nothing depends on how well a GAN was trained. Photos are noise:
no time depends on what they show.
"""

from collections.abc import Callable, Mapping

import numpy as np

from benchmarks.growth import CURVES, IMAGES, PHOTOS
from benchmarks.ours.mnist import load_mnist
from benchmarks.worker import Facts, Pause
from gan_aug.arms import ARMS, Material, build_original_set
from gan_aug.classifiers.cnn import CNN, predict_probabilities, train_cnn
from gan_aug.classifiers.lightgbm import LIGHTGBM, train_lightgbm
from gan_aug.data.dataset import draw_labeled
from gan_aug.device import Compute, select_compute
from gan_aug.gan.adversarial import train_dcgan
from gan_aug.gan.networks import build_generator
from gan_aug.gan.synthesis import generate_images
from gan_aug.images import (
    Decision,
    Images,
    ImageSpec,
    LabeledImages,
    PseudoLabels,
    TrainingSet,
    one_hot,
)
from gan_aug.pseudo_labels import accept_images
from gan_aug.settings.presets import resolve_config
from gan_aug.settings.run import RunConfig

CNN_UPDATES = 100
LABELS = 1000
PHOTO_SPEC = ImageSpec((64, 64, 3), tuple("0123456789"))

Stage = Callable[[int], object]


def run(pause: Pause) -> Facts:
    """Run the stage and size that each request names."""
    compute = select_compute("cpu")
    config = resolve_config("quick", {"cnn": {"updates": CNN_UPDATES}})
    train, photos = load_mnist().train, make_photos()
    of_photos = {
        **build_image_stages(photos, max(PHOTOS), config, compute),
        **build_step_stages(photos, config, compute),
    }
    stages = {
        **build_label_stages(train, config, compute),
        **build_image_stages(train, max(IMAGES), config, compute),
        **build_step_stages(train, config, compute),
        **{f"photo_{key}": stage for key, stage in of_photos.items()},
    }
    for plan in CURVES:
        stages[plan.key](plan.sizes[0])
    # A virtual machine gives out memory it never used ten times as slowly as other memory.
    stages["augmentation"](max(IMAGES))
    while (request := pause()) is not None:
        key, size = request.split()
        stages[key](int(size))
    return {}


def make_photos() -> LabeledImages:
    """Make noise of 64×64 RGB pixels, with labels."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (LABELS, *PHOTO_SPEC.shape), dtype=np.uint8)
    labels = np.arange(LABELS, dtype=np.uint16) % len(PHOTO_SPEC.classes)
    return LabeledImages(images, labels, PHOTO_SPEC)


def build_label_stages(
    train: LabeledImages, config: RunConfig, compute: Compute
) -> Mapping[str, Stage]:
    """Stages whose size is a number of labels."""
    return {
        "lightgbm": lambda labels: train_lightgbm(
            draw_set(train, labels), config.of(LIGHTGBM), seed=0
        ),
        "cnn": lambda labels: train_cnn(
            draw_set(train, labels), config.of(CNN), seed=0, compute=compute
        ),
    }


def draw_set(train: LabeledImages, labels: int) -> TrainingSet:
    """Draw a labeled set; as many labels as there are images are all of them, balanced or not."""
    drawn = draw_labeled(train, "all" if labels == len(train) else labels, seed=0)
    return build_original_set(train.take(drawn))


def build_image_stages(
    train: LabeledImages, most: int, config: RunConfig, compute: Compute
) -> Mapping[str, Stage]:
    """Stages whose size is a number of synthetic images, ``most`` at most; no class is full."""
    labeled = train.take(draw_labeled(train, LABELS, seed=0))
    teacher = train_cnn(build_original_set(labeled), config.of(CNN), seed=0, compute=compute)
    generator = build_generator(config.dcgan, train.spec.shape, dtype_policy=compute.dtype_policy)
    images: Images = np.resize(train.images, (most, *train.images.shape[1:]))
    targets = one_hot(np.resize(train.labels, most), len(train.spec.classes))
    # Random labels teach nobody to be sure.
    roomy = config.pseudo_labels.model_copy(
        update={"per_class": most, "confidence_threshold": 0.0, "margin_threshold": 0.0}
    )

    def label(count: int) -> PseudoLabels:
        probabilities = predict_probabilities(teacher, images[:count])
        return accept_images(images[:count], probabilities, **roomy.acceptance)

    def augment(count: int) -> TrainingSet:
        decisions = np.full(count, Decision.ACCEPTED, dtype=np.uint8)
        pseudo = PseudoLabels(images[:count], targets[:count], decisions)
        settings = config.augmentation
        material = Material(labeled, settings, "soft", copies=0, seed=0, synthetic=pseudo)
        return ARMS["gan"].build(material)

    return {
        "generation": lambda count: generate_images(generator, count, seed=0),
        "pseudo_labelling": label,
        "augmentation": augment,
    }


def build_step_stages(
    train: LabeledImages, config: RunConfig, compute: Compute
) -> Mapping[str, Stage]:
    """Stages whose size is a number of the DCGAN's steps."""

    def train_steps(steps: int) -> object:
        settings = config.dcgan.model_copy(update={"steps": steps})
        return train_dcgan(train.images, settings, seed=0, compute=compute)

    return {"dcgan": train_steps}
