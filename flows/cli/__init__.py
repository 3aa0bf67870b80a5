"""The ``gan-aug`` command: the only room that knows both the domain and the flows."""

from gan_aug.flows.cli.app import main
from gan_aug.flows.cli.prepare import QUIET

__all__ = ["QUIET", "main"]
