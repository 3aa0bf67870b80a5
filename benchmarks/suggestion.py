"""Which images to label, measured: ``python -m benchmarks.suggestion``.

Every method chooses by the features of the same encoders, and is judged by what its labels say of
the other training images once they have spread (:mod:`gan_aug.representation.propagation`). No
validation or test image is looked at.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from cyclopts import App
from rich.console import Console

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
from gan_aug.data.dataset import draw_labeled
from gan_aug.images import Float32, Indices, LabeledImages, Labels
from gan_aug.representation.encoder import describe_encoder, describe_features
from gan_aug.representation.propagation import build_graph, find_neighbors, name_images
from gan_aug.representation.selection import choose_medoids, choose_random, choose_spread
from gan_aug.settings.consistency import ConsistencyConfig
from gan_aug.settings.presets import Preset, resolve_suggestion_config
from gan_aug.settings.suggestion import SuggestionConfig

__all__ = ["LEDGER", "METHODS", "Ground", "Measurement", "render_page", "summarize"]

BUDGETS = (20, 50, 100, 200)
PAGE = "labeling.md.j2"
SLACK = ConsistencyConfig().size_slack
ANY_SIZE = 100.0  # what docs/labeling.md tells users to set for labels that were chosen
ERR = Console(stderr=True, soft_wrap=True, highlight=False)

app = App(name="python -m benchmarks.suggestion", help="Measure which images are worth labels.")


class Ground(NamedTuple):
    """What all methods choose from.

    Attributes:
        train: The training images, with the labels that a method gets where it asks for them.
        features: ``(n, d)`` float32, rows of length 1.
        graph: Of neighbours by these features: ``(n, n)`` weights, sparse.
    """

    train: LabeledImages
    features: Float32
    graph: Any

    def spread(self, places: Indices, slack: float) -> tuple[Labels, Float32]:
        """Spread the labels of some images to all; classes without a label are never named.

        Returns:
            As :func:`gan_aug.representation.propagation.name_images`.
        """
        names, labels = np.unique(self.train.labels[places], return_inverse=True)
        found, ranks = name_images(self.graph, places, labels.astype(np.uint16), len(names), slack)
        return names[found], ranks

    def measure_error(self, places: Indices, slack: float) -> float:
        """Return the share of the images without a label that are named wrongly."""
        names, _ = self.spread(places, slack)
        return float(np.delete(names != self.train.labels, places).mean())


Choose = Callable[[Ground, int, int], Indices]
"""Ground, number of labels and seed → places of the images that get a label."""


class Method(NamedTuple):
    """A way to choose images.

    Attributes:
        title: For people.
        choose: Does it.
    """

    title: str
    choose: Choose


def draw_balanced(ground: Ground, count: int, seed: int) -> Indices:
    """Draw as many images of every class, which only those can who know the labels."""
    return draw_labeled(ground.train, count, seed=seed)


def choose_rounds(ground: Ground, count: int, seed: int) -> Indices:
    """Choose medoids, and as many again that go with them."""
    first = choose_medoids(ground.features, count // 2, seed=seed)
    more = choose_medoids(ground.features, count - len(first), seed=seed, chosen=first.tolist())
    return np.concatenate([first, more])


def choose_uncertain(ground: Ground, count: int, seed: int) -> Indices:
    """Choose medoids, and as many again of which their spread labels are least sure."""
    first = choose_medoids(ground.features, count // 2, seed=seed)
    _, ranks = ground.spread(first, ANY_SIZE)
    unsure = np.argsort(-ranks, kind="stable")
    return np.concatenate([first, unsure[: count - len(first)]])


METHODS: Mapping[str, Method] = {
    "balanced": Method("drawn at random, every class alike", draw_balanced),
    "random": Method(
        "drawn at random (`random`)",
        lambda ground, count, seed: choose_random(ground.features, count, seed=seed),
    ),
    "medoids": Method(
        "middles of clusters (`medoids`)",
        lambda ground, count, seed: choose_medoids(ground.features, count, seed=seed),
    ),
    "medoids-rounds": Method("`medoids` in two rounds, half each", choose_rounds),
    "k-centre": Method(
        "far from each other (`k-centre`)",
        lambda ground, count, seed: choose_spread(ground.features, count, seed=seed),
    ),
    "uncertainty": Method("half `medoids`, then the least certain", choose_uncertain),
}
"""Name → what is measured; the first is what the others are compared with."""

if TYPE_CHECKING:
    MethodName = str
else:
    MethodName = Literal[tuple(METHODS)]


class Measurement(MeasuredDraw):
    """One choice of images, and what their labels say of the others.

    Attributes:
        method: Which of :data:`METHODS`.
        labels: How many images were chosen.
        seed: Of the choice; it also says which encoder.
        error: In [0, 1], of the images without a label, where class sizes are kept near the shares
            of the labels.
        free_error: The same where a class may become as large as the graph makes it.
        missing: How many classes got no label.
        settings: The encoder's.
    """

    method: str
    error: float
    free_error: float
    missing: int

    @property
    def kind(self) -> str:
        """Which of them."""
        return self.method


LEDGER = Ledger(Measurement, key="measurements", name="labeling")


class Cell(NamedTuple):
    """One method at one budget, over all seeds.

    Attributes:
        error: As of a :class:`Measurement`.
        free_error: The same.
        missing: Mean number of classes without a label.
        draws: How many there are.
    """

    error: Row
    free_error: Row
    missing: float
    draws: int


@app.default
def measure(
    *,
    draws: Draws = 5,
    budgets: Budgets = BUDGETS,
    variants: tuple[MethodName, ...] = tuple(METHODS),
    preset: Preset = "quick",
    bench: Workbench = MNIST,
) -> None:
    """Measure what is missing; add it to `artifacts/labeling.json`, and write `docs/labeling.md`.

    The same command goes on where it was interrupted. Draws take turns with two
    encoders, so that an interval over draws has some of the encoder's spread too.

    Parameters
    ----------
    variants
        Which methods to measure.
    preset
        Of the encoder's settings.
    bench
        Data and folders.
    """
    for encoder in range(min(NETWORKS, draws)):
        config = resolve_suggestion_config(preset, {"encoder": {"seed": encoder}})
        pending = [
            begin_measurement(method, labels, seed, config, bench)
            for seed in range(encoder, draws, NETWORKS)
            for labels in budgets
            for method in variants
        ]
        missing = [found for found in pending if not LEDGER.has(found, bench.root)]
        if not missing:
            continue
        ground = prepare_ground(bench, config)
        for found in missing:
            ERR.print(f"{found.method}, {found.labels} labels, seed {found.seed}")
            LEDGER.add(finish_measurement(found, ground), bench.root, render_page)


def begin_measurement(
    method: str, labels: int, seed: int, config: SuggestionConfig, bench: Workbench
) -> Measurement:
    """Return what is to be measured."""
    return Measurement(
        method=method,
        labels=labels,
        seed=seed,
        error=1,
        free_error=1,
        missing=0,
        settings={"encoder": config.encoder.model_dump(mode="json")},
        **bench.describe_origin(),
    )


def finish_measurement(pending: Measurement, ground: Ground) -> Measurement:
    """Choose images, spread their labels, and count what is named wrongly."""
    places = METHODS[pending.method].choose(ground, pending.labels, pending.seed)
    named = np.unique(ground.train.labels[places])
    return pending.model_copy(
        update={
            "error": ground.measure_error(places, SLACK),
            "free_error": ground.measure_error(places, ANY_SIZE),
            "missing": len(ground.train.spec.classes) - len(named),
        }
    )


def prepare_ground(bench: Workbench, config: SuggestionConfig) -> Ground:
    """Train the encoder, unless the store has it, and find the neighbours of every image."""
    source, compute, data = bench.source, bench.compute, bench.data
    encoder = describe_encoder(source, config.encoder, seed=config.seed, compute=compute)
    execute = bench.open_executor()
    features = execute(describe_features(source, encoder, config.encoder, compute=compute)).load()[
        : len(data.train)
    ]
    graph = build_graph(find_neighbors(features, ConsistencyConfig().neighbors))
    return Ground(data.train, features, graph)


def summarize(measurements: Sequence[Measurement]) -> dict[str, dict[tuple[int, str], Cell]]:
    """Return means and intervals over the draws: data set → labels and method → cell."""
    return {
        name: {key: summarize_draws(draws) for key, draws in cells.items()}
        for name, cells in group_draws(measurements).items()
    }


def summarize_draws(draws: Sequence[Measurement]) -> Cell:
    """Return one method at one budget."""
    return Cell(
        error=summarize_values([found.error for found in draws]),
        free_error=summarize_values([found.free_error for found in draws]),
        missing=float(np.mean([found.missing for found in draws])),
        draws=len(draws),
    )


def render_page(measurements: Sequence[Measurement]) -> str:
    """Render the page: how to label, and for every data set a row a method, a column a budget."""
    return load_template(PAGE).render(
        groups=summarize(measurements),
        methods={name: method.title for name, method in METHODS.items()},
        slack=SLACK,
        any_size=ANY_SIZE,
        origins=sorted({found.origin for found in measurements}),
    )


if __name__ == "__main__":
    app()
