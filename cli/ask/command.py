"""The command lines of `mmuproof ask` and `mmuproof cache`: what a user can ask for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from mmuproof.cli.formats.request import Reporting
from mmuproof.cli.shared.catalogue import Catalogue
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.options import (
    Command,
    Config,
    KernelTree,
    ParseMemory,
    ParseSeconds,
    QuestionBudget,
    argument,
    option,
)
from mmuproof.cli.shared.settings import check_tree

_ASK_HELP = """Ask a question in the kernel's own C, over its own functions, macros and types.

EXPRESSION is a C expression.  In front of a colon stand its free variables ('u64 spte, struct kvm *kvm: ...'); one
that is an argument of a function need not be declared.  The question is whether the expression can be true; with
--prove, whether it always is.

\b
Examples:
  mmuproof ask --kernel ~/linux --vendor intel 'is_frozen_spte(spte) && is_mmio_spte(kvm, spte)'
  mmuproof ask --kernel ~/linux --prove 'u64 s: !is_access_track_spte(s) || !(s & VMX_EPT_RWX_MASK)'
  mmuproof ask --kernel ~/linux --assume 'u64 s: !(s & 1)' 's & PT_PRESENT_MASK'
  mmuproof ask --kernel ~/linux --file props.c
  mmuproof ask --header > mmuproof.h

\b
Exit status:
  0  yes: it is possible; with --prove, it is always so; with --file, every property is as it is to be
  1  no: it is impossible, or not always so; or some property is not as it is to be
  2  wrong usage, a question that does not compile, or a kernel tree that cannot be used
  3  no answer: UNKNOWN, VACUOUS or an ERROR
"""

_CACHE_HELP = """Say what is kept from one run to the next, where, and how much it is and may be.

With --clear, remove all of it.
"""


@dataclass(frozen=True, kw_only=True)
class AskRequest(Reporting):
    """What the user asked for.

    Raises:
        UsageProblem: what is asked for does not go together.
    """

    expression: Annotated[str | None, argument("EXPRESSION")] = None
    kernel: KernelTree = None
    config: Config = None
    parse_seconds: ParseSeconds = None
    parse_memory: ParseMemory = None
    vendors: Annotated[
        tuple[str, ...],
        option(
            "With the shadow_* masks as they are set up for Intel EPT, AMD nested paging, or shadow paging without "
            "either; may be repeated. Masks of any value by default.",
            "intel|amd|shadow",
            "--vendor",
            setting="vendor",
        ),
    ] = ()
    always: Annotated[bool, option("Ask whether it is always so, not whether it is possible.", None, "--prove")] = False
    assume: Annotated[
        tuple[str, ...], option("Look only at states in which this holds; may be repeated.", "EXPRESSION")
    ] = ()
    file: Annotated[
        Path | None, option("Decide the properties in a C file: one function each (docs/ask.md).", "FILE")
    ] = None
    header: Annotated[bool, option("Print the header that files of properties include.")] = False
    unit: Annotated[
        str | None,
        option("The translation unit to ask in, such as arch/x86/kvm/mmu/mmu.c; found by itself by default.", "FILE"),
    ] = None
    situation: Annotated[
        str | None,
        option(
            "With the calls that are not followed, and the vCPU's pointers to its MMUs, as theorems have them: walk, "
            "nested-ept, vmcs02, ...; any other name lists them (docs/ask.md).",
            "SITUATION",
            "--in",
        ),
    ] = None
    budget: QuestionBudget = None
    verbose: Annotated[bool, option("With the examples of properties that are as wanted.", None, "--verbose", "-v")] = (
        False
    )

    def __post_init__(self) -> None:
        if self.header:
            return
        if (self.expression is None) is (self.file is None):
            raise UsageProblem("ask takes an expression, or a --file of properties")
        if self.file is not None and (self.always or self.assume):
            raise UsageProblem("a file says itself what its properties are and assume: no --prove or --assume")
        check_tree(self.kernel, "ask")


@dataclass(frozen=True, kw_only=True)
class CacheRequest:
    """What the user asked for."""

    clear: Annotated[bool, option("Remove it.")] = False


def _ask(request: AskRequest, _catalogue: Catalogue, output: Output) -> int:
    if request.header:
        return _print_header(output)
    # Only now: the solver and the C front end take longer to load than a mistake takes to find.
    from mmuproof.cli.ask.ask import ask

    return ask(request, output)


def _cache(request: CacheRequest, _catalogue: Catalogue, output: Output) -> int:
    from mmuproof.cli.shared.caching import clear_cache, show_cache

    (clear_cache if request.clear else show_cache)(output)
    return 0


def _print_header(output: Output) -> int:
    from mmuproof.cli.ask.properties import HEADER

    for line in HEADER.rstrip("\n").split("\n"):
        output.line(line)
    return 0


ASK = Command("ask", _ASK_HELP, AskRequest, _ask)
CACHE = Command("cache", _CACHE_HELP, CacheRequest, _cache)
