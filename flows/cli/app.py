"""The ``gan-aug`` command: its subcommands, and how it ends."""

import signal
import sys
from collections.abc import Sequence
from importlib import metadata

from cyclopts import CycloptsError
from cyclopts.help import DefaultFormatter
from pydantic import ValidationError

from gan_aug.errors import GateError, UserError
from gan_aug.flows.cli import terminal
from gan_aug.flows.cli.anomalies import anomalies
from gan_aug.flows.cli.clean import clean
from gan_aug.flows.cli.compare import compare
from gan_aug.flows.cli.data import data
from gan_aug.flows.cli.dcgan import dcgan
from gan_aug.flows.cli.doctor import doctor
from gan_aug.flows.cli.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USER_ERROR, phrase
from gan_aug.flows.cli.panels import HELP_ALL, Command, Heading
from gan_aug.flows.cli.run import run
from gan_aug.flows.cli.runs import runs, show
from gan_aug.flows.cli.server import up
from gan_aug.flows.cli.study import study
from gan_aug.flows.cli.suggest import suggest
from gan_aug.flows.cli.view import view
from gan_aug.flows.progress import Terminal

__all__ = ["app", "main"]

# Windows has no SIGHUP.
ENDINGS = (signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
RESUME = "run the same command again to continue where this one stopped"

app = Command(
    name="gan-aug",
    help_flags=("--help", "-h", HELP_ALL),
    help_formatter=DefaultFormatter(panel_spec=Heading()),
    help="Do a GAN's images make your classifiers better, by how much, and how sure are we?",
    version=lambda: metadata.version("gan-aug"),
    suppress_keyboard_interrupt=False,
)
app["--help"].help = "Print the flags that most people use, or all of them, and exit."
app.command(run)
app.command(study)
app.command(data)
app.command(suggest)
app.command(dcgan)
app.command(anomalies)
app.command(runs)
app.command(show)
app.command(compare)
app.command(view)
app.command(up)
app.command(doctor)
app.command(clean)
app.register_install_completion_command(help="Have bash, zsh or fish complete commands and flags.")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit.

    Args:
        arguments: Words after ``gan-aug``; by default those of this process.

    Raises:
        SystemExit: With code 0 if all went well, 1 if cells of a study failed, a run did not pass
            its gates or something timed out, 2 for an error that the user can put right, and 130
            after Ctrl-C, SIGTERM or the end of the terminal.
    """
    for ending in ENDINGS:
        signal.signal(ending, signal.default_int_handler)
    try:
        # Made here, as its width is that of the terminal at that moment.
        app.console = Terminal()
        app(arguments, exit_on_error=False, print_error=False)
    except TimeoutError as error:
        end(EXIT_FAILED, f"timeout: {error}; {RESUME}")
    except (UserError, CycloptsError, ValidationError, OSError) as error:
        end(EXIT_USER_ERROR, phrase(error))
    except GateError as error:
        end(EXIT_FAILED, str(error))
    except KeyboardInterrupt:
        end(EXIT_INTERRUPTED, f"interrupted; {RESUME}")


def end(code: int, message: str) -> None:
    terminal.print_error(message)
    sys.exit(code)
