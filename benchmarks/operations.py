"""Where the time of a DCGAN's step goes: ``python -m benchmarks.operations``.

Each layer is timed by itself, forward and backward, beside the least time that its multiply-adds
take at this machine's best rate of a large matrix product. What the whole step takes longer goes to
everything between layers: optimizers, the gradient penalty, the running average, random draws, and
the host.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from cyclopts import App
from keras import layers
from pydantic import BaseModel, ConfigDict, PositiveInt
from rich.console import Console

from benchmarks.floor import count_layer
from benchmarks.ledger import write_outputs
from benchmarks.machine import describe_machine, stamp
from benchmarks.ours.matrix_rate import build_products, measure_rate
from benchmarks.ours.mnist import load_mnist
from benchmarks.report import load_template
from benchmarks.results import Machine, Stamp
from gan_aug.device import Compute, select_compute
from gan_aug.gan.adversarial import METRICS, Players, build_players, build_train_step
from gan_aug.images import Images, image_shape
from gan_aug.settings.dcgan import DcganConfig
from gan_aug.settings.presets import Preset, resolve_config
from gan_aug.training import compile_steps

__all__ = ["Operation", "Operations", "Step", "list_operations", "render_page"]

ROOT = Path(__file__).parent.parent
ERR = Console(stderr=True, soft_wrap=True, highlight=False)
# The output, the kernel's gradient and the input's gradient take as many multiply-adds each.
PASSES = 3

app = App(name="python -m benchmarks.operations", help="Measure where a step's time goes.")


class Operation(BaseModel):
    """A layer in one step, forward and backward.

    Attributes:
        network: ``generator`` or ``discriminator``.
        layer: Its name.
        kind: Its class.
        images: How many go through it in a step.
        multiply_adds: Of the step, for all of them; 0 for a layer that multiplies no matrices.
        seconds: The fastest of its tries.
    """

    model_config = ConfigDict(frozen=True)

    network: str
    layer: str
    kind: str
    images: int
    multiply_adds: int
    seconds: float


class Step(BaseModel):
    """A preset's step and its layers.

    Attributes:
        preset: Which.
        precision: Of the layers.
        seconds: The fastest of the whole step's tries.
        operations: Those of both networks, in their order.
    """

    model_config = ConfigDict(frozen=True)

    preset: Preset
    precision: str
    seconds: float
    operations: list[Operation]

    @property
    def between(self) -> float:
        """Seconds of a step that go to no layer."""
        return self.seconds - sum(operation.seconds for operation in self.operations)


class Operations(BaseModel):
    """All that was measured.

    Attributes:
        machine: Where.
        stamp: With which code.
        tries: Of each layer, step and product.
        rate: Multiply-adds a second of the fastest large matrix product.
        steps: A preset each.
    """

    model_config = ConfigDict(frozen=True)

    machine: Machine
    stamp: Stamp
    tries: int
    rate: float
    steps: list[Step]


@app.default
def measure(*presets: Preset, tries: PositiveInt = 20, root: Path = ROOT) -> None:
    """Measure, and write `artifacts/operations.json` and `docs/operations.md`.

    Parameters
    ----------
    presets
        Whose DCGANs: `quick` and `chapter` by default.
    tries
        Of each layer and each step.
    root
        Folder whose `artifacts` and `docs` are written.
    """
    code = stamp(("tensorflow", "keras"))
    compute, images = select_compute("cpu"), load_mnist().train.images
    chosen: tuple[Preset, ...] = presets or ("quick", "chapter")
    found = Operations(
        machine=describe_machine(),
        stamp=code,
        tries=tries,
        steps=[measure_step(preset, images, compute, tries) for preset in chosen],
        rate=measure_best_rate(compute, tries),
    )
    write_outputs("operations", found.model_dump(mode="json"), render_page(found), root)


def measure_best_rate(compute: Compute, tries: int) -> float:
    """Return the multiply-adds a second of the fastest of several large matrix products."""
    products = list(
        build_products(tf.bfloat16 if "bfloat16" in compute.dtype_policy else tf.float32)
    )
    return max(measure_rate(*product)[0] for _ in range(tries) for product in products)


def measure_step(preset: Preset, images: Images, compute: Compute, tries: int) -> Step:
    """Time a preset's step, and each layer of its networks."""
    config = resolve_config(preset).dcgan
    keras.utils.set_random_seed(0)
    players = build_players(config, compute, image_shape(images))
    train_step = build_train_step(players, images, config, seed=0)
    take_steps = compile_steps(train_step, len(METRICS), compute)
    steps = compute.steps_per_call
    ERR.print(f"{preset}: whole steps")
    seconds = time_best(lambda: take_steps(0, steps).numpy(), tries) / steps
    return Step(
        preset=preset,
        precision=compute.dtype_policy,
        seconds=seconds,
        operations=list_operations(players, config, tries),
    )


def list_operations(players: Players, config: DcganConfig, tries: int) -> list[Operation]:
    """Time all layers that take one input.

    A layer of the generator sees a batch, one of the discriminator as many real images beside it.
    """
    networks = (
        (players.generator, config.batch_size),
        (players.discriminator, 2 * config.batch_size),
    )
    found = []
    for network, images in networks:
        for layer in network.layers:
            if isinstance(layer, layers.InputLayer) or isinstance(layer.input, list):
                continue
            ERR.print(f"{network.name}: {layer.name}")
            found.append(
                Operation(
                    network=network.name,
                    layer=layer.name,
                    kind=type(layer).__name__,
                    images=images,
                    multiply_adds=PASSES * images * count_layer(layer, fold=True),
                    seconds=time_layer(layer, images, tries),
                )
            )
    return found


def time_layer(layer: layers.Layer, images: int, tries: int) -> float:
    """Return the seconds of a layer's output and gradients, less those of a layer that is empty."""
    inputs = tf.cast(tf.random.normal((images, *layer.input.shape[1:])), layer.input.dtype)
    empty = layers.Identity(dtype=layer.input.dtype)
    took, overhead = (time_best(build_pass(one, inputs), tries) for one in (layer, empty))
    return max(0.0, took - overhead)


def build_pass(layer: layers.Layer, inputs: tf.Tensor) -> Callable[[], object]:
    """Return a function that takes inputs through a layer and back, and waits for the end."""

    @tf.function  # type: ignore[untyped-decorator]
    def pass_both_ways(values: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(values)
            outputs = layer(values, training=True)
        gradients = tape.gradient(
            outputs, [values, *layer.trainable_variables], output_gradients=tf.ones_like(outputs)
        )
        # What is not returned is not computed: nothing else needs the outputs.
        return outputs, gradients

    return lambda: tf.nest.map_structure(wait, pass_both_ways(inputs))


def wait(found: tf.Tensor | None) -> None:
    """Return when a tensor is there; None is the gradient of an input that is only looked up."""
    if found is not None:
        found[:1].numpy()


def time_best(call: Callable[[], object], tries: int) -> float:
    """Return the seconds of the fastest of several calls, after one that is not counted."""
    call()
    seconds = []
    for _ in range(tries):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def render_page(found: Operations) -> str:
    """Render the page: a table for each preset."""
    return load_template("operations.md.j2").render(found=found)


if __name__ == "__main__":
    app()
