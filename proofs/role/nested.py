"""The roles of the MMU that shadows L1's nested page tables."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.features import Feature
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
    RoleMember,
    asked,
    full_access,
    judged,
    roles_now,
    vcpu_expectations,
)
from mmuproof.proofs.role.root import LEVELS, level_expectation, levels_that_there_are
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, boolean, eq, extract, negate, zext

_EPTP_LEVELS_HIGH, _EPTP_LEVELS_LOW = 5, 3
EPTP_LEVELS = "EPTP asks for 4 or 5 levels: nested_vmx_check_eptp() refuses anything else"
RUNS_L2 = "the vCPU runs L2: the nested MMU is set up for nothing else"
L1_PAGES = "L1 has paging on: VMRUN needs it"


def _ept_levels(eptp: BitVec) -> BitVec:
    """The levels of an EPT (4 bits): EPTP has one less.  Source: SDM 25.6.11."""
    return zext(extract(eptp, _EPTP_LEVELS_HIGH, _EPTP_LEVELS_LOW), 4) + 1


def _ept(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    now, before = asked("now"), asked("before")
    roles = roles_now(kvm, vendor, MmuKind.NESTED_EPT, now)
    request = now.request
    mbec = request.mbec if relations.has_mbec(kvm) else FALSE
    base = (
        full_access(kvm),
        RoleMember("level", "level", _ept_levels(request.eptp)).tells(
            "how many levels L1's EPT has", "SDM 25.6.11: EPTP"
        ),
        RoleMember("execute-control", "cr4_smep", mbec).tells("whether L1 asks for MBEC", "SDM 31.3.3.2"),
        RoleMember("accessed-dirty", "ad_disabled", negate(request.accessed_dirty)).tells(
            "whether L1's EPT has no A/D bits", "SDM 25.6.11: EPTP bit 6"
        ),
        RoleMember("guest-mode", "guest_mode", TRUE).tells(
            "that the pages are L2's", "KVM: L2's writes are not logged by PML"
        ),
    )
    extended = (
        RoleMember("execute-only", "execonly", request.execonly).tells(
            "whether L1 may have execute-only pages", "SDM 31.3.3.1"
        ),
        RoleMember("valid", "valid", TRUE).tells(
            "that it has been set", "KVM: a role without it is never that of an MMU"
        ),
    )
    valid = tuple(
        Assumption(f"{EPTP_LEVELS} ({when})", _four_or_five(each.request.eptp))
        for when, each in (("before", before), ("now", now))
    )
    shown = (Shown("EPTP", request.eptp), Shown("MBEC for L2", request.mbec))
    yield judged(
        "cpu_role", roles.cpu, (*base, *extended), part="the CPU role", roles=roles, shown=shown, assumptions=valid
    )
    yield judged("root_role", roles.root, base, part="the root's role", roles=roles, shown=shown, assumptions=valid)


def _four_or_five(eptp: BitVec) -> Bool:
    levels = _ept_levels(eptp)
    return any_of(eq(levels, 4), eq(levels, 5))


def _npt_base(kvm: Kvm, now: RoleAsked, roles: MmuRoles, gmet: Bool) -> tuple[Expectation, ...]:
    """What both roles of a nested NPT should say of L1's tables; a tree without GMET never has it."""
    mode = now.mode
    return (
        full_access(kvm),
        RoleMember("entry-size", "has_4_byte_gpte", mode.two_levels).tells(
            "whether L1's entries have four bytes", "APM 15.25: nested paging uses the host's paging mode"
        ),
        RoleMember("execute-disable", "efer_nx", mode.execute_disable).tells(
            "whether NX counts", "APM 15.25: EFER.NXE of the host", where=negate(mode.two_levels)
        ),
        # Without GMET every access is a user's, for whom neither CR0.WP nor SMAP makes a difference.
        RoleMember("write-protect", "cr0_wp", TRUE).tells(
            "that a supervisor needs R/W to write", "APM 15.25: CR0.WP of the host is ignored", where=gmet
        ),
        RoleMember("smap-without-wp", "smap_andnot_wp", FALSE).tells(
            "that there is no SMAP", "APM 15.25.13: GMET restricts fetches, nothing restricts data", where=gmet
        ),
        # Without GMET it is CR4.SMEP, which restricts no user.
        RoleMember("execute-control", "cr4_smep", gmet).tells(
            "whether L1 asks for GMET", "APM 15.25.13", where=boolean(kvm.has(Feature.GMET))
        ),
        RoleMember("smep-without-wp", "smep_andnot_wp", FALSE).tells("that there is no SMEP", "APM 15.25", where=gmet),
        *vcpu_expectations(roles),
    )


def _npt(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    now = asked("now")
    roles = roles_now(kvm, vendor, MmuKind.NESTED_NPT, now)
    mode, inputs = now.mode, roles.inputs
    gmet = now.request.gmet if kvm.has(Feature.GMET) else FALSE
    base = _npt_base(kvm, now, roles, gmet)
    level = level_expectation(inputs)
    assert isinstance(level.wanted, BitVec)
    one_more = all_of(eq(level.wanted, 5), eq(mode.levels, 4))
    cpu = (
        *base,
        RoleMember("levels", "level", mode.levels).tells("how many levels L1's tables have", "SDM 5.1.1, APM 15.25"),
        RoleMember("valid", "valid", TRUE).tells(
            "that it has been set", "KVM: a role without it is never that of an MMU"
        ),
        RoleMember("smap", "cr4_smap", FALSE).tells(
            "that there is no SMAP", "APM 15.25.13: GMET restricts fetches, nothing restricts data", where=gmet
        ),
        RoleMember("keys", "cr4_pke", FALSE).tells("that nested entries have no protection keys", "APM 15.25"),
        RoleMember("page-size", "cr4_pse", mode.four_mbyte_pages).tells(
            "whether there are 4-MByte pages", "APM 5.2.1: CR4.PSE", where=mode.two_levels
        ),
        RoleMember("five-levels", "cr4_la57", mode.five_levels).tells("whether there are five levels", "APM 5.1"),
        RoleMember("long-mode", "efer_lma", mode.ia32e).tells("whether L1 is in long mode", "APM 5.1"),
    )
    root = (
        *base,
        level,
        RoleMember("passthrough", "passthrough", one_more).tells(
            "whether KVM's tables have a level above L1's", "KVM: the top entry is then KVM's own"
        ),
    )
    assumptions = (
        now.possible,
        Assumption(L1_PAGES, mode.enabled),
        Assumption(RUNS_L2, inputs.guest_mode),
        levels_that_there_are(inputs),
    )
    shown = (*now.shown, Shown("GMET for L2", now.request.gmet))
    yield judged(
        "cpu_role",
        roles.cpu,
        cpu,
        part="the CPU role",
        roles=roles,
        shown=shown,
        assumptions=assumptions,
        elsewhere=("has_pferr_fetch",),
    )
    yield judged(
        "root_role", roles.root, root, part="the root's role", roles=roles, shown=shown, assumptions=assumptions
    )


def _nested(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    return _ept(kvm, vendor) if vendor is Vendor.INTEL else _npt(kvm, vendor)


THEOREMS = (
    Theorem(
        name="role.root-nested",
        claim="The MMU that shadows L1's nested page tables has roles that say what these are like: their "
        "levels, MBEC or GMET, and A/D bits. They do not depend on what the MMU was set up for before.",
        source="SDM 25.6.11, 31.3.3.2; APM 15.25, 15.25.13",
        assumes=(EVERY_REGISTER, LEVELS, EPTP_LEVELS, RUNS_L2, L1_PAGES),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=several(_nested),
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
