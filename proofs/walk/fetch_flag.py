"""Whether a walk of guest tables that fails tells that the access was a fetch."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, never
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.failing_walks import ASSUMES, ordinary_walks
from mmuproof.proofs.given.fetch_flags import fetch_not_told, fetch_told, tells_fetches
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, bit, negate
from mmuproof.spec import page_fault


def _fetch_flag(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    for failing in ordinary_walks(kvm, vendor):
        expected = tells_fetches(failing.now.request)
        mode, fetch = failing.now.mode, failing.access_has("FETCH_MASK")
        of_levels = {2: mode.two_levels, 3: mode.pae}.get(failing.tables.levels, mode.ia32e)
        told = bit(failing.walk.error_code, page_fault.INSTRUCTION_FLAG)
        symptoms = [
            fetch_not_told(told, expected, fetches=fetch),
            Wrong(
                "fetch-invented", all_of(told, negate(fetch)), "KVM reports a faulting read or write as a fetch."
            ).told("I/D is 1", "SDM 5.7, APM 8.4.2, 15.25.6: I/D is set for a fetch only"),
        ]
        if failing.kind is not MmuKind.NESTED_NPT:
            # Without SMEP and NXE the manual does not say what a nested fault's flag is.
            symptoms.append(fetch_told(told, expected, fetches=fetch))
        yield never(
            failing.case(
                failing.name,
                *failing.now.shown,
                Shown("the error code", failing.walk.error_code, relations.pferr_flags(kvm), NumberKind.ERROR_CODE),
                when=(Assumption("the registers are those of the tables' paging mode", of_levels),),
            ),
            *symptoms,
        )


THEOREMS = (
    Theorem(
        name="walk.fetch-flag",
        claim="A walk of guest tables that fails tells that the access was a fetch exactly where hardware does.",
        source="SDM 5.7; APM 8.4.2, 15.25.6",
        assumes=ASSUMES,
        state=several(_fetch_flag),
        catches=(
            *showing("fetch-not-told", "walk-fault-fetch-not-told", "fetch-flag-of-nx-alone", "smep-only-in-long-mode"),
            Catch("walk-fault-fetch-always-told", "fetch-told"),
            Catch("walk-fault-every-access-fetches", "fetch-invented"),
        ),
    ),
)
