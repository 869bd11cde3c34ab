"""The command lines of `mmuproof list`, `mmuproof show` and `mmuproof errata`: what a user can ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mmuproof.cli.shared.catalogue import Catalogue
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.options import Command, Errata, OwnTheorems, Results, argument, option

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


@dataclass(frozen=True, kw_only=True)
class ListRequest:
    """What the user asked for; all theorems if there are no patterns."""

    patterns: Annotated[tuple[str, ...], argument("PATTERN")] = ()
    json: Results = None
    own: OwnTheorems = ()
    chain: Annotated[
        bool, option("The steps from what a guest does to what the hardware allows it, with what is proved of each.")
    ] = False

    def __post_init__(self) -> None:
        if self.chain and (self.patterns or self.own or self.json is not None):
            raise UsageProblem("--chain goes with nothing else: the chain is whole")


@dataclass(frozen=True, kw_only=True)
class ShowRequest:
    """What the user asked for."""

    theorems: Annotated[tuple[str, ...], argument("THEOREM")]
    own: OwnTheorems = ()


@dataclass(frozen=True, kw_only=True)
class ErrataRequest:
    """What the user asked for; a line for each erratum and open choice if there are no names."""

    names: Annotated[tuple[str, ...], argument("NAME")] = ()
    errata: Errata = None


def _list(request: ListRequest, catalogue: Catalogue, output: Output) -> int:
    if request.chain:
        from mmuproof.cli.listing.chain import drawn
        from mmuproof.proofs.chain import CHAINS

        for line in drawn(CHAINS):
            output.line(line)
        return _GREEN
    from mmuproof.cli.listing.theorems import list_theorems

    list_theorems(request, catalogue, output)
    return _GREEN


def _show(request: ShowRequest, catalogue: Catalogue, output: Output) -> int:
    from mmuproof.cli.listing.theorems import show_theorems

    show_theorems(request, catalogue, output)
    return _GREEN


def _errata(request: ErrataRequest, catalogue: Catalogue, output: Output) -> int:
    from mmuproof.cli.listing.errata import list_errata

    list_errata(request, catalogue, output)
    return _GREEN


LIST = Command("list", _LIST_HELP, ListRequest, _list)
SHOW = Command("show", _SHOW_HELP, ShowRequest, _show)
ERRATA = Command("errata", _ERRATA_HELP, ErrataRequest, _errata)
