"""The chain from what a guest does to what the hardware allows, drawn as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from mmuproof.proofs.chain import Chain, Stage

_WIDTH = 110


def drawn(chains: Sequence[Chain]) -> Iterator[str]:
    """The lines of some chains; what no theorem speaks of stands out."""
    for number, chain in enumerate(chains):
        yield from ("",) if number else ()
        yield chain.says
        before: str | None = None
        for step in chain.steps:
            if step.start != before:
                yield from ("",) if before is not None else ()
                yield f"  {step.start}"
            yield from _arrow(step)
            yield f"  {step.end}"
            before = step.end


def _arrow(step: Stage) -> Iterator[str]:
    functions = ", ".join(f"{name}()" for each in step.by for name in each.split("|"))
    yield from _wrapped(functions)
    yield from _wrapped(", ".join(step.theorems) or "NO THEOREM")
    if step.missing:
        yield from _wrapped(f"not proved: {step.missing}")
    yield "    v"


def _wrapped(text: str) -> Iterator[str]:
    yield from textwrap.wrap(text, _WIDTH, initial_indent="    |  ", subsequent_indent="    |    ")
