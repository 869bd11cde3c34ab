"""L2 switches to another of the EPTPs that L1 lists for it."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone, showing
from mmuproof.smt.terms import all_of, any_of, ne, negate, ult
from mmuproof.spec import table_numbers

_SWITCHING = "SDM 28.5.6.3: EPTP switching"
_ENTRY_BYTES, _PAGE_SHIFT = 8, 12


def _switched(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.roots.eptp_switched()
    other = all_of(made.done, ne(made.found, made.before))
    return never(
        given(
            shown=(
                Shown("ECX", made.index),
                Shown("the EPTP-list address", made.list_address),
                Shown("L2 goes on", made.done),
                Shown("the EPTP before", made.before),
                Shown("the EPTP that is read", made.found),
                Shown("L1 may use it", made.valid),
                Shown("the EPTP afterwards", made.after),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "behind-list",
            all_of(made.done, negate(ult(made.index, table_numbers.ENTRIES))),
            "L2 switches to an EPTP by a number that L1's list has not.",
        ).told("L2 goes on", f"{_SWITCHING}: with ECX of 512 or more L2 leaves to L1"),
        Wrong(
            "other-entry",
            all_of(
                made.done,
                any_of(
                    ne(made.gfn, made.list_address >> _PAGE_SHIFT),
                    ne(made.offset, made.index * _ENTRY_BYTES),
                    ne(made.length, _ENTRY_BYTES),
                ),
            ),
            "L2 switches to an EPTP that does not stand at its number in L1's list.",
        ).told("another entry", f"{_SWITCHING}: entry ECX of eight bytes of the list's page"),
        Wrong("eptp-unchecked", all_of(other, negate(made.valid)), "L2 switches to an EPTP that L1 may not use.").told(
            "L2 goes on", f"{_SWITCHING}: an EPTP with which VM entry would fail makes L2 leave to L1"
        ),
        Wrong(
            "other-eptp",
            any_of(all_of(other, ne(made.after, made.found)), all_of(negate(made.done), ne(made.after, made.before))),
            "L2 has another EPTP afterwards than the one of its number, or than before if it leaves to L1.",
        ).told("another EPTP", _SWITCHING),
        Wrong(
            "earlier-tables",
            all_of(other, any_of(negate(made.rebuilt), ne(made.at_rebuild, made.found))),
            "L2 switches to another EPTP, and the MMU goes on with the tables of the one before.",
        ).told("the MMU is for earlier tables", _SWITCHING),
    )


THEOREMS = (
    Theorem(
        name="role.switched-eptp",
        claim="L2 switches only to an EPTP that stands at its number in L1's list, and that L1 may use. The MMU is "
        "then set up for that EPTP; where L2 leaves to L1, the EPTP stays.",
        source="SDM 28.5.6.3",
        assumes=("which EPTPs L1 may use is any answer: gating.nested-ept",),
        vendors=(Vendor.INTEL,),
        state=alone(_switched),
        catches=(
            Catch("eptp-behind-list", "behind-list"),
            Catch("eptp-at-half", "other-entry"),
            Catch("eptp-switched-unchecked", "eptp-unchecked"),
            *showing("earlier-tables", "eptp-set-up-first"),
        ),
    ),
)
