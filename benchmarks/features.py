"""By which features labels spread best: ``python -m benchmarks.features``.

Few labels spread along the graph of neighbours (:mod:`gan_aug.representation.propagation`), made
from several features of the same training images. No validation or test image is looked at.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from cyclopts import App
from rich.console import Console
from sklearn.preprocessing import normalize

from benchmarks.ledger import Ledger
from benchmarks.report import load_template
from benchmarks.spread import Row, summarize_values
from benchmarks.workbench import (
    MNIST,
    NETWORKS,
    Budgets,
    Draws,
    MeasuredDraw,
    Workbench,
    group_draws,
)
from gan_aug.components import reduce_images
from gan_aug.data.dataset import Dataset, draw_labeled
from gan_aug.evaluation.anomaly import observe
from gan_aug.images import Float32, Images, to_unit
from gan_aug.representation.encoder import describe_encoder, describe_features, join_features
from gan_aug.representation.propagation import build_graph, find_neighbors, name_images
from gan_aug.settings.consistency import ConsistencyConfig
from gan_aug.settings.encoder import EncoderConfig
from gan_aug.settings.presets import Preset, resolve_config
from gan_aug.settings.run import RunConfig
from gan_aug.stages import describe_dcgan

__all__ = ["FEATURES", "LEDGER", "Kind", "Measurement", "Networks", "render_page", "summarize"]

BUDGETS = (20, 50, 100, 200, 1000)
SHARE = EncoderConfig().pixel_share
GRAPH = ConsistencyConfig()
PAGE = "features.md.j2"
ERR = Console(stderr=True, soft_wrap=True, highlight=False)

app = App(name="python -m benchmarks.features", help="Measure by which features labels spread.")


class Networks(NamedTuple):
    """What was trained without labels, and what it was trained on.

    Attributes:
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        encoded: ``(n, d)`` float32, the encoder's features.
        discriminator: Of the DCGAN.
    """

    images: Images
    encoded: Float32
    discriminator: Any


def flatten_pixels(networks: Networks) -> Float32:
    """Return the pixels."""
    return to_unit(networks.images).reshape(len(networks.images), -1)


def find_components(networks: Networks) -> Float32:
    """Return principal components of the pixels."""
    return reduce_images(networks.images, seed=0)


def ask_discriminator(networks: Networks) -> Float32:
    """Return the discriminator's last features."""
    return observe(networks.discriminator, networks.images).features


def ask_encoder(networks: Networks) -> Float32:
    """Return the encoder's features."""
    return networks.encoded


def join(other: Callable[[Networks], Float32]) -> Callable[[Networks], Float32]:
    """Return what makes the encoder's features joined with others, as a run joins them."""
    return lambda networks: join_features(networks.encoded, other(networks), share=SHARE)


class Kind(NamedTuple):
    """A kind of features.

    Attributes:
        title: For people.
        make: Returns ``(n, d)`` float32 of the images.
        depends_on: Fields of a run's settings that decide what they are.
    """

    title: str
    make: Callable[[Networks], Float32]
    depends_on: tuple[str, ...] = ()


FEATURES: Mapping[str, Kind] = {
    "pixels": Kind("pixels", flatten_pixels),
    "components": Kind("principal components of the pixels", find_components),
    "discriminator": Kind("the DCGAN's discriminator", ask_discriminator, ("dcgan",)),
    "encoder": Kind("the encoder", ask_encoder, ("encoder",)),
    "encoder+components": Kind(
        "encoder and principal components, the default", join(find_components), ("encoder",)
    ),
    "encoder+discriminator": Kind(
        "encoder and discriminator", join(ask_discriminator), ("encoder", "dcgan")
    ),
}
"""Name → what is measured."""

if TYPE_CHECKING:
    FeaturesName = str
else:
    FeaturesName = Literal[tuple(FEATURES)]


class Measurement(MeasuredDraw):
    """Labels that spread by some features.

    Attributes:
        features: Which of :data:`FEATURES`.
        labels: Label budget.
        seed: Of the draw of labels; it also says which networks.
        error: In [0, 1], of the training images without a label.
        settings: Of the networks and of the graph.
    """

    features: str
    error: float

    @property
    def kind(self) -> str:
        """Which of them."""
        return self.features


