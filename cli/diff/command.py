"""The command line of `mmuproof diff`: what a user can ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from mmuproof.cli.shared.catalogue import Catalogue
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.options import (
    Command,
    Config,
    NewNames,
    ParseMemory,
    ParseSeconds,
    QuestionBudget,
    Results,
    argument,
    option,
    processors,
)

_HELP = """Say what a change does to the functions of the MMU.

OLD and NEW are kernel sources: a folder, REPOSITORY@REVISION, linux-*.tar.xz, or linux-source-*.deb.  Instead of
NEW, --patch puts a patch on top of OLD.  FUNCTION is a name or a shell pattern; without one, every function of
arch/x86/kvm/mmu that has changed is compared, directly or through what it calls and the types and macros it uses.

Compared are what a function returns, what it writes, and its WARNs and BUGs, for all inputs at once.

\b
Examples:
  mmuproof diff ~/linux@v6.12 ~/linux@v7.2                what has changed between two releases
  mmuproof diff ~/linux@HEAD ~/linux                      what is not committed yet
  mmuproof diff ~/linux --patch fix.patch                 what a patch does, or several one after the other
  mmuproof diff ~/linux@HEAD ~/linux make_spte
  mmuproof diff ~/linux --series origin/master..HEAD      patch by patch

\b
Exit status:
  0  every function is equal, or equal under a condition that its callers guarantee
  1  a function is not
  2  wrong usage, or a kernel tree that cannot be used
  3  none differs, but one could not be compared or decided, or other files of KVM's have changed
"""


@dataclass(frozen=True, kw_only=True)
class DiffRequest:
    """What the user asked for; ``rest`` is the new kernel's source, unless a patch makes it, and functions.

    Raises:
        UsageProblem: what is asked for does not go together.
    """

    old: Annotated[str, argument("OLD")]
    rest: Annotated[tuple[str, ...], argument("[NEW] [FUNCTION]")] = ()
    patches: Annotated[
        tuple[Path, ...],
        option(
            "Compare OLD with what this patch makes of it; may be repeated, each is put on what the last one made.",
            "FILE",
            "--patch",
        ),
    ] = ()
    series: Annotated[str | None, option("Compare commit by commit; OLD is the repository.", "REV..REV")] = None
    config: Config = None
    parse_seconds: ParseSeconds = None
    parse_memory: ParseMemory = None
    names: NewNames = ()
    json: Results = None
    jobs: Annotated[
        int,
        option(
            "How many functions are compared at once; one for each processor by default.", "N", "--jobs", "-j", least=1
        ),
    ] = field(default_factory=processors)
    budget: QuestionBudget = None
    apart: Annotated[
        bool, option("Parse each file by itself, and not those that can be all at once; takes longer.")
    ] = False
    verbose: Annotated[
        bool,
        option("With the calls that are not followed, and all that could not be compared.", None, "--verbose", "-v"),
    ] = False

    def __post_init__(self) -> None:
        if self.patches and self.series is not None:
            raise UsageProblem("--patch and --series do not go together")
        if self.series is not None and (self.rest or self.names or self.json is not None or self.apart):
            raise UsageProblem("--series takes the repository alone: no NEW, FUNCTION, --map, --json or --apart")
        if not self.patches and self.series is None and not self.rest:
            raise UsageProblem("diff takes OLD and NEW, or a --patch, or a --series")

    @property
    def new(self) -> str:
        """The new kernel's source, where no patch makes it."""
        return self.rest[0]

    @property
    def functions(self) -> tuple[str, ...]:
        """Names and patterns; every function of the MMU that has changed if there are none."""
        return self.rest if self.patches else self.rest[1:]


def _run(request: DiffRequest, _catalogue: Catalogue, output: Output) -> int:
    # Only now: the solver and the C front end take longer to load than a mistake takes to find.
    if request.series is not None:
        from mmuproof.cli.diff.series import compare_series

        return compare_series(request, output)
    from mmuproof.cli.diff.diff import diff

    return diff(request, output)


DIFF = Command("diff", _HELP, DiffRequest, _run)
