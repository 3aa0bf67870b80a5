"""The ``gan-aug`` command: the only room that knows both the domain and the flows."""

from flows.cli.app import main
from flows.cli.prepare import QUIET

__all__ = ["QUIET", "main"]
