"""The command lines of `mmuproof list`, `mmuproof show` and `mmuproof errata`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.options import End, Errata, Results

if TYPE_CHECKING:
    from mmuproof.cli.shared.catalogue import Catalogue

_GREEN = 0

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
_Patterns = Annotated[list[str] | None, typer.Argument(metavar="PATTERN", show_default=False, hidden=True)]
_SomeNames = Annotated[list[str], typer.Argument(metavar="THEOREM", show_default=False, hidden=True)]


def add_lists(app: typer.Typer, catalogue: Catalogue, end: End) -> None:
    """Add the commands; ``end`` runs one and ends with its exit status."""

    def show(what: Callable[[Output], None]) -> None:
        def body(output: Output) -> int:
            what(output)
            return _GREEN

        end(body)

    @app.command("list", help=_LIST_HELP)
    def list_command(patterns: _Patterns = None, *, json: Results = None) -> None:
        from mmuproof.cli.listing.theorems import list_theorems

        show(lambda output: list_theorems(patterns or (), json, catalogue, output))

    @app.command("show", help=_SHOW_HELP)
    def show_command(theorems: _SomeNames) -> None:
        from mmuproof.cli.listing.theorems import show_theorems

        show(lambda output: show_theorems(theorems, catalogue, output))

    @app.command("errata", help=_ERRATA_HELP)
    def errata_command(names: _ErrataNames = None, *, errata: Errata = None) -> None:
        from mmuproof.cli.listing.errata import list_errata

        show(lambda output: list_errata(names or (), errata, catalogue, output))
