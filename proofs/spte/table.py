"""The table of what SPTEs permit, by which KVM tells a fault that is over from one that is to be handled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given.expected_roles import EVERY_REGISTER, asked
from mmuproof.proofs.given.hardware_spte import MANUALS, AnyAccess, allowed, any_access, present
from mmuproof.proofs.given.held_spte import held_leaf
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.theorem import Claim, Need, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, eq, iff, ite, negate, var

_KINDS: Mapping[Vendor, tuple[MmuKind, ...]] = MappingProxyType(
    {
        Vendor.INTEL: (MmuKind.TDP, MmuKind.NESTED_EPT),
        Vendor.AMD: (MmuKind.TDP, MmuKind.NESTED_NPT),
        Vendor.SHADOW: (MmuKind.SHADOW,),
    }
)
_USER_ACCESS_OF_NPT = 3
_PRESENT = "outside EPT an SPTE that is MMU-present has P: the set-up of the masks, and lifecycle.*"
_AS_TOLD = "MBEC, GMET and SMEP are on as the root role says: role.vendor-bit, and KVM's CR4 for the guest"
_USER = "the error code's U is the access's mode: exit.ept-violation, exit.npf; without GMET any access is a user's"
_SMAP = "SMAP does not deny the access: KVM has walked the guest's tables before, and SPTEs are not asked about it"


def _told(kvm: Kvm, vendor: Vendor, error_code: BitVec, access: AnyAccess, told_apart: Bool) -> Iterator[Assumption]:
    """That the error code is the hardware's of an access, and that the processor is set up as the root role says."""
    write, user, fetch = (has(error_code, kvm.constant(f"PFERR_{name}_MASK")) for name in ("WRITE", "USER", "FETCH"))
    kind = access.access
    yield Assumption(
        "the access is the one that the error code tells of",
        all_of(iff(kind.write, write), iff(kind.fetch, fetch), iff(kind.read, negate(write) & negate(fetch))),
    )
    yield Assumption("no access fetches and writes", negate(all_of(write, fetch)))
    if vendor is Vendor.INTEL:
        yield Assumption(_USER, iff(user, access.user))
        yield Assumption(_AS_TOLD, iff(access.mbec, told_apart))
    elif vendor is Vendor.AMD:
        yield Assumption(_USER, iff(user, ite(access.gmet, eq(access.cpl, _USER_ACCESS_OF_NPT), TRUE)))
        yield Assumption(_AS_TOLD, iff(access.gmet, told_apart))
    else:
        yield Assumption(_USER, iff(user, access.user))
        yield Assumption(_AS_TOLD, iff(access.controls.smep, told_apart))
        yield Assumption(_SMAP, negate(access.controls.smap))


def _usable(vendor: Vendor, spte: BitVec, access: AnyAccess) -> Iterator[Assumption]:
    if vendor is not Vendor.INTEL:
        yield Assumption(_PRESENT, present(vendor, spte, mbec=access.mbec))


def _table(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    masks, now, error_code = kvm.masks.shadow_masks(vendor), asked("now"), var("error_code", 64)
    held, access = held_leaf(kvm, masks), any_access(kvm, vendor)
    for kind in _KINDS[vendor]:
        judged = kvm.spte_changes.spte_permission_fault(masks, kind, now.request, error_code, held.at.spte)
        by_hardware = allowed(vendor, held.at.spte, access)
        yield never(
            given(
                now.possible,
                *held.assumptions,
                *_usable(vendor, held.at.spte, access),
                *access.assumptions,
                *_told(kvm, vendor, error_code, access, judged.told_apart),
                shown=(*held.shown, Shown("error_code", error_code, kind=NumberKind.ERROR_CODE), *access.shown),
                evidence=judged.evidence,
                part=kind.value,
            ),
            Wrong(
                "taken-for-spurious",
                all_of(negate(judged.faults), negate(by_hardware)),
                "KVM takes a fault for one that is over, and the hardware still denies the access: an endless fault.",
            ).told("no fault", f"{MANUALS[vendor]}: the access is denied"),
            Wrong(
                "not-taken-for-spurious",
                all_of(judged.faults, by_hardware),
                "KVM handles a fault again that is over: the hardware allows the access through the SPTE.",
            ).told("a fault", f"{MANUALS[vendor]}: the access is allowed"),
        )


THEOREMS = (
    Theorem(
        name="spte.permission-table",
        claim="The MMU's table of what SPTEs permit, as its set-up fills it, says of every SPTE that maps a page and "
        "of every fault whether the hardware allows the access that faulted.",
        source="SDM 31.3, 5.6; APM 15.25; KVM: spte_permission_fault()",
        assumes=(
            EVERY_REGISTER,
            "the SPTE is MMU-present: of others the answer is that they fault",
            _PRESENT,
            _AS_TOLD,
            _USER,
            _SMAP,
            "no access fetches and writes",
        ),
        needs=(Need(Feature.SPTE_PERMISSIONS),),
        state=several(_table),
        catches=(
            *showing(
                "taken-for-spurious",
                "mbec-ignores-xu",
                "ept-xu-without-mbec",
                "ept-read-ignored",
                "user-access-ignores-u",
                "nx-ignored",
                "smep-ignored",
                "wp-ignored",
            ),
            *showing("not-taken-for-spurious", "exec-only-fetch-needs-read", "gmet-u-restricts-data"),
        ),
    ),
)
