"""``gan-aug anomalies``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gan_aug.flows.cli import terminal
from gan_aug.flows.cli.completion import complete_run
from gan_aug.flows.cli.options import Destination, Integer, Json
from gan_aug.flows.cli.panels import DATA
from gan_aug.flows.cli.prepare import call_flow, prepare_flow
from gan_aug.settings.anomalies import AnomalyConfig, Detector, Part
from gan_aug.settings.run import RunConfig

__all__ = ["anomalies"]


def anomalies(
    source: Annotated[str, Parameter(group=DATA, completer=complete_run)],
    *,
    dataset: str | None = None,
    part: Part = "validation",
    by: Detector = "feature-distance",
    leave_one_out: Annotated[bool, Parameter(negative="")] = False,
    steps: Integer | None = None,
    destination: Destination = Destination(),
    json: Json = False,
) -> None:
    """Rank images by how anomalous a discriminator finds them, and measure how well it can tell.

    The command measures every detector on foreign images: images of another source, noise, and
    turned and inverted images.

    Args:
        source: A run: its name, as `gan-aug runs` lists it, the beginning of its name, or `latest`.
            Or the path of a `discriminator.keras`.
        dataset: Data set to rank, as `gan-aug run` takes it; by default that of the run.
        part: Part of the data set to rank.
        by: Detector to rank by; the command measures all four in any case.
        leave_one_out: Also train a DCGAN without each class and measure how well it finds that one.
        steps: Steps of each of these trainings; by default those of the run.
    """
    from gan_aug.reporting.folders import complete_name  # noqa: PLC0415 - a second to import

    source = complete_name(destination.artifacts, source)
    config = AnomalyConfig(
        source=source,
        dataset=dataset,
        part=part,
        by=by,
        leave_one_out=leave_one_out,
        steps=steps,
    )
    trained = read_source(source, destination.artifacts)
    prepare_flow(trained.device, trained.precision, destination.level)
    from gan_aug.flows.anomalies import anomalies as anomalies_flow  # noqa: PLC0415 - seconds to import

    finished = call_flow(lambda: anomalies_flow(config, **destination.to_arguments()))
    result = finished.read_anomalies()
    table = terminal.tabulate_separations([*result.foreign, *result.left_out])
    terminal.print_outcome(result, [table], finished.path, as_json=json)


def read_source(source: str, artifacts: Path) -> RunConfig:
    """Return the settings of a run, or default ones for anything that is not a run.

    Raises:
        UserError: The settings of the run can't be read.
    """
    from gan_aug.reporting.folders import find_run, is_run  # noqa: PLC0415 - a second to import

    known = is_run(artifacts, source)
    return find_run(artifacts, source).read_config() if known else RunConfig()
