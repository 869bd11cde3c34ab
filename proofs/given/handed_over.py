"""The claims of a function that hands on what it is given."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.hand_overs import HandOver
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Claim
from mmuproof.smt.terms import all_of, negate


def handed_over(kvm: Kvm, by: HandOver, source: str) -> Iterator[Claim]:
    """That a function hands on when it has to, all that it has to, and answers what comes back.

    Args:
        kvm: the kernel.
        by: the function.
        source: who says that it has to.
    """
    for made in kvm.hand_overs.handed_on(by):
        name, to = f"{by.value}()", f"{made.to}()"
        where = " while L2 runs on L1's tables" if made.nested else ""
        others = (Shown(f"{what} is as it has to be", right) for what, right in made.given.items())
        yield never(
            given(
                shown=(Shown(f"{to} has to be called", made.when), Shown(f"{to} is called", made.made), *others),
                evidence=made.evidence,
                part=f"{name} to {to}{where}",
            ),
            Wrong("not-handed-on", all_of(made.when, negate(made.made)), f"{name} does not call {to}{where}.").told(
                "nothing is done", source
            ),
            Wrong(
                "handed-on-unasked",
                all_of(made.made, negate(made.when)),
                f"{name} calls {to} where that is not for it.",
            ).told("it is done", source),
            Wrong(
                "else-handed-on",
                all_of(made.made, negate(all_of(*made.given.values()))),
                f"{name} gives {to} something else than it has to{where}.",
            ).told("something else is done", source),
            Wrong(
                "answered-otherwise",
                all_of(made.made, negate(made.answers)),
                f"{name} does not answer what {to} answers{where}.",
            ).told("another answer", source),
        )
