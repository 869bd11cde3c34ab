"""The command line of `mmuproof prove`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.options import End, Errata, Results, processors

if TYPE_CHECKING:
    from mmuproof.cli.shared.catalogue import Catalogue

_HELP = """Prove theorems of the reference model, or of a kernel tree.

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

_Names = Annotated[list[str] | None, typer.Argument(metavar="THEOREM", show_default=False, hidden=True)]
_Kernel = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCE",
        show_default=False,
        help="A kernel folder, REPOSITORY@REVISION, linux-*.tar.xz, or linux-source-*.deb; "
        "without it, the reference model.",
    ),
]
_Vendors = Annotated[
    list[str] | None,
    typer.Option(
        metavar="intel|amd|shadow",
        show_default=False,
        help="Intel EPT, AMD nested paging, or shadow paging without either; may be repeated. All by default.",
    ),
]
_Defect = Annotated[
    str | None,
    typer.Option(metavar="NAME", show_default=False, help="Put a known defect in first, to see that it is found."),
]
_Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        min=1,
        show_default=False,
        help="How many processes there may be; one for each processor by default.",
    ),
]
_Budget = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        max=2**32 - 1,
        show_default=False,
        help="The solver's resource limit for one claim, which does not depend on the machine's speed.",
    ),
]
_Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="With the assumptions of each result, and tracebacks of what fails.")
]
_AllowKnown = Annotated[
    bool,
    typer.Option(
        "--allow-known",
        show_default=False,
        help="Known findings (docs/findings.md) stay REFUTED, but leave the exit status green; -v tells them in full.",
    ),
]
_Erratum = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=on|off",
        show_default=False,
        help="Whether the processor has an erratum, or how it reads an open choice of the manuals "
        "(mmuproof errata lists them); may be repeated. Any processor by default.",
    ),
]


def add_prove(app: typer.Typer, catalogue: Catalogue, end: End) -> None:
    """Add the command; ``end`` runs one and ends with its exit status."""

    @app.command("prove", help=_HELP)
    def prove_command(
        theorems: _Names = None,
        *,
        kernel: _Kernel = None,
        vendor: _Vendors = None,
        json: Results = None,
        defect: _Defect = None,
        jobs: _Jobs = None,
        budget: _Budget = None,
        verbose: _Verbose = False,
        allow_known: _AllowKnown = False,
        erratum: _Erratum = None,
        errata: Errata = None,
    ) -> None:
        def body(output: Output) -> int:
            # Only now: what proves takes longer to load than a mistake takes to find.
            from mmuproof.cli.prove.prove import ProveRequest, prove

            request = ProveRequest(
                theorems=tuple(theorems or ()),
                kernel=kernel,
                vendors=tuple(vendor or ()),
                json=json,
                defect=defect,
                jobs=jobs or processors(),
                budget=budget,
                verbose=verbose,
                allow_known=allow_known,
                erratum=tuple(erratum or ()),
                errata=errata,
            )
            return prove(request, catalogue, output)

        end(body)
