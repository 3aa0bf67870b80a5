"""The help of a command: flags in panels by stage, the most used first, and all on request."""

import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from cyclopts import App, Group, Parameter
from cyclopts.argument import Argument, ArgumentCollection
from cyclopts.help import PanelSpec
from pydantic import BaseModel
from rich.console import Group as RichGroup
from rich.rule import Rule

from gan_aug.classifiers import CLASSIFIERS
from gan_aug.teachers import TEACHERS

__all__ = ["DATA", "GENERAL", "HELP_ALL", "OUTPUT", "Command", "Heading"]

HELP_ALL = "--help-all"
FULL_REFERENCE = "docs/settings.md"

GENERAL = Group("General", sort_key=1)
DATA = Group("Data", sort_key=2)
DCGAN = Group("DCGAN", sort_key=3)
ENCODER = Group("Encoder", sort_key=4)
TEACHER = Group("Teacher", sort_key=5)
CLASSIFYING = Group("Classifiers", sort_key=6)
COMPARISON = Group("Comparison", sort_key=7)
OUTPUT = Group("Output", sort_key=8)

# By the first part of a setting's name; what is not here is about data.
PANELS: Mapping[str, Group] = {
    **dict.fromkeys(("seed", "device", "precision"), GENERAL),
    **dict.fromkeys(("dcgan", "synthesis"), DCGAN),
    "encoder": ENCODER,
    **dict.fromkeys(("pseudo_labels", *TEACHERS), TEACHER),
    **dict.fromkeys(("classifiers", "augmentation", *CLASSIFIERS), CLASSIFYING),
    **dict.fromkeys(("arms", "comparison", "quality", "gates"), COMPARISON),
}
# Settings that the short help has beside a command's own flags.
COMMON = (
    "--dataset",
    "--unlabeled",
    "--labels",
    "--labels-from",
    "--method",
    "--seed",
    "--device",
    "--dcgan.steps",
    "--pseudo-labels.teacher",
    "--classifiers",
    "--arms",
    "--quality.enabled",
)
# Settings that a command with the other flag refuses.
REPLACED = {"--labels": "--budgets"}
# So many more than these are not worth a second page.
FEW = 10
# What the short help has more than a sentence about: nothing else says which presets there are.
TOLD_WHOLE = ("--preset",)


@dataclass
class Page:
    """A page of help that is being printed.

    Attributes:
        whole: Whether all was asked for.
        left_out: How many flags it leaves to the whole page.
    """

    whole: bool
    left_out: int = 0


wants_all: ContextVar[bool] = ContextVar("wants_all", default=False)
printed: ContextVar[Page | None] = ContextVar("printed", default=None)


@contextmanager
def hold(variable: ContextVar[Any], value: Any) -> Iterator[None]:
    """Give a variable a value meanwhile."""
    before = variable.set(value)
    try:
        yield
    finally:
        variable.reset(before)


class Command(App):
    """A command whose help is short; ``--help-all`` asks for all of it.

    Both pages are made of the same flags with the same words. The short one has the command's own
    flags, and of the settings those in :data:`COMMON`, each with the first sentence about it.
    """

    def __call__(self, tokens: Any = None, **options: Any) -> Any:
        """Run the command that the words ask for."""
        words = sys.argv[1:] if tokens is None else tokens
        with hold(wants_all, HELP_ALL in words):
            return super().__call__(tokens, **options)

    def help_print(self, tokens: Any = None, *, console: Any = None) -> None:
        """Print a page of help, and where the rest is."""
        page = Page(wants_all.get())
        with hold(printed, page):
            super().help_print(tokens, console=console)
        if page.left_out:
            asked = " ".join(("gan-aug", *(tokens or ())))
            (console or self.console).print(
                f"{asked} {HELP_ALL} has {page.left_out} more flags, which {FULL_REFERENCE} lists "
                "with the presets.",
                markup=False,
            )

    @property
    def help(self) -> str:
        """What the command is for, in one paragraph where the page is short."""
        said = inspect.cleandoc(super().help)
        page = printed.get()
        return said.partition("\n\n")[0] if page and page.left_out else said

    @help.setter  # noqa: A003 - cyclopts calls it so
    def help(self, text: str | None) -> None:
        self._help = text

    def assemble_argument_collection(self, **options: Any) -> ArgumentCollection:
        """Return the flags of this command; those of a page of help in its order."""
        arguments = super().assemble_argument_collection(**options)
        page = printed.get()
        return arrange(arguments, page) if page else arguments


def arrange(arguments: ArgumentCollection, page: Page) -> ArgumentCollection:
    """Put each flag into its panel, the most used first; a page too small for all has the sense."""
    settings = list(find_settings(arguments))
    fields = {id(argument) for argument in settings}
    own = [argument for argument in arguments if id(argument) not in fields]
    declared = {argument.name for argument in own}
    settings = [one for one in settings if REPLACED.get(one.name) not in declared]
    common = [one for one in settings if one.name in COMMON]
    rare = [one for one in settings if one.name not in {*COMMON, *declared}]
    for argument in settings:
        place(argument, PANELS.get(argument.keys[0], DATA))
    if not page.whole and len(rare) > FEW:
        page.left_out = len(rare)
        for argument in (*own, *common):
            abridge(argument)
        rare = []
    common.sort(key=lambda argument: COMMON.index(argument.name))
    arguments[:] = [*own, *common, *rare]
    return arguments


def find_settings(arguments: Iterable[Argument]) -> Iterator[Argument]:
    """Yield the flags that are fields of settings, at any depth."""
    for argument in arguments:
        if argument.children and is_model(argument.hint):
            yield from (child for child in argument.children if not child.children)


def is_model(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, BaseModel)


def place(argument: Argument, panel: Group) -> None:
    argument.parameter = Parameter.combine(argument.parameter, Parameter(group=panel))


def abridge(argument: Argument) -> None:
    """Say one sentence about a flag, and not how it is turned off or that it is off."""
    said = argument.parameter.help or ""
    sentence = re.split(r"(?<=[.])\s", said, maxsplit=1)[0]
    brief = Parameter(
        help=said if argument.name in TOLD_WHOLE else sentence,
        negative=(),
        show_default=None if argument.field_info.default else False,
    )
    argument.parameter = Parameter.combine(argument.parameter, brief)


class Heading(PanelSpec):
    """A panel that is a heading with a line, and what is below it."""

    def build(self, renderable: Any, **overrides: Any) -> Any:
        """Return a panel."""
        return RichGroup(Rule(overrides["title"], align="left", style="dim"), renderable)
