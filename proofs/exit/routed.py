"""Page faults of L2's own tables: L1 gets those that it has asked for, and KVM sees all that it needs."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given.relations import pferr_flags
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, eq, extract, iff, ne, negate

_SDM = "SDM 28.2: bit 14 counts where PFEC & mask is match, and its opposite elsewhere"


def _routed(kvm: Kvm, vendor: Vendor) -> Claim:
    routed = kvm.page_fault_routes.routed(vendor)
    due = iff(eq(routed.error_code & routed.mask, routed.match), routed.wanted)
    return never(
        given(
            Assumption(
                "a page fault's error code has 16 bits at most: SDM 5.7, APM 8.4.2",
                eq(extract(routed.error_code, 31, 16), 0),
            ),
            shown=(
                Shown("error code", routed.error_code, pferr_flags(kvm)),
                Shown("L1 wants page faults", routed.wanted),
                Shown("mask", routed.mask),
                Shown("match", routed.match),
            ),
            evidence=routed.evidence,
            part="L1",
        ),
        Wrong("l1-not-told", all_of(due, negate(routed.to_l1)), "L2 gets a page fault that L1 has asked for.").told(
            "L2 gets it", f"{_SDM}; APM 15.12.15: intercepted by its vector"
        ),
        Wrong("l1-told", all_of(routed.to_l1, negate(due)), "L1 gets a page fault that it has not asked for.").told(
            "L1 gets it", f"{_SDM}; APM 15.12.15: intercepted by its vector"
        ),
    )


def _left(kvm: Kvm) -> Claim:
    left, name = kvm.page_fault_routes.left(), "prepare_vmcs02_rare()"
    as_asked = all_of(eq(left.own_mask, left.mask), eq(left.own_match, left.match))
    return never(
        given(
            shown=(
                Shown("KVM has to see each page fault", left.all_needed),
                Shown("mask", left.own_mask),
                Shown("match", left.own_match),
            ),
            evidence=left.evidence,
            part=name,
        ),
        Wrong("not-told", negate(left.told), f"{name} leaves open for which page faults L2 is left.").told(
            "mask or match is not written", "SDM 26.6.3: both are fields of the VMCS"
        ),
        Wrong(
            "fault-unseen",
            all_of(left.all_needed, any_of(ne(left.own_mask, 0), ne(left.own_match, 0))),
            f"{name} lets L2 handle page faults that KVM has to see.",
        ).told("the processor compares error codes", f"{_SDM}: with both 0, and bit 14 set, each fault exits"),
        Wrong(
            "not-as-asked",
            all_of(negate(left.all_needed), negate(as_asked)),
            f"{name} compares other bits of error codes than L1 has asked for.",
        ).told("another mask or match", _SDM),
    )


def _routes(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    yield _routed(kvm, vendor)
    if vendor is Vendor.INTEL:
        yield _left(kvm)


THEOREMS = (
    Theorem(
        name="fault.routed",
        claim="L1 gets just those page faults of L2's own tables that it has asked for: by the vector, and with VMX by "
        "mask and match of error codes. The processor leaves L2 for each page fault where KVM has to see each, and "
        "elsewhere for those that L1 wants.",
        source="SDM 26.6.3, 28.2; APM 15.12.15",
        assumes=(
            "a page fault's error code has 16 bits at most",
            "where KVM has to see each page fault, bit 14 of L2's exception bitmap is set",
        ),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=several(_routes),
        catches=(Catch("fault-routed-by-bit-alone", "l1-not-told"), Catch("faults-left-as-l1-wants", "fault-unseen")),
    ),
)