LEDGER = Ledger(Measurement, key="measurements", name="features")


@app.default
def measure(
    *,
    draws: Draws = 5,
    budgets: Budgets = BUDGETS,
    features: tuple[FeaturesName, ...] = tuple(FEATURES),
    preset: Preset = "quick",
    bench: Workbench = MNIST,
) -> None:
    """Measure what is missing; add it to `artifacts/features.json`, and write `docs/features.md`.

    The same command goes on where it was interrupted. Draws take turns with two
    encoders and two DCGANs, so that an interval has some of the networks' spread too.

    Parameters
    ----------
    features
        Which to measure.
    preset
        Of the encoder's and the DCGAN's settings.
    bench
        Data and folders.
    """
    for number in range(min(NETWORKS, draws)):
        config = resolve_config(preset, {"seed": number})
        pending = [
            begin_measurement(name, labels, seed, config, bench)
            for name in features
            for seed in range(number, draws, NETWORKS)
            for labels in budgets
        ]
        missing = [found for found in pending if not LEDGER.has(found, bench.root)]
        if missing:
            networks = train_networks(bench, config)
        for name, group in itertools.groupby(missing, key=lambda found: found.features):
            ERR.print(f"{FEATURES[name].title}, networks {number}")
            graph = connect_images(name, networks)
            for found in group:
                done = finish_measurement(found, graph, bench.data)
                LEDGER.add(done, bench.root, render_page)


def begin_measurement(
    name: str, labels: int, seed: int, config: RunConfig, bench: Workbench
) -> Measurement:
    """Return what is to be measured."""
    settings = config.model_dump(mode="json")
    graph = GRAPH.model_dump(include={"neighbors", "size_slack"})
    return Measurement(
        features=name,
        labels=labels,
        seed=seed,
        error=1,
        settings={"graph": graph, **{part: settings[part] for part in FEATURES[name].depends_on}},
        **bench.describe_origin(),
    )


def train_networks(bench: Workbench, config: RunConfig) -> Networks:
    """Train encoder and DCGAN, unless the store has them."""
    source, compute, seed = bench.source, bench.compute, config.seed
    execute = bench.open_executor()
    encoder = describe_encoder(source, config.encoder, seed=seed, compute=compute)
    alone = config.encoder.model_copy(update={"pixel_share": 0.0})
    images = {"images": source.select("images")}
    dcgan = describe_dcgan(images, config.dcgan, seed=seed, compute=compute)
    return Networks(
        bench.data.images,
        execute(describe_features(source, encoder, alone, compute=compute)).load(),
        execute(dcgan).load().discriminator,
    )


def connect_images(name: str, networks: Networks) -> Any:
    """Return the graph of neighbours by some features: ``(n, n)`` weights, sparse."""
    features = normalize(FEATURES[name].make(networks)).astype(np.float32)
    return build_graph(find_neighbors(features, GRAPH.neighbors))


def finish_measurement(pending: Measurement, graph: Any, data: Dataset) -> Measurement:
    """Draw labels, spread them, and count what is named wrongly."""
    drawn = draw_labeled(data.train, pending.labels, seed=pending.seed)
    own, classes = data.train.labels[drawn], len(data.spec.classes)
    names, _ = name_images(graph, drawn, own, classes, GRAPH.size_slack)
    wrong = names[: len(data.train)] != data.train.labels
    return pending.model_copy(update={"error": float(np.delete(wrong, drawn).mean())})


def summarize(measurements: Sequence[Measurement]) -> dict[str, dict[tuple[int, str], Row]]:
    """Return means and intervals over the draws: data set → labels and features → errors."""
    return {
        name: {
            key: summarize_values([found.error for found in draws]) for key, draws in cells.items()
        }
        for name, cells in group_draws(measurements).items()
    }


def render_page(measurements: Sequence[Measurement]) -> str:
    """Render the page: for every data set a row for some features, a column a budget."""
    return load_template(PAGE).render(
        groups=summarize(measurements),
        features={name: kind.title for name, kind in FEATURES.items()},
        draws={
            name: max(map(len, cells.values())) for name, cells in group_draws(measurements).items()
        },
        origins=sorted({found.origin for found in measurements}),
    )


if __name__ == "__main__":
    app()
