"""Which entries of the guest's tables are present."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.model.kvm import GpteFormat, Kvm, WalkKind
from mmuproof.model.vendor import Vendor
from mmuproof.proofs import relations
from mmuproof.proofs.relations import flag
from mmuproof.proofs.theorem import Catch, Claim, Shown, Symptom, Theorem
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, iff, negate, var, zext
from mmuproof.spec import ept, npt, paging


def _claim(kvm: Kvm, kind: WalkKind, gpte_format: GpteFormat, entry: BitVec, present: Bool, manual: str) -> Claim:
    walk = kvm.guest_walk(kind)
    found = kvm.is_present_gpte(gpte_format, walk, zext(entry, 64))
    return Claim(
        iff(found, present),
        (
            Symptom("counted-as-present", all_of(found, negate(present)),
                    "KVM walks an entry that the hardware holds not present.", "present",
                    f"{manual}: not present"),
            Symptom("counted-as-absent", all_of(negate(found), present),
                    "KVM stops at an entry that the hardware uses.", "not present", f"{manual}: present"),
        ),
        (),
        (*relations.role_shown(walk, "cr4_smep"), Shown("gpte", entry)),
        walk.evidence,
        f"{gpte_format.value} entries",
    )  # fmt: skip


def _present(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    if vendor is Vendor.INTEL:
        walk = kvm.guest_walk(WalkKind.NESTED_EPT)
        entry = var("gpte", 64)
        mbec = flag(walk, "cr4_smep") if relations.has_mbec(kvm) else FALSE
        return [_claim(kvm, WalkKind.NESTED_EPT, GpteFormat.EPT, entry, ept.present(entry, mbec=mbec), "SDM 31.3.2")]
    if vendor is Vendor.AMD:
        entry = var("gpte", 64)
        return [_claim(kvm, WalkKind.NESTED_NPT, GpteFormat.PAGING64, entry, npt.present(entry), "APM 15.25")]
    claims: list[Claim] = []
    for gpte_format, width in ((GpteFormat.PAGING64, 64), (GpteFormat.PAGING32, 32)):
        entry = var("gpte", width)
        claims.append(_claim(kvm, WalkKind.GUEST, gpte_format, entry, paging.present(entry), "SDM 5.5"))
    return claims


THEOREMS = (
    Theorem(
        name="entry.present",
        claim="KVM and the manual agree on which guest entries are present; XU counts only with MBEC.",
        source="SDM 31.3.2 and 5.5, APM 15.25",
        assumes=("a nested EPT's root role is its CPU role's base: kvm_init_shadow_ept_mmu() copies it",),
        vendors=(Vendor.INTEL, Vendor.AMD, Vendor.SHADOW),
        state=_present,
        catches=(
            Catch("bit-10-present-without-mbec", "counted-as-present"),
        ),
    ),
)  # fmt: skip
