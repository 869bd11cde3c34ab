"""The roles of the MMU that shadows L1's nested page tables."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.model.kvm import Kvm
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.roles import MmuRoles
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.expected_roles import (
    EVERY_REGISTER,
    Expectation,
    RoleAsked,
    asked,
    full_access,
    judged,
    roles_now,
    vcpu_expectations,
)
from mmuproof.proofs.role.root import LEVELS, level_expectation, levels_that_there_are
from mmuproof.proofs.theorem import Catch, Claim, Theorem
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, boolean, eq, extract, negate, zext

_EPTP_LEVELS_HIGH, _EPTP_LEVELS_LOW = 5, 3
EPTP_LEVELS = "EPTP asks for 4 or 5 levels: nested_vmx_check_eptp() refuses anything else"
RUNS_L2 = "the vCPU runs L2: the nested MMU is set up for nothing else"
L1_PAGES = "L1 has paging on: VMRUN needs it"


def _ept_levels(eptp: BitVec) -> BitVec:
    """The levels of an EPT (4 bits): EPTP has one less.  Source: SDM 25.6.11."""
    return zext(extract(eptp, _EPTP_LEVELS_HIGH, _EPTP_LEVELS_LOW), 4) + 1


def _ept(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    now, before = asked("now"), asked("before")
    roles = roles_now(kvm, vendor, MmuKind.NESTED_EPT, now)
    request = now.request
    mbec = request.mbec if relations.has_mbec(kvm) else FALSE
    base = (
        full_access(kvm),
        Expectation(
            symptom="level",
            member="level",
            wanted=_ept_levels(request.eptp),
            says="how many levels L1's EPT has",
            source="SDM 25.6.11: EPTP",
        ),
        Expectation(
            symptom="execute-control",
            member="cr4_smep",
            wanted=mbec,
            says="whether L1 asks for MBEC",
            source="SDM 31.3.3.2",
        ),
        Expectation(
            symptom="accessed-dirty",
            member="ad_disabled",
            wanted=negate(request.accessed_dirty),
            says="whether L1's EPT has no A/D bits",
            source="SDM 25.6.11: EPTP bit 6",
        ),
        Expectation(
            symptom="guest-mode",
            member="guest_mode",
            wanted=TRUE,
            says="that the pages are L2's",
            source="KVM: L2's writes are not logged by PML",
        ),
    )
    extended = (
        Expectation(
            symptom="execute-only",
            member="execonly",
            wanted=request.execonly,
            says="whether L1 may have execute-only pages",
            source="SDM 31.3.3.1",
        ),
        Expectation(
            symptom="valid",
            member="valid",
            wanted=TRUE,
            says="that it has been set",
            source="KVM: a role without it is never that of an MMU",
        ),
    )
    valid = tuple(
        Assumption(f"{EPTP_LEVELS} ({when})", _four_or_five(each.request.eptp))
        for when, each in (("before", before), ("now", now))
    )
    shown = (Shown("EPTP", request.eptp), Shown("MBEC for L2", request.mbec))
    return [
        judged(
            "cpu_role", roles.cpu, (*base, *extended), part="the CPU role", roles=roles, shown=shown, assumptions=valid
        ),
        judged("root_role", roles.root, base, part="the root's role", roles=roles, shown=shown, assumptions=valid),
    ]


def _four_or_five(eptp: BitVec) -> Bool:
    levels = _ept_levels(eptp)
    return any_of(eq(levels, 4), eq(levels, 5))


def _npt_base(kvm: Kvm, now: RoleAsked, roles: MmuRoles, gmet: Bool) -> tuple[Expectation, ...]:
    """What both roles of a nested NPT should say of L1's tables; a tree without GMET never has it."""
    mode = now.mode
    return (
        full_access(kvm),
        Expectation(
            symptom="entry-size",
            member="has_4_byte_gpte",
            wanted=mode.two_levels,
            says="whether L1's entries have four bytes",
            source="APM 15.25: nested paging uses the host's paging mode",
        ),
        Expectation(
            symptom="execute-disable",
            member="efer_nx",
            wanted=mode.execute_disable,
            says="whether NX counts",
            source="APM 15.25: EFER.NXE of the host",
            matters=negate(mode.two_levels),
        ),
        # Without GMET every access is a user's, for whom neither CR0.WP nor SMAP makes a difference.
        Expectation(
            symptom="write-protect",
            member="cr0_wp",
            wanted=TRUE,
            says="that a supervisor needs R/W to write",
            source="APM 15.25: CR0.WP of the host is ignored",
            matters=gmet,
        ),
        Expectation(
            symptom="smap-without-wp",
            member="smap_andnot_wp",
            wanted=FALSE,
            says="that there is no SMAP",
            source="APM 15.25.13: GMET restricts fetches, nothing restricts data",
            matters=gmet,
        ),
        # Without GMET it is CR4.SMEP, which restricts no user.
        Expectation(
            symptom="execute-control",
            member="cr4_smep",
            wanted=gmet,
            says="whether L1 asks for GMET",
            source="APM 15.25.13",
            matters=boolean(kvm.walks.has_gmet),
        ),
        Expectation(
            symptom="smep-without-wp",
            member="smep_andnot_wp",
            wanted=FALSE,
            says="that there is no SMEP",
            source="APM 15.25",
            matters=gmet,
        ),
        *vcpu_expectations(roles),
    )


