"""The command line of `mmuproof prove`: what a user can ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from mmuproof.cli.formats.request import Reporting
from mmuproof.cli.shared.catalogue import ALL_DEFECTS, Catalogue
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UnusableTree, UsageProblem
from mmuproof.cli.shared.options import (
    ClaimBudget,
    Command,
    Config,
    Errata,
    FromEarlierRuns,
    Jobs,
    Kernel,
    NewNames,
    OwnTheorems,
    ParseMemory,
    ParseSeconds,
    Vendors,
    argument,
    option,
    processors,
)
from mmuproof.cli.shared.settings import REFERENCE_MODEL

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
  mmuproof prove --kernel ~/linux --like ~/linux@v7.2 on a tree that has renamed things
  mmuproof prove --kernel ~/linux --config .config    under a configuration of your own
  mmuproof prove permission.ept-mbec --vendor intel
  mmuproof prove 'permission.*' --json results.json

\b
Exit status:
  0  everything selected is PROVED or NOT_APPLICABLE
  1  something is REFUTED: there is a counterexample (with --allow-known, one that is no known finding)
  2  wrong usage, or a kernel tree that cannot be used
  3  nothing is REFUTED, but something is LOST, UNKNOWN, VACUOUS or an ERROR
"""

_SKIPPED = 125
"""The status by which git bisect skips a commit."""
_ENDED = 128
"""The status by which it ends."""


@dataclass(frozen=True, kw_only=True)
class ProveRequest(Reporting):
    """What the user asked for; all theorems if none is named, and all vendors.

    Raises:
        UsageProblem: what is asked for does not go together.
    """

    theorems: Annotated[tuple[str, ...], argument("THEOREM")] = ()
    kernel: Kernel = None
    vendors: Vendors = ()
    config: Config = None
    parse_seconds: ParseSeconds = None
    parse_memory: ParseMemory = None
    defect: Annotated[
        str | None,
        option("Put a known defect in first, to see that it is found; with all, each of them in turn.", "DEFECT"),
    ] = None
    jobs: Jobs = field(default_factory=processors)
    budget: ClaimBudget = None
    cache: FromEarlierRuns = True
    verbose: Annotated[
        bool, option("With the assumptions of each result, and tracebacks of what fails.", None, "--verbose", "-v")
    ] = False
    allow_known: Annotated[
        bool,
        option(
            "Known findings (docs/findings.md) stay REFUTED, but leave the exit status green; -v tells them in full.",
            None,
            "--allow-known/--no-allow-known",
            setting="allow-known",
        ),
    ] = False
    bisect: Annotated[
        bool,
        option(
            "For git bisect run: status 125, which skips a commit, where a tree cannot be used or it would be 3; "
            "128, which ends the bisection, for wrong usage."
        ),
    ] = False
    erratum: Annotated[
        tuple[str, ...],
        option(
            "Whether the processor has an erratum, or how it reads an open choice of the manuals "
            "(mmuproof errata lists them); may be repeated. Any processor by default.",
            "NAME=on|off",
        ),
    ] = ()
    errata: Errata = None
    own: OwnTheorems = ()
    like: Annotated[
        str | None,
        option(
            "An earlier kernel. What is LOST because the tree calls something otherwise is proved under the name that "
            "it has there.",
            "SOURCE",
        ),
    ] = None
    names: NewNames = ()
    guest: Annotated[
        Path | None,
        option("Write a guest that leads to the first counterexample for which there is one (docs/guests.md).", "FILE"),
    ] = None

    @property
    def source(self) -> str | None:
        """The source of a kernel tree; None for the reference model."""
        return None if self.kernel == REFERENCE_MODEL else self.kernel

    def __post_init__(self) -> None:
        renamed = self.like is not None or bool(self.names)
        if renamed and self.source is None:
            raise UsageProblem("--like and --map are about a kernel tree; give a --kernel")
        if renamed and self.defect is not None:
            raise UsageProblem("--like and --map do not go with --defect")
        if self.guest == Path("-"):
            raise UsageProblem("--guest writes a file, and standard output has the report")
        if self.guest is not None and self.defect == ALL_DEFECTS:
            raise UsageProblem("--guest is about counterexamples, and --defect all tells none")
        if self.config is not None and self.source is None:
            raise UsageProblem("--config goes with a --kernel: the reference model has no configuration")


def _run(request: ProveRequest, catalogue: Catalogue, output: Output) -> int:
    # Only now: what proves takes longer to load than a mistake takes to find.
    from mmuproof.cli.prove.prove import prove

    if not request.bisect:
        return prove(request, catalogue, output)
    try:
        status = prove(request, catalogue, output)
    except UsageProblem as problem:
        output.problem(problem)
        # Half of a repository's history may be no tree that can be read; another mistake is there in each commit.
        return _SKIPPED if isinstance(problem, UnusableTree) else _ENDED
    return status if status in (0, 1) else _SKIPPED


PROVE = Command("prove", _HELP, ProveRequest, _run)
