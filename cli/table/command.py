"""The command line of `mmuproof table`: what a user can ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mmuproof.cli.formats.request import Format, Reporting
from mmuproof.cli.shared.catalogue import Catalogue
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.options import SOURCES, Command, Config, ParseMemory, ParseSeconds, Vendors, argument, option
from mmuproof.cli.shared.settings import REFERENCE_MODEL

ACC, SPTE_LAYOUT = "acc", "spte-layout"
_TABLES = (
    "permission.ept",
    "permission.ept-mbec",
    "permission.npt",
    "permission.npt-gmet",
    "permission.paging",
    "permission.pkeys",
    ACC,
    SPTE_LAYOUT,
)
"""What a shell offers; what there is, is known where tables are filled in."""
_LARGEST_PAGE = 3
_SHOWN = (Format.CONSOLE.value, Format.JSON.value, Format.HTML.value)
"""How a table is told in which nothing is right or wrong."""
_HELP = """Show what is allowed, or where bits are, by the manuals and by KVM.

NAME is a theorem on permissions, 'acc', or 'spte-layout'.  In a permission table each cell is found twice: by the
manual, and by KVM's own code.  'acc' tells what each ACC_* bit becomes in an SPTE, 'spte-layout' what its bits are
called.  Of spte-layout there may be two kernels or more.

\b
Examples:
  mmuproof table permission.ept-mbec --kernel ~/linux
  mmuproof table acc --kernel ~/linux
  mmuproof table spte-layout --vendor intel --kernel linux-6.12 --kernel linux-7.2

\b
Exit status:
  0  it is shown, or it is about a feature that the kernel lacks
  1  KVM and the manual differ
  2  wrong usage, or a kernel tree that cannot be used
"""


@dataclass(frozen=True, kw_only=True)
class TableRequest(Reporting):
    """What the user asked for.

    Raises:
        UsageProblem: it does not go together.
    """

    names: Annotated[tuple[str, ...], argument("NAME", *_TABLES)] = ()
    kernels: Annotated[
        tuple[str, ...],
        option(
            f"What is looked at: {SOURCES}; 'reference' for the reference model; several for spte-layout. By default "
            "the tree around the current folder, else the reference model.",
            "SOURCE",
            "--kernel",
            setting="kernel",
        ),
    ] = ()
    vendors: Vendors = ()
    defect: Annotated[str | None, option("Put a known defect in first, to see that it is marked.", "DEFECT")] = None
    level: Annotated[
        int, option("The level of the page in spte-layout, 1 to 3; 1 by default.", "N", least=1, most=_LARGEST_PAGE)
    ] = 1
    config: Config = None
    parse_seconds: ParseSeconds = None
    parse_memory: ParseMemory = None

    def __post_init__(self) -> None:
        if len(self.names) != 1:
            raise UsageProblem("table takes one NAME, such as permission.ept-mbec, acc or spte-layout")
        if len(self.kernels) > 1 and self.name != SPTE_LAYOUT:
            raise UsageProblem(f"{self.name} is shown of one --kernel; spte-layout of several")
        if self.defect is not None and len(self.kernels) > 1:
            raise UsageProblem("a --defect goes with one --kernel")
        if self.config is not None and not any(self.sources):
            raise UsageProblem("--config goes with a --kernel: the reference model has no configuration")

        if self.name in (ACC, SPTE_LAYOUT):
            self._check_that_it_is_shown()

    def _check_that_it_is_shown(self) -> None:
        """Of a table in which nothing is right or wrong, there is nothing to be counted."""
        wrong = [each for each in self.formats if each.partition("=")[0] not in _SHOWN]
        if wrong:
            raise UsageProblem(f"{self.name} decides nothing: it is told as {', '.join(_SHOWN)}, and not as {wrong[0]}")
        if self.baseline is not None or self.quiet:
            raise UsageProblem(f"{self.name} decides nothing: no --baseline or --quiet")

    @property
    def name(self) -> str:
        """The table."""
        return self.names[0]

    @property
    def sources(self) -> tuple[str | None, ...]:
        """The sources of kernel trees; None for the reference model."""
        return tuple(None if each == REFERENCE_MODEL else each for each in self.kernels) or (None,)


def _run(request: TableRequest, catalogue: Catalogue, output: Output) -> int:
    # Only now: what reads kernels takes longer to load than a mistake takes to find.
    from mmuproof.cli.table.table import table

    return table(request, catalogue, output)


TABLE = Command("table", _HELP, TableRequest, _run)
