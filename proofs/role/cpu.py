"""The CPU role says what the guest's registers mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.roles import MmuRoles
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, always, given
from mmuproof.proofs.given.expected_roles import (
    EVERY_REGISTER,
    Expectation,
    RoleAsked,
    RoleMember,
    asked,
    extended_expectations,
    full_access,
    judged,
    paging_expectations,
    roles_now,
    vcpu_expectations,
)
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, TRUE, Bool, all_of, any_of, bit, iff, implies, negate
from mmuproof.spec import page_fault, paging_mode
from mmuproof.spec.access import INSTRUCTION_FETCH
from mmuproof.spec.paging import LinearAccess

KINDS: Mapping[Vendor, tuple[MmuKind, ...]] = MappingProxyType(
    {Vendor.INTEL: (MmuKind.TDP, MmuKind.L2), Vendor.AMD: (MmuKind.TDP, MmuKind.L2), Vendor.SHADOW: (MmuKind.SHADOW,)}
)
"""The MMUs that walk the guest's own tables."""


def cpu_expectations(kvm: Kvm, now: RoleAsked, roles: MmuRoles) -> tuple[Expectation, ...]:
    """What the CPU role should say of the guest's own paging."""
    mode = now.mode
    return (
        full_access(kvm),
        RoleMember("levels", "level", mode.levels).tells("how many levels the guest's tables have", "SDM 5.1.1"),
        RoleMember("execute-disable", "efer_nx", mode.execute_disable).tells(
            "whether XD counts", "SDM 5.1.3: EFER.NXE; entries of four bytes have no XD", where=negate(mode.two_levels)
        ),
        *paging_expectations(mode),
        *extended_expectations(mode),
        *vcpu_expectations(roles),
    )


def _cpu(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    for kind in KINDS[vendor]:
        now = asked("now")
        roles = roles_now(kvm, vendor, kind, now)
        yield judged(
            "cpu_role",
            roles.cpu,
            cpu_expectations(kvm, now, roles),
            part=kind.value,
            roles=roles,
            assumptions=(now.possible,),
            shown=now.shown,
            elsewhere=("has_pferr_fetch",),
        )


# -- whether an error code tells fetches from reads --------------------------------------------------------


def _flag(roles: MmuRoles) -> Bool:
    if "has_pferr_fetch" not in roles.cpu:
        raise NotThere(["union kvm_mmu_extended_role.has_pferr_fetch"])
    return bit(roles.cpu["has_pferr_fetch"], 0)


def _told(now: RoleAsked) -> Bool:
    """Whether the error code of a faulting fetch has I/D."""
    fetch = LinearAccess(INSTRUCTION_FETCH, user_mode=TRUE, implicit=FALSE)
    registers = now.request
    return page_fault.instruction_flag(
        fetch,
        smep=bit(registers.cr4, paging_mode.CR4_SMEP_BIT),
        physical_address_extension=bit(registers.cr4, paging_mode.CR4_PAE_BIT),
        no_execute_enabled=bit(registers.efer, paging_mode.EFER_NXE_BIT),
    )


def _fetch_claim(roles: MmuRoles, now: RoleAsked, holds: Bool, told: Bool, part: str, *when: Assumption) -> Claim:
    flag = _flag(roles)
    return always(
        holds,
        given(
            now.possible,
            *when,
            shown=(*now.shown, Shown("role.has_pferr_fetch", roles.cpu["has_pferr_fetch"])),
            evidence=roles.evidence,
            part=part,
        ),
        Wrong(
            "fetch-not-told",
            all_of(negate(flag), told),
            "KVM reports a faulting fetch as a read, where hardware sets I/D.",
        ).told("I/D is 0", "SDM 5.7: I/D is set with CR4.SMEP, or CR4.PAE and EFER.NXE"),
        Wrong(
            "fetch-told",
            all_of(flag, negate(told)),
            "KVM sets I/D for a faulting fetch, where hardware does not tell fetches from reads.",
        ).told("I/D is 1", "SDM 5.7: I/D is 0 without CR4.SMEP, unless CR4.PAE and EFER.NXE are set"),
    )


def _fetch_flag(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    kind, now = KINDS[vendor][0], asked("now")
    roles = roles_now(kvm, vendor, kind, now)
    told, mode = _told(now), now.mode
    claims = [
        _fetch_claim(
            roles,
            now,
            iff(_flag(roles), told),
            told,
            f"{kind.value}, entries of {size} bytes",
            Assumption(f"the guest's entries have {size} bytes", which),
        )
        for size, which in (("eight", any_of(mode.pae, mode.ia32e)), ("four", mode.two_levels))
    ]
    if vendor is Vendor.AMD:
        nested = roles_now(kvm, vendor, MmuKind.NESTED_NPT, now)
        # Without SMEP and NXE the manual does not say what a nested fault's flag is.
        claims.append(
            _fetch_claim(
                nested,
                now,
                implies(told, _flag(nested)),
                told,
                MmuKind.NESTED_NPT.value,
                Assumption("L1 has paging on: VMRUN needs it", mode.enabled),
            )
        )
    return claims


THEOREMS = (
    Theorem(
        name="role.cpu",
        claim="The CPU role says what the guest's CR0, CR4 and EFER mean: the paging mode, and each control where "
        "that mode knows it.",
        source="SDM 5.1.1, 5.1.3",
        assumes=(EVERY_REGISTER,),
        state=several(_cpu),
        catches=(
            Catch("smap-without-paging", "smap"),
            Catch("pke-outside-long-mode", "keys"),
            Catch("la57-outside-long-mode", "five-levels"),
            Catch("smep-only-in-long-mode", "smep"),
            Catch("smm-not-in-role", "smm"),
            Catch("cr4-pke-not-read", "keys"),
        ),
    ),
    Theorem(
        name="role.fetch-flag",
        claim="KVM reports that a faulting access was a fetch exactly where hardware does; L1's CR4.SMEP and "
        "EFER.NXE decide for nested paging too, and not GMET.",
        source="SDM 5.7, APM 15.25.6",
        assumes=(EVERY_REGISTER, "L1 has paging on: VMRUN needs it"),
        needs=(Need(Feature.FETCH_FLAG),),
        state=_fetch_flag,
        catches=showing("fetch-not-told", "fetch-flag-of-nx-alone", "smep-only-in-long-mode"),
    ),
)
