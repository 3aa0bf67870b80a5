"""The comparisons of speed: gan-aug beside what a user would run instead."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.interleave import Entrant, OnUnit, race
from benchmarks.machine import stamp
from benchmarks.results import CnnTraining, Contender, DcganStep, Floor, LightgbmTraining
from gan_aug.classifiers.lightgbm import LIGHTGBM
from gan_aug.settings.presets import resolve_config

__all__ = ["measure_cnn_training", "measure_dcgan_step", "measure_lightgbm_training"]

# An environment of its own: PyTorch and TensorFlow need not agree on what they depend on.
PYTORCH = Path(__file__).parent.parent / ".venv-pytorch" / "bin" / "python"

NETWORK_LIBRARIES = ("tensorflow", "keras", "numpy")
CNN_BATCH_SIZE = 256
CNN_UPDATES_PER_UNIT = 39
LIGHTGBM_IMAGES = 10_000

DCGAN_ENTRANTS = {
    "gan_aug": Entrant("gan-aug", "benchmarks.ours.dcgan_step"),
    "chapter": Entrant("the chapter's loop, Keras", "benchmarks.peers.chapter_keras"),
    "chapter_onednn": Entrant(
        "the chapter's loop, Keras with oneDNN turned on",
        "benchmarks.peers.chapter_keras",
        environment={"TF_ENABLE_ONEDNN_OPTS": "1"},
    ),
    "pytorch": Entrant(
        "PyTorch, eager", "benchmarks.peers.chapter_pytorch", python=PYTORCH, required="torch"
    ),
    "pytorch_tuned": Entrant(
        "PyTorch, channels last, bfloat16 autocast",
        "benchmarks.peers.chapter_pytorch",
        {"tuned": True},
        python=PYTORCH,
        required="torch",
    ),
    "matrix_rate": Entrant("large matrix products", "benchmarks.ours.matrix_rate"),
}


def measure_dcgan_step(rounds: int, on_unit: OnUnit) -> DcganStep:
    """Time one training step of the chapter's DCGAN at batch 256.

    Args:
        rounds: Steps of each contender.
        on_unit: Called before each.
    """
    code = stamp(NETWORK_LIBRARIES)
    contenders = race(DCGAN_ENTRANTS, rounds, on_unit)
    rate = contenders.pop("matrix_rate")
    check_same(contenders, "generator_parameters", "discriminator_parameters")
    own = contenders["gan_aug"]
    floor = build_floor(own.facts, rate.facts)
    return DcganStep(
        stamp=code,
        precision=str(own.facts["precision"]),
        ratio_vs_chapter=required(contenders["chapter"].ratio),
        ratio_vs_chapter_onednn=required(contenders["chapter_onednn"].ratio),
        ratio_vs_pytorch=contenders["pytorch"].ratio,
        ratio_vs_pytorch_tuned=contenders["pytorch_tuned"].ratio,
        ratio_vs_floor=required(own.median_seconds) / floor.seconds,
        floor=floor,
        contenders=contenders,
    )


def build_floor(counts: Mapping[str, Any], rate: Mapping[str, Any]) -> Floor:
    """Divide the step's multiply-adds by the machine's rate."""
    return Floor(
        multiply_adds=counts["multiply_adds"],
        chapter_multiply_adds=counts["chapter_multiply_adds"],
        multiply_adds_per_second=rate["multiply_adds_per_second"],
        fastest_product=rate["fastest_product"],
        seconds=counts["multiply_adds"] / rate["multiply_adds_per_second"],
    )


def measure_cnn_training(rounds: int, on_unit: OnUnit) -> CnnTraining:
    """Time one epoch of the chapter's CNN at batch 256 in units of about 10,000 images.

    Args:
        rounds: Units; five and the first update, which is not timed, make an epoch.
        on_unit: Called before each.
    """
    code = stamp(NETWORK_LIBRARIES)
    options = {
        "batch_size": CNN_BATCH_SIZE,
        "updates": 1 + CNN_UPDATES_PER_UNIT * rounds,
        "updates_per_unit": CNN_UPDATES_PER_UNIT,
    }
    entrants = {
        "gan_aug": Entrant("gan-aug", "benchmarks.ours.cnn", options),
        "keras_fit": Entrant("Keras, `compile` and `fit`", "benchmarks.peers.keras_cnn", options),
    }
    contenders = race(entrants, rounds, on_unit)
    check_same(contenders, "parameters")
    return CnnTraining(
        stamp=code,
        images_per_unit=CNN_UPDATES_PER_UNIT * CNN_BATCH_SIZE,
        ratio_vs_keras_fit=required(contenders["keras_fit"].ratio),
        contenders=contenders,
    )


def measure_lightgbm_training(rounds: int, on_unit: OnUnit) -> LightgbmTraining:
    """Time LightGBM on 10,000 images, with this project's settings and with its defaults.

    Args:
        rounds: Trainings of each.
        on_unit: Called before each.
    """
    code = stamp(("lightgbm", "numpy"))
    same = {"images": LIGHTGBM_IMAGES}
    peer = same | {"rounds": resolve_config("quick").of(LIGHTGBM).rounds}
    entrants = {
        "gan_aug": Entrant("gan-aug", "benchmarks.ours.lightgbm", same),
        "lightgbm_defaults": Entrant(
            "LightGBM, `LGBMClassifier()`", "benchmarks.peers.lightgbm_defaults", peer
        ),
    }
    contenders = race(entrants, rounds, on_unit)
    check_same(contenders, "rounds")
    return LightgbmTraining(
        stamp=code,
        images_per_unit=LIGHTGBM_IMAGES,
        ratio_vs_lightgbm_defaults=required(contenders["lightgbm_defaults"].ratio),
        contenders=contenders,
    )


def check_same(contenders: Mapping[str, Contender], *facts: str) -> None:
    """Raise RuntimeError unless all contenders that ran agree on these facts."""
    for fact in facts:
        found = {name: c.facts[fact] for name, c in contenders.items() if c.facts}
        if len(set(found.values())) > 1:
            raise RuntimeError(f"{fact}: expected the same for all contenders, found {found}")


def required(value: float | None) -> float:
    """Return the value of a contender that is always installed."""
    if value is None:
        raise RuntimeError("expected a time of every contender but PyTorch, found none")
    return value
