"""The command line of `mmuproof diff`: what a user can ask for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Annotated

from mmuproof.cli.formats.request import Reporting
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
    argument,
    option,
    processors,
)
from mmuproof.cli.shared.settings import REFERENCE_MODEL, hint
from mmuproof.cli.shared.standard_input import STANDARD_INPUT

_HELP = """Say what a change does to the functions of the MMU.

OLD and NEW are kernel sources: a folder, REPOSITORY@REVISION, linux-*.tar.xz, or linux-source-*.deb.  Instead of
NEW, --patch puts a patch on top of OLD.  Inside a kernel tree that one is NEW if NEW is left out, and its HEAD is OLD
if both are; it is OLD for a --patch or a --series, and @REVISION is a revision of it.  FUNCTION is a name or a shell
pattern; without one, every function of arch/x86/kvm/mmu that has changed is compared, directly or through what it
calls and the types and macros it uses.

Compared are what a function returns, what it writes, and its WARNs and BUGs, for all inputs at once.

\b
Examples:
  mmuproof diff ~/linux@v6.12 ~/linux@v7.2                what has changed between two releases
  mmuproof diff ~/linux@HEAD ~/linux                      what is not committed yet
  mmuproof diff ~/linux --patch fix.patch                 what a patch does, or several one after the other
  mmuproof diff ~/linux@HEAD ~/linux make_spte
  mmuproof diff ~/linux@HEAD ~/linux make_spte --assume 'struct kvm_mmu_page *sp: sp->role.level == 1'
  mmuproof diff ~/linux --series origin/master..HEAD      patch by patch

\b
Inside a kernel tree:
  mmuproof diff                                           what is not committed yet
  mmuproof diff @v7.2                                     what has changed since then
  mmuproof diff --patch fix.patch make_spte

\b
Exit status:
  0  every function is equal, or equal under a condition that its callers guarantee
  1  a function is not
  2  wrong usage, or a kernel tree that cannot be used
  3  none differs, but one could not be compared or decided, or other files of KVM's have changed
"""


@dataclass(frozen=True, kw_only=True)
class DiffRequest(Reporting):
    """What the user asked for: kernel sources and functions, in that order, among the words.

    Raises:
        UsageProblem: what is asked for does not go together.
    """

    words: Annotated[tuple[str, ...], argument("[OLD] [NEW] [FUNCTION]")] = ()
    kernel: Annotated[
        str | None,
        option(
            "The tree that is meant where OLD or NEW is left out; by default the one around the current folder.",
            "SOURCE",
            setting="kernel",
        ),
    ] = None
    patches: Annotated[
        tuple[Path, ...],
        option(
            "Compare OLD with what this patch makes of it, - for one on standard input; may be repeated, each is put "
            "on what the last one made.",
            "FILE",
            "--patch",
        ),
    ] = ()
    series: Annotated[str | None, option("Compare commit by commit; OLD is the repository.", "REV..REV")] = None
    config: Config = None
    parse_seconds: ParseSeconds = None
    parse_memory: ParseMemory = None
    names: NewNames = ()
    assume: Annotated[
        tuple[str, ...],
        option(
            "Look only at inputs of the old version for which this holds, in the language of ask; may be repeated. "
            "Rows that need it say so.",
            "EXPRESSION",
        ),
    ] = ()
    jobs: Annotated[
        int,
        option(
            "How many functions are compared at once; one for each processor by default.",
            "N",
            "--jobs",
            "-j",
            least=1,
            setting="jobs",
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
        if list(map(str, self.patches)).count(STANDARD_INPUT) > 1:
            raise UsageProblem("--patch - takes all of standard input, once")
        if self.patches and self.series is not None:
            raise UsageProblem("--patch and --series do not go together")
        if self.series is not None and (self.functions or self.names or self.assume or self.apart):
            raise UsageProblem("--series takes the repository alone: no NEW, FUNCTION, --map, --assume or --apart")
        if len(self._sources) < self._most_sources and self.kernel in (None, REFERENCE_MODEL):
            rest = self.words[len(self._sources) :]
            if rest:
                raise UsageProblem(f"{rest[0]} does not exist, and no kernel tree is around the current folder{hint()}")
            if not self._sources or self._most_sources > 1:
                raise UsageProblem(
                    "diff takes OLD and NEW, or a --patch, or a --series, or a kernel tree around it" + hint()
                )
        for word in self.functions:
            if not _OF_FUNCTIONS.fullmatch(word):
                raise UsageProblem(f"{word} is no function's name and no pattern; a revision is written @{word}")

    @property
    def _sources(self) -> tuple[str, ...]:
        """The words that are kernel sources: as many as there can be, from the first on."""
        return tuple(takewhile(_is_a_source, self.words[: self._most_sources]))

    @property
    def _most_sources(self) -> int:
        return 1 if self.patches or self.series is not None else 2

    @property
    def old(self) -> str:
        """The old kernel's source."""
        if self._sources:
            return self._sources[0]
        assert self.kernel is not None
        return self.kernel if self.patches or self.series is not None else f"{self.kernel}@HEAD"

    @property
    def new(self) -> str:
        """The new kernel's source, where no patch makes it."""
        if len(self._sources) > 1:
            return self._sources[1]
        assert self.kernel is not None
        return self.kernel

    @property
    def functions(self) -> tuple[str, ...]:
        """Names and patterns; every function of the MMU that has changed if there are none."""
        return self.words[len(self._sources) :]


_OF_FUNCTIONS = re.compile(r"[\w*?\[\]!-]+")


def _is_a_source(word: str) -> bool:
    """Whether a word is no function's name or pattern: it is there, or has what no name has."""
    return "@" in word or "/" in word or word.startswith("~") or Path(word).exists()


def _run(request: DiffRequest, _catalogue: Catalogue, output: Output) -> int:
    # Only now: the solver and the C front end take longer to load than a mistake takes to find.
    if request.series is not None:
        from mmuproof.cli.diff.series import compare_series

        return compare_series(request, output)
    from mmuproof.cli.diff.diff import diff

    return diff(request, output)


DIFF = Command("diff", _HELP, DiffRequest, _run)
