"""Which entries of the guest's tables are present."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GpteFormat, GuestWalk, WalkKind
from mmuproof.proofs.claims import Wrong, always, given
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.nested_set_up import asked_for, new_role
from mmuproof.proofs.given.relations import flag
from mmuproof.proofs.theorem import Catch, Claim, Theorem
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, iff, negate, var, zext
from mmuproof.spec import ept, npt, paging


def _claim(
    kvm: Kvm,
    walk: GuestWalk,
    gpte_format: GpteFormat,
    entry: BitVec,
    present: Bool,
    manual: str,
    *,
    part: str = "",
    assumptions: tuple[Assumption, ...] = (),
) -> Claim:
    found = kvm.walks.is_present_gpte(gpte_format, walk, zext(entry, 64))
    return always(
        iff(found, present),
        given(
            *assumptions,
            shown=(*relations.role_shown(walk, "cr4_smep"), Shown("gpte", entry, kind=NumberKind.GUEST_ENTRY)),
            evidence=walk.evidence,
            part=part or f"{gpte_format.value} entries",
        ),
        Wrong(
            "counted-as-present",
            all_of(found, negate(present)),
            "KVM walks an entry that the hardware holds not present.",
        ).told("present", f"{manual}: not present"),
        Wrong(
            "counted-as-absent", all_of(negate(found), present), "KVM stops at an entry that the hardware uses."
        ).told("not present", f"{manual}: present"),
    )


def _set_up(kvm: Kvm, entry: BitVec) -> Claim:
    """The same for the MMU that KVM has just set up: it may ask another role for MBEC than permissions do."""
    controls = asked_for()
    done = kvm.walks.nested_set_up(WalkKind.NESTED_EPT, controls)
    mbec = controls.mbec if relations.has_mbec(kvm) else FALSE
    return _claim(
        kvm,
        done.walk,
        GpteFormat.EPT,
        entry,
        ept.present(entry, mbec=mbec),
        "SDM 31.3.2",
        part="after the set-up",
        assumptions=(new_role(done),),
    )


def _present(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    if vendor is Vendor.INTEL:
        walk = kvm.walks.guest_walk(WalkKind.NESTED_EPT)
        entry = var("gpte", 64)
        mbec = flag(walk, "cr4_smep") if relations.has_mbec(kvm) else FALSE
        present = ept.present(entry, mbec=mbec)
        return [_claim(kvm, walk, GpteFormat.EPT, entry, present, "SDM 31.3.2"), _set_up(kvm, entry)]
    if vendor is Vendor.AMD:
        # Nested tables have the format of L1's own paging mode, which may be 32-bit paging.
        return _ordinary(kvm, WalkKind.NESTED_NPT, npt.present, "APM 15.25")
    return _ordinary(kvm, WalkKind.GUEST, paging.present, "SDM 5.7")


def _ordinary(kvm: Kvm, kind: WalkKind, present: Callable[[BitVec], Bool], manual: str) -> list[Claim]:
    """The entries of ordinary paging's formats, of 64 bits and of 32."""
    walk, claims = kvm.walks.guest_walk(kind), list[Claim]()
    for gpte_format, width in ((GpteFormat.PAGING64, 64), (GpteFormat.PAGING32, 32)):
        entry = var("gpte", width)
        claims.append(_claim(kvm, walk, gpte_format, entry, present(entry), manual))
    return claims


THEOREMS = (
    Theorem(
        name="entry.present",
        claim="KVM and the manual agree on which guest entries are present; XU counts only with MBEC.",
        source="SDM 31.3.2 and 5.7, APM 15.25",
        assumes=(
            "a nested EPT's root role is its CPU role's base: kvm_init_shadow_ept_mmu() copies it, which the "
            "part after the set-up does not assume",
        ),
        state=_present,
        catches=(
            Catch("bit-10-present-without-mbec", "counted-as-present"),
            Catch("mbec-left-out-of-role", "counted-as-absent"),
            Catch("nested-ept-root-role-kept", "counted-as-present"),
        ),
    ),
)
