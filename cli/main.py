"""The command line: options and arguments, and the exit status."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from mmuproof.cli.ask_command import add_ask
from mmuproof.cli.catalogue import Catalogue, Installed
from mmuproof.cli.console import Output
from mmuproof.cli.diff_command import add_diff
from mmuproof.cli.errata import list_errata
from mmuproof.cli.errors import UsageProblem
from mmuproof.cli.listing import list_theorems, show_theorems
from mmuproof.cli.process import tune_memory
from mmuproof.cli.prove import Request, prove
from mmuproof.cli.results_file import tool_version

GREEN = 0
WRONG_USAGE = 2
UNDECIDED = 3
_BY_SIGNAL = 128


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

\b
Exit status:
  0  everything selected is proved, or does not apply to the tree
  1  something is refuted: there is a counterexample
  2  wrong usage, or a kernel tree that cannot be used
  3  nothing is refuted, but something could not be decided
"""

_PROVE_HELP = """Prove theorems of the reference model, or of a kernel tree.

THEOREM is a name or a shell pattern ('permission.*'); without one, all theorems are proved.

The tree is read as it is: it needs no configuration and no build, nothing of it is run, and nothing is
written into it.

\b
Examples:
  mmuproof prove                                      all, on the reference model
  mmuproof prove --kernel ~/linux                     all, on a working tree
  mmuproof prove --kernel ~/linux@v7.2                on a revision, without checking it out
  mmuproof prove --kernel linux-7.2.tar.xz            on a tarball
  mmuproof prove --kernel linux-source-7.2.deb        on a Debian package
  mmuproof prove permission.ept-mbec --vendor intel
  mmuproof prove 'permission.*' --json results.json

\b
Exit status:
  0  everything selected is PROVED or NOT_APPLICABLE
  1  something is REFUTED: there is a counterexample (with --allow-known, one that is no known finding)
  2  wrong usage, or a kernel tree that cannot be used
  3  nothing is REFUTED, but something is UNKNOWN, VACUOUS or an ERROR
"""

_LIST_HELP = """List what can be proved: name, vendors and claim.

PATTERN is a name or a shell pattern ('permission.*'); without one, all theorems are listed.
"""

_SHOW_HELP = """Show theorems in full: claim, source, assumptions, and the defects that they must catch.

THEOREM is a name or a shell pattern ('permission.*').
"""

_ERRATA_HELP = """List errata of processors, and what the manuals leave open.

With NAME, an erratum or an open choice in full: when it shows, what may differ, and which theorems it touches.
"""

_ErrataNames = Annotated[list[str] | None, typer.Argument(metavar="NAME", show_default=False, hidden=True)]
_Names = Annotated[list[str] | None, typer.Argument(metavar="THEOREM", show_default=False, hidden=True)]
_Patterns = Annotated[list[str] | None, typer.Argument(metavar="PATTERN", show_default=False, hidden=True)]
_SomeNames = Annotated[list[str], typer.Argument(metavar="THEOREM", show_default=False, hidden=True)]
_Kernel = Annotated[str | None, typer.Option(
    metavar="SOURCE", show_default=False,
    help="A kernel folder, REPOSITORY@REVISION, linux-*.tar.xz, or linux-source-*.deb; "
    "without it, the reference model.",
)]  # fmt: skip
_Vendors = Annotated[list[str] | None, typer.Option(
    metavar="intel|amd|shadow", show_default=False,
    help="Intel EPT, AMD nested paging, or shadow paging without either; may be repeated. All by default.",
)]  # fmt: skip
_Json = Annotated[Path | None, typer.Option(
    metavar="FILE", show_default=False, help="Write the results there as well, whole or not at all.",
)]  # fmt: skip
_Defect = Annotated[str | None, typer.Option(
    metavar="NAME", show_default=False, help="Put a known defect in first, to see that it is found.",
)]  # fmt: skip
_Jobs = Annotated[int | None, typer.Option(
    "--jobs", "-j", metavar="N", min=1, show_default=False,
    help="How many processes there may be; one for each processor by default.",
)]  # fmt: skip
_Budget = Annotated[int | None, typer.Option(
    metavar="N", min=1, max=2**32 - 1, show_default=False,
    help="The solver's resource limit for one claim, which does not depend on the machine's speed.",
)]  # fmt: skip
_Verbose = Annotated[bool, typer.Option(
    "--verbose", "-v", help="With the assumptions of each result, and tracebacks of what fails.",
)]  # fmt: skip
_AllowKnown = Annotated[bool, typer.Option(
    "--allow-known", show_default=False,
    help="Known findings (docs/findings.md) stay REFUTED, but leave the exit status green; -v tells them in full.",
)]  # fmt: skip
_Erratum = Annotated[list[str] | None, typer.Option(
    metavar="NAME=on|off", show_default=False,
    help="Whether the processor has an erratum, or how it reads an open choice of the manuals "
    "(mmuproof errata lists them); may be repeated. Any processor by default.",
)]  # fmt: skip
_Errata = Annotated[Path | None, typer.Option(
    metavar="FILE", show_default=False, help="Errata of your own, in TOML (docs/errata.md).",
)]  # fmt: skip
_Version = Annotated[bool, typer.Option("--version", help="Print the version and stop.")]


