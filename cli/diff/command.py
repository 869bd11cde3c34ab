"""The command line of `mmuproof diff`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.options import End, QuestionBudget, Results, processors

_HELP = """Say what a change does to the functions of the MMU.

OLD and NEW are kernel sources: a folder, REPOSITORY@REVISION, linux-*.tar.xz, or linux-source-*.deb.  Instead of
NEW, --patch puts a patch on top of OLD.  FUNCTION is a name or a shell pattern; without one, every function of
arch/x86/kvm/mmu that has changed is compared, directly or through what it calls and the types and macros it uses.

Compared are what a function returns, what it writes, and its WARNs and BUGs, for all inputs at once.

\b
Examples:
  mmuproof diff ~/linux@v6.12 ~/linux@v7.2                what has changed between two releases
  mmuproof diff ~/linux@HEAD ~/linux                      what is not committed yet
  mmuproof diff ~/linux --patch fix.patch                 what a patch does
  mmuproof diff ~/linux@HEAD ~/linux make_spte
  mmuproof diff ~/linux --series origin/master..HEAD      patch by patch

\b
Exit status:
  0  every function is equal, or equal under a condition that its callers guarantee
  1  a function is not
  2  wrong usage, or a kernel tree that cannot be used
  3  none differs, but one could not be compared or decided
"""

_Old = Annotated[str, typer.Argument(metavar="OLD", show_default=False, hidden=True)]
_New = Annotated[list[str] | None, typer.Argument(metavar="[NEW] [FUNCTION]", show_default=False, hidden=True)]
_Patch = Annotated[
    Path | None, typer.Option(metavar="FILE", show_default=False, help="Compare OLD with what this patch makes of it.")
]
_Series = Annotated[
    str | None,
    typer.Option(metavar="REV..REV", show_default=False, help="Compare commit by commit; OLD is the repository."),
]
_Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="OLD=NEW",
        show_default=False,
        help="What a function, parameter or member is called in NEW, where it is not found by itself; may be repeated.",
    ),
]
_Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        min=1,
        show_default=False,
        help="How many functions are compared at once; one for each processor by default.",
    ),
]
_Apart = Annotated[
    bool,
    typer.Option("--apart", help="Parse each file by itself, and not those that can be all at once; takes longer."),
]
_Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="With the calls that are not followed, and all that could not be compared."),
]


def add_diff(app: typer.Typer, end: End) -> None:
    """Add the command; ``end`` runs one and ends with its exit status."""

    @app.command("diff", help=_HELP)
    def diff_command(
        old: _Old,
        rest: _New = None,
        *,
        patch: _Patch = None,
        series: _Series = None,
        names: _Map = None,
        json: Results = None,
        jobs: _Jobs = None,
        budget: QuestionBudget = None,
        apart: _Apart = False,
        verbose: _Verbose = False,
    ) -> None:
        def body(output: Output) -> int:
            given = list(rest or ())
            if patch is not None and series is not None:
                raise UsageProblem("--patch and --series do not go together")
            if series is not None:
                if given or names or json is not None or apart:
                    raise UsageProblem(
                        "--series takes the repository alone: no NEW, FUNCTION, --map, --json or --apart"
                    )
                from mmuproof.cli.diff.series import SeriesRequest, compare_series

                return compare_series(SeriesRequest(old, series, jobs or processors(), budget), output)
            new = None
            if patch is None and series is None:
                if not given:
                    raise UsageProblem("diff takes OLD and NEW, or a --patch, or a --series")
                new = given.pop(0)
            # Only now: the solver and the C front end take longer to load than a mistake takes to find.
            from mmuproof.cli.diff.diff import DiffRequest, diff

            count = jobs or processors()
            request = DiffRequest(
                old=old,
                new=new,
                functions=tuple(given),
                patch=patch,
                names=tuple(names or ()),
                json=json,
                jobs=count,
                budget=budget,
                apart=apart,
                verbose=verbose,
            )
            return diff(request, output)

        end(body)
