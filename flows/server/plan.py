"""What `gan-aug up` runs when, and what follows from what happens: two files."""

from dataclasses import dataclass
from pathlib import Path

from gan_aug.errors import UserError

__all__ = ["Plan"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Where the two files are.

    Attributes:
        deployments: File that lists what to deploy, in place of the `prefect.yaml` that comes with
            gan-aug: a run every night, a study every week, a smoke run.
        automations: File that lists what to react to, in place of the `automations.yaml` that comes
            with gan-aug.
    """

    deployments: Path = Path(__file__).with_name("prefect.yaml")
    automations: Path = Path(__file__).with_name("automations.yaml")

    def check(self) -> None:
        """Refuse files that are not there.

        Raises:
            UserError: One is missing.
        """
        for what, file in (("deployments", self.deployments), ("automations", self.automations)):
            if not file.is_file():
                raise UserError(f"{what}: expected a file at {file}, found none; check its name")