def build_app(catalogue: Catalogue) -> typer.Typer:
    """The command line over a catalogue."""
    app = typer.Typer(
        name="mmuproof", help=_HELP, add_completion=False, rich_markup_mode=None,
        pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]},
    )  # fmt: skip

    @app.callback(invoke_without_command=True)
    def callback(context: typer.Context, version: _Version = False) -> None:
        output = Output()
        if version:
            output.line(f"mmuproof {tool_version()}")
            raise typer.Exit
        if context.invoked_subcommand is None:
            output.note(context.get_help())
            raise typer.Exit(WRONG_USAGE)

    @app.command("prove", help=_PROVE_HELP)
    def prove_command(
        theorems: _Names = None,
        *,
        kernel: _Kernel = None,
        vendor: _Vendors = None,
        json: _Json = None,
        defect: _Defect = None,
        jobs: _Jobs = None,
        budget: _Budget = None,
        verbose: _Verbose = False,
        allow_known: _AllowKnown = False,
        erratum: _Erratum = None,
        errata: _Errata = None,
    ) -> None:
        request = Request(
            tuple(theorems or ()), kernel, tuple(vendor or ()), json, defect,
            jobs or len(os.sched_getaffinity(0)), budget, verbose, allow_known, tuple(erratum or ()), errata,
        )  # fmt: skip
        _end(lambda output: prove(request, catalogue, output))

    @app.command("list", help=_LIST_HELP)
    def list_command(patterns: _Patterns = None, *, json: _Json = None) -> None:
        def body(output: Output) -> int:
            list_theorems(patterns or (), json, catalogue, output)
            return GREEN

        _end(body)

    @app.command("show", help=_SHOW_HELP)
    def show_command(theorems: _SomeNames) -> None:
        def body(output: Output) -> int:
            show_theorems(theorems, catalogue, output)
            return GREEN

        _end(body)

    @app.command("errata", help=_ERRATA_HELP)
    def errata_command(names: _ErrataNames = None, *, errata: _Errata = None) -> None:
        def body(output: Output) -> int:
            list_errata(names or (), errata, catalogue, output)
            return GREEN

        _end(body)

    add_diff(app, _end)
    add_ask(app, _end)
    return app


def _end(body: Callable[[Output], int]) -> None:
    """Run a command and end with its exit status.

    Whatever goes wrong must not end with 1: that would say that a theorem is refuted.
    """
    output = Output()
    try:
        status = body(output)
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
    # Whoever asks a second time does not want to wait for the cleaning up.
    signal.signal(number, signal.SIG_DFL)
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


def main() -> None:
    """Run the command line."""
    tune_memory()
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
