"""The command line of `mmuproof check`: what a user can ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from mmuproof.cli.formats.request import Reporting
from mmuproof.cli.shared.catalogue import Catalogue
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.options import (
    ClaimBudget,
    Command,
    Config,
    FromEarlierRuns,
    Jobs,
    KernelTree,
    OwnTheorems,
    ParseMemory,
    ParseSeconds,
    Vendors,
    argument,
    option,
    processors,
)
from mmuproof.cli.shared.settings import check_tree

_HELP = """Say what each patch of a series does: to the functions of the MMU, and to the theorems.

WHAT is a range of commits, a commit, a patch or mailbox, a folder as git format-patch makes it, or - for standard
input.  Without it, the work tree is held against HEAD.  Commits are those of the tree's repository; patches are put on
the tree one after the other, and nothing is written into it.

Of each commit a few lines tell which functions are equal and which differ, whether its claim of no functional change
stands, and which theorems have another verdict after it than before.

\b
Examples:
  mmuproof check                                      what is not committed yet
  mmuproof check HEAD~3..                             the last three commits
  mmuproof check 7af3c5e                              one commit
  mmuproof check outgoing/                            what git format-patch -o outgoing has made
  b4 am -o- MESSAGE-ID | mmuproof check -             what is on a mailing list
  mmuproof check v7.2..topic --dask tcp://big:8786    many commits, on many machines

\b
Exit status:
  0  no theorem is turned for the worse, and each claim of no functional change stands
  1  a theorem is REFUTED that was not, or shows another symptom; or a claim of no functional change is broken
  2  wrong usage, a patch that does not apply, or a kernel tree that cannot be used
  3  neither, but a theorem is LOST, UNKNOWN or an ERROR that was not, or a claim is open
"""


@dataclass(frozen=True, kw_only=True)
class CheckRequest(Reporting):
    """What the user asked for; the work tree against HEAD if there are no words.

    Raises:
        UsageProblem: what is asked for does not go together.
    """

    what: Annotated[tuple[str, ...], argument("[WHAT]")] = ()
    kernel: KernelTree = None
    theorems: Annotated[
        tuple[str, ...],
        option("Only these theorems: a name or a shell pattern; may be repeated.", "THEOREM", "--theorem"),
    ] = ()
    vendors: Vendors = ()
    config: Config = None
    parse_seconds: ParseSeconds = None
    parse_memory: ParseMemory = None
    jobs: Jobs = field(default_factory=processors)
    budget: ClaimBudget = None
    own: OwnTheorems = ()
    cache: FromEarlierRuns = True
    dask: Annotated[
        str | None,
        option(
            "Have the workers of a dask.distributed cluster check the commits; the repository has to be at the same "
            "path for each of them.",
            "ADDRESS",
        ),
    ] = None
    verbose: Annotated[
        bool, option("With every theorem that is turned, and tracebacks of what fails.", None, "--verbose", "-v")
    ] = False

    def __post_init__(self) -> None:
        check_tree(self.kernel, "check")
        if "-" in self.what and len(self.what) > 1:
            raise UsageProblem("- takes all of standard input and goes with nothing else")

    @property
    def source(self) -> str:
        """The source of the tree."""
        assert self.kernel is not None
        return self.kernel


def _run(request: CheckRequest, catalogue: Catalogue, output: Output) -> int:
    # Only now: what proves and compares takes longer to load than a mistake takes to find.
    from mmuproof.cli.check.check import check

    return check(request, catalogue, output)


CHECK = Command("check", _HELP, CheckRequest, _run)
