"""Translating an address for KVM itself: it comes to the walk's page, or to its fault."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GpteFormat
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.terms import all_of, any_of, concat, extract, ne, negate

_PAGE_SHIFT, _FRAME_BITS = 12, 52
_NO_ADDRESS = (1 << 64) - 1
_MANUALS = "SDM 5.5.4, 31.3.2; APM 5.3"


def _state(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for gpte_format in GpteFormat:
        made = kvm.translations.translated(gpte_format)
        name = f"{made.caller}()"
        frame = extract(made.gfn, _FRAME_BITS - 1, 0)
        page = concat(frame, extract(made.address, _PAGE_SHIFT - 1, 0))
        yield never(
            given(
                shown=(
                    Shown("address", made.address),
                    Shown("access", made.access),
                    Shown("the walk succeeds", made.succeeds),
                    Shown("the walk's frame", made.gfn),
                    Shown("what it gives", made.result),
                ),
                evidence=made.evidence,
                part=made.caller,
            ),
            Wrong(
                "another-access",
                any_of(ne(made.walked_address, made.address), ne(made.walked_access, made.access)),
                f"{name} judges another access than the one that it is asked for.",
            ).told("another address or access", f"{_MANUALS}: rights are those of the access"),
            Wrong(
                "another-address",
                all_of(made.succeeds, ne(made.result, page)),
                f"{name} gives another address than the one to which the walk comes.",
            ).told("another address", f"{_MANUALS}: the frame, and the address within it"),
            Wrong(
                "fault-ignored",
                all_of(negate(made.succeeds), any_of(ne(made.result, _NO_ADDRESS), negate(made.exception_told))),
                f"{name} gives an address where the walk faults, or tells of another fault.",
            ).told("not the fault of the walk", "SDM 7.15, APM 8.2.15: the fault says what the access was"),
        )


THEOREMS = (
    Theorem(
        name="walk.translated",
        claim="Where KVM itself translates an address by a guest's tables, the walk judges just the access that was "
        "asked for. What comes of it is the address in the walk's frame, or no address and the walk's fault.",
        source=f"{_MANUALS}; SDM 7.15",
        state=several(_state),
        catches=(
            Catch("translated-as-supervisor", "another-access"),
            Catch("translated-without-offset", "another-address"),
            Catch("translated-without-fault", "fault-ignored"),
        ),
    ),
)
