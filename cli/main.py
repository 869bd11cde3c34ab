"""The command line: options and arguments, and the exit status."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

from mmuproof.cli.ask.command import ASK, CACHE
from mmuproof.cli.check.command import CHECK
from mmuproof.cli.coverage.command import COVERAGE
from mmuproof.cli.decode.command import DECODE
from mmuproof.cli.diff.command import DIFF
from mmuproof.cli.listing.command import ERRATA, LIST, SHOW
from mmuproof.cli.prove.command import PROVE
from mmuproof.cli.shared.caching import make_room
from mmuproof.cli.shared.catalogue import Catalogue, Installed
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.options import Command, add_command
from mmuproof.cli.shared.process import tune_memory
from mmuproof.cli.table.command import TABLE

WRONG_USAGE = 2
UNDECIDED = 3
_BY_SIGNAL = 128
_ASKS_ONCE = 0.5
"""Seconds in which the same signal asks for the same: timeout(1) sends it to a process, and then to its group."""
_COMPLETING = "_MMUPROOF_COMPLETE"
"""By this variable a shell asks what it may offer."""


class Terminated(BaseException):
    """The process was asked to end, by Ctrl-C or otherwise; what it has opened is closed on the way out.

    Ctrl-C is among them because typer would end with 1 where it sees a KeyboardInterrupt.

    Args:
        number: the signal's number.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(number)


_HELP = """Prove that Linux KVM's x86 MMU grants exactly the permissions that it should.

\b
Examples:
  mmuproof list 'permission.*'
  mmuproof show permission.ept-mbec
  mmuproof prove
  mmuproof prove 'permission.*' --vendor intel --kernel ~/linux
  mmuproof check --kernel ~/linux HEAD~3..

\b
Exit status:
  0  everything selected is proved, or does not apply to the tree
  1  something is refuted: there is a counterexample
  2  wrong usage, or a kernel tree that cannot be used
  3  nothing is refuted, but something could not be decided, or is lost
"""

_MAN_HELP = """Print the manual page: mmuproof man | man -l -"""


@dataclass(frozen=True)
class ManRequest:
    """What the user asked for: there is one page."""


def _man(_request: ManRequest, _catalogue: Catalogue, output: Output) -> int:
    from mmuproof.cli.listing.man_page import man_page

    output.text(man_page(COMMANDS, _HELP, _version()))
    return 0


MAN = Command("man", _MAN_HELP, ManRequest, _man)
COMMANDS: tuple[Command[Any], ...] = (PROVE, CHECK, DIFF, ASK, DECODE, TABLE, LIST, SHOW, ERRATA, COVERAGE, CACHE, MAN)


def _version() -> str:
    """The version, with the commit where it is known."""
    from mmuproof.cli.shared.version import tool_commit, tool_version

    commit = tool_commit()
    return f"{tool_version()} ({commit})" if commit else tool_version()


_Version = Annotated[bool, typer.Option("--version", help="Print the version and stop.")]


def build_app(catalogue: Catalogue) -> typer.Typer:
    """The command line over a catalogue."""
    app = typer.Typer(
        name="mmuproof",
        help=_HELP,
        add_completion=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback(invoke_without_command=True)
    def callback(context: typer.Context, version: _Version = False) -> None:
        output = Output()
        if version:
            output.line(f"mmuproof {_version()}")
            raise typer.Exit
        if context.invoked_subcommand is None:
            output.note(context.get_help())
            raise typer.Exit(WRONG_USAGE)

    for command in COMMANDS:
        add_command(app, command, catalogue, _end)
    return app


def _end(body: Callable[[Output], int]) -> None:
    """Run a command and end with its exit status.

    Whatever goes wrong must not end with 1: that would say that a theorem is refuted.
    """
    output = Output()
    try:
        status = body(output)
        with suppress(UsageProblem):
            make_room()
    except UsageProblem as problem:
        output.problem(problem)
        status = WRONG_USAGE
    except KeyboardInterrupt:
        status = _ended_by(signal.SIGINT, output)
    except Terminated as end:
        status = _ended_by(end.number, output)
    except Exception as error:
        output.trace(error)
        output.note("mmuproof: this is a mistake in mmuproof itself")
        status = UNDECIDED
    raise typer.Exit(status)


def _ended_by(number: int, output: Output) -> int:
    """Say so; the exit status."""
    how = "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
    output.note(f"mmuproof: {how}")
    return _BY_SIGNAL + number


def _terminate(number: int, _frame: FrameType | None) -> NoReturn:
    asked = time.monotonic()

    def ask_again(number: int, _frame: FrameType | None) -> None:
        # Whoever asks a second time does not want to wait for the cleaning up.
        if time.monotonic() - asked > _ASKS_ONCE:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    signal.signal(number, ask_again)
    raise Terminated(number)


def _ask_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Send the signal again if it came inside a callback of the interpreter, which swallows exceptions."""
    if not isinstance(unraisable.exc_value, Terminated):
        sys.__unraisablehook__(unraisable)
        return
    number = unraisable.exc_value.number
    signal.signal(number, _terminate)
    # Not at once: the callback is still running.
    again = threading.Timer(0.01, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()


def _keep_quiet() -> None:
    """Let nobody but us write to standard error: clang would show a tree's own text there, as it stands."""
    with suppress(OSError):
        sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def main() -> None:
    """Run the command line."""
    tune_memory()
    if _COMPLETING in os.environ:
        # A shell takes each line for something to offer: no help is to be broken into several.
        os.environ["COLUMNS"] = "10000"
    _keep_quiet()
    sys.unraisablehook = _ask_again
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # What is ignored stays so: SIGHUP under nohup, SIGINT in the background of a script.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _terminate)
    try:
        build_app(Installed())(prog_name="mmuproof")
    except Terminated as end:
        _leave(_ended_by(end.number, Output()))
    except SystemExit as end:
        if isinstance(end.code, int):
            _leave(end.code)
        raise


def _leave(status: int) -> NoReturn:
    """End at once: the interpreter would wait for threads at work, and give back piece by piece what was parsed."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