def _npt(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    now = asked("now")
    roles = roles_now(kvm, vendor, MmuKind.NESTED_NPT, now)
    mode, inputs = now.mode, roles.inputs
    gmet = now.request.gmet if kvm.walks.has_gmet else FALSE
    base = _npt_base(kvm, now, roles, gmet)
    level = level_expectation(inputs)
    assert isinstance(level.wanted, BitVec)
    one_more = all_of(eq(level.wanted, 5), eq(mode.levels, 4))
    cpu = (
        *base,
        Expectation(
            symptom="levels",
            member="level",
            wanted=mode.levels,
            says="how many levels L1's tables have",
            source="SDM 5.1.1, APM 15.25",
        ),
        Expectation(
            symptom="valid",
            member="valid",
            wanted=TRUE,
            says="that it has been set",
            source="KVM: a role without it is never that of an MMU",
        ),
        Expectation(
            symptom="smap",
            member="cr4_smap",
            wanted=FALSE,
            says="that there is no SMAP",
            source="APM 15.25.13: GMET restricts fetches, nothing restricts data",
            matters=gmet,
        ),
        Expectation(
            symptom="keys",
            member="cr4_pke",
            wanted=FALSE,
            says="that nested entries have no protection keys",
            source="APM 15.25",
        ),
        Expectation(
            symptom="page-size",
            member="cr4_pse",
            wanted=mode.four_mbyte_pages,
            says="whether there are 4-MByte pages",
            source="APM 5.2.1: CR4.PSE",
            matters=mode.two_levels,
        ),
        Expectation(
            symptom="five-levels",
            member="cr4_la57",
            wanted=mode.five_levels,
            says="whether there are five levels",
            source="APM 5.1",
        ),
        Expectation(
            symptom="long-mode",
            member="efer_lma",
            wanted=mode.ia32e,
            says="whether L1 is in long mode",
            source="APM 5.1",
        ),
    )
    root = (
        *base,
        level,
        Expectation(
            symptom="passthrough",
            member="passthrough",
            wanted=one_more,
            says="whether KVM's tables have a level above L1's",
            source="KVM: the top entry is then KVM's own",
        ),
    )
    assumptions = (
        now.possible,
        Assumption(L1_PAGES, mode.enabled),
        Assumption(RUNS_L2, inputs.guest_mode),
        levels_that_there_are(inputs),
    )
    shown = (*now.shown, Shown("GMET for L2", now.request.gmet))
    return [
        judged(
            "cpu_role",
            roles.cpu,
            cpu,
            part="the CPU role",
            roles=roles,
            shown=shown,
            assumptions=assumptions,
            elsewhere=("has_pferr_fetch",),
        ),
        judged(
            "root_role", roles.root, root, part="the root's role", roles=roles, shown=shown, assumptions=assumptions
        ),
    ]


def _nested(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    return _ept(kvm, vendor) if vendor is Vendor.INTEL else _npt(kvm, vendor)


THEOREMS = (
    Theorem(
        name="role.root-nested",
        claim="The MMU that shadows L1's nested page tables has roles that say what these are like: their levels, "
        "MBEC or GMET, and A/D bits; they do not depend on what the MMU was set up for before.",
        source="SDM 25.6.11, 31.3.3.2; APM 15.25, 15.25.13",
        assumes=(EVERY_REGISTER, LEVELS, EPTP_LEVELS, RUNS_L2, L1_PAGES),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=_nested,
        catches=(
            Catch("mbec-left-out-of-role", "execute-control"),
            Catch("nested-ept-role-kept", "level"),
            Catch("nested-ept-root-role-kept", "access"),
            Catch("nested-npt-without-wp", "write-protect"),
            Catch("tdp-level-four", "level"),
            Catch("smm-not-in-role", "smm"),
            Catch("la57-outside-long-mode", "five-levels"),
        ),
    ),
)
