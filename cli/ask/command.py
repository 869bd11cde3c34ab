"""The command lines of `mmuproof ask` and `mmuproof cache`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.options import End, QuestionBudget

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

_CACHE_HELP = """Say what is kept from one run to the next, and where: unpacked trees, and parsed translation units.

With --clear, remove all of it.
"""

_Expression = Annotated[str | None, typer.Argument(metavar="EXPRESSION", show_default=False, hidden=True)]
_Kernel = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCE",
        show_default=False,
        help="A kernel folder, REPOSITORY@REVISION, linux-*.tar.xz, or linux-source-*.deb.",
    ),
]
_Vendors = Annotated[
    list[str] | None,
    typer.Option(
        metavar="intel|amd|shadow",
        show_default=False,
        help="With the shadow_* masks as they are set up for Intel EPT, AMD nested paging, or shadow paging without "
        "either; may be repeated. Masks of any value by default.",
    ),
]
_Prove = Annotated[bool, typer.Option("--prove", help="Ask whether it is always so, not whether it is possible.")]
_Assume = Annotated[
    list[str] | None,
    typer.Option(
        metavar="EXPRESSION", show_default=False, help="Look only at states in which this holds; may be repeated."
    ),
]
_File = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", show_default=False, help="Decide the properties in a C file: one function each (docs/ask.md)."
    ),
]
_Header = Annotated[bool, typer.Option("--header", help="Print the header that files of properties include.")]
_Unit = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        show_default=False,
        help="The translation unit to ask in, such as arch/x86/kvm/mmu/mmu.c; found by itself by default.",
    ),
]
_Json = Annotated[
    Path | None,
    typer.Option(metavar="FILE", show_default=False, help="Write the answers there as well, whole or not at all."),
]
_Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="With the examples of properties that are as wanted.")]
_Clear = Annotated[bool, typer.Option("--clear", help="Remove it.")]


def add_ask(app: typer.Typer, end: End) -> None:
    """Add the commands; ``end`` runs one and ends with its exit status."""

    @app.command("ask", help=_ASK_HELP)
    def ask_command(
        expression: _Expression = None,
        *,
        kernel: _Kernel = None,
        vendor: _Vendors = None,
        prove: _Prove = False,
        assume: _Assume = None,
        file: _File = None,
        header: _Header = False,
        unit: _Unit = None,
        json: _Json = None,
        budget: QuestionBudget = None,
        verbose: _Verbose = False,
    ) -> None:
        def body(output: Output) -> int:
            if header:
                return _print_header(output)
            if (expression is None) is (file is None):
                raise UsageProblem("ask takes an expression, or a --file of properties")
            if file is not None and (prove or assume):
                raise UsageProblem("a file says itself what its properties are and assume: no --prove or --assume")
            if kernel is None:
                raise UsageProblem("ask needs a --kernel: the reference model has no C")
            # Only now: the solver and the C front end take longer to load than a mistake takes to find.
            from mmuproof.cli.ask.ask import AskRequest, ask

            request = AskRequest(
                expression=expression,
                kernel=kernel,
                vendors=tuple(vendor or ()),
                always=prove,
                assume=tuple(assume or ()),
                file=file,
                unit=unit,
                json=json,
                budget=budget,
                verbose=verbose,
            )
            return ask(request, output)

        end(body)

    @app.command("cache", help=_CACHE_HELP)
    def cache_command(*, clear: _Clear = False) -> None:
        def body(output: Output) -> int:
            from mmuproof.cli.shared.caching import clear_cache, show_cache

            (clear_cache if clear else show_cache)(output)
            return 0

        end(body)


def _print_header(output: Output) -> int:
    from mmuproof.cli.ask.properties import HEADER

    for line in HEADER.rstrip("\n").split("\n"):
        output.line(line)
    return 0
