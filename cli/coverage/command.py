"""The command line of `mmuproof coverage`: what a user can ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mmuproof.cli.shared.catalogue import Catalogue
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.options import (
    Command,
    Config,
    KernelTree,
    OwnTheorems,
    ParseMemory,
    ParseSeconds,
    Results,
    argument,
    option,
)
from mmuproof.cli.shared.settings import check_tree

_HELP = """Tell of which lines of KVM's MMU theorems speak, and of which none does.

Every function of arch/x86/kvm/mmu is listed, and those of the rest of arch/x86/kvm that call them or that a theorem
speaks of.  FUNCTION is a name or a shell pattern ('*tdp_mmu*'); without one, all of them are listed.

A theorem speaks of a line if a statement on it was run for what the theorem claims.  Nothing is proved.

\b
Examples:
  mmuproof coverage --kernel ~/linux
  mmuproof coverage --kernel ~/linux --lines make_spte '*walk_addr_generic*'
  mmuproof coverage --kernel ~/linux --by 'permission.*'

\b
Exit status:
  0  it is told
  2  wrong usage, or a kernel tree that cannot be used
"""


@dataclass(frozen=True, kw_only=True)
class CoverageRequest:
    """What the user asked for; all functions if none is named."""

    functions: Annotated[tuple[str, ...], argument("FUNCTION")] = ()
    kernel: KernelTree = None
    lines: Annotated[bool, option("With every theorem of a function, and the lines of which none speaks.")] = False
    by: Annotated[
        tuple[str, ...],
        option("Only what these theorems speak of; a name or a shell pattern; may be repeated.", "THEOREM"),
    ] = ()
    config: Config = None
    parse_seconds: ParseSeconds = None
    parse_memory: ParseMemory = None
    json: Results = None
    own: OwnTheorems = ()

    @property
    def source(self) -> str:
        """The source of the tree."""
        assert self.kernel is not None
        return self.kernel

    def __post_init__(self) -> None:
        check_tree(self.kernel, "coverage")


def _run(request: CoverageRequest, catalogue: Catalogue, output: Output) -> int:
    # Only now: what states theorems takes longer to load than a mistake takes to find.
    from mmuproof.cli.coverage.coverage import coverage

    return coverage(request, catalogue, output)


COVERAGE = Command("coverage", _HELP, CoverageRequest, _run)
