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
from mmuproof.proofs.claims import always, given
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
from mmuproof.proofs.given.fetch_flags import fetch_not_told, fetch_told, tells_fetches
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import Bool, any_of, bit, iff, implies, negate

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
        fetch_not_told(flag, told),
        fetch_told(flag, told),
    )


def _fetch_flag(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    kind, now = KINDS[vendor][0], asked("now")
    roles = roles_now(kvm, vendor, kind, now)
    told, mode = tells_fetches(now.request), now.mode
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
