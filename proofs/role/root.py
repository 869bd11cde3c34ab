"""The role of a root page, for the guest's own MMU: what KVM's tables are like, and what they grant."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.roles import MmuRoles, RoleInputs
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, always, given
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.expected_roles import (
    EVERY_REGISTER,
    Expectation,
    RoleMember,
    asked,
    full_access,
    judged,
    paging_expectations,
    roles_now,
    vcpu_expectations,
)
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bool_var,
    bv,
    eq,
    ite,
    ne,
    negate,
    resize,
    ule,
    ult,
    var,
)
from mmuproof.spec import ept, npt
from mmuproof.spec.access import Access

_FOUR_LEVELS_TRANSLATE = 48
_LEVELS_OF_PAE = 3
LEVELS = "the processor's tables have 4 or 5 levels, and the host dictates none, 4 or 5: kvm_configure_mmu()'s callers"


def levels_that_there_are(inputs: RoleInputs) -> Assumption:
    """What vmx_hardware_setup() and svm_hardware_setup() tell kvm_configure_mmu()."""
    forced, largest = inputs.forced_level, inputs.max_level

    def four_or_five(level: BitVec) -> Bool:
        return any_of(eq(level, 4), eq(level, 5))

    return Assumption(LEVELS, all_of(four_or_five(largest), any_of(eq(forced, 0), four_or_five(forced))))


def tdp_level(inputs: RoleInputs) -> BitVec:
    """The level of a root that translates every guest-physical address with as few levels as can be (4 bits).

    Where the host's own paging dictates the level (APM 15.25) there is no choice.
    """
    fits = ule(inputs.address_width, _FOUR_LEVELS_TRANSLATE)
    needed = ite(fits, bv(4, 4), bv(5, 4))
    largest = resize(inputs.max_level, 4)
    chosen = ite(ult(largest, needed), largest, needed)
    return ite(ne(inputs.forced_level, 0), resize(inputs.forced_level, 4), chosen)


def level_expectation(inputs: RoleInputs) -> Expectation:
    """The level of a root of EPT or nested paging."""
    return RoleMember("level", "level", tdp_level(inputs)).tells(
        "how many levels translate the guest's addresses",
        "SDM 31.3.2: four levels translate 48 bits; APM 15.25: the host's paging mode",
    )


def _tdp(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    now = asked("now")
    roles = roles_now(kvm, vendor, MmuKind.TDP, now)
    inputs = roles.inputs
    expectations = (
        level_expectation(inputs),
        RoleMember("direct", "direct", TRUE).tells(
            "that its pages shadow no tables", "KVM: the guest's tables are its own"
        ),
        RoleMember("write-protect", "cr0_wp", TRUE).tells("that W counts for every write", "SDM 31.3.3.2, APM 15.25"),
        RoleMember("execute-disable", "efer_nx", TRUE).tells("that execution can be denied", "SDM 31.3.2, APM 15.25"),
        RoleMember("execute-control", "cr4_smep", inputs.tdp_has_smep).tells(
            "whether MBEC or GMET is on", "KVM: kvm_x86_ops.tdp_has_smep()"
        ),
        RoleMember("accessed-dirty", "ad_disabled", negate(inputs.ad_enabled)).tells(
            "whether SPTEs lack A/D bits", "KVM: kvm_ad_enabled"
        ),
        *vcpu_expectations(roles),
    )
    shown = (
        Shown("MAXPHYADDR", inputs.address_width),
        Shown("tdp_root_level", inputs.forced_level),
        Shown("max_tdp_level", inputs.max_level),
    )
    yield judged(
        "root_role",
        roles.root,
        expectations,
        part="the role",
        roles=roles,
        shown=shown,
        assumptions=(now.possible, levels_that_there_are(inputs)),
        elsewhere=("access",),
    )
    yield _grants_everything(kvm, vendor, roles, now.possible)


def _grants_everything(kvm: Kvm, vendor: Vendor, roles: MmuRoles, possible: Assumption) -> Claim:
    """A page with the root's access can be read, written and executed in, by everybody."""
    access = resize(roles.root["access"], 32)
    kind = Access(bool_var("read"), bool_var("write"), bool_var("fetch"))
    cpl = var("CPL", 2)
    on = bit(roles.root["cr4_smep"], 0) if "cr4_smep" in roles.root else FALSE
    if vendor is Vendor.INTEL:
        user = bool_var("user-mode linear address")
        allowed = ept.allows(relations.ept_permissions(kvm, access), kind, mbec=on, user_mode_address=user)
        who, manual = (Shown("user-mode linear address", user),), "SDM 31.3.3.2"
    else:
        allowed = npt.allows(
            relations.nested_permissions(kvm, access),
            kind,
            gmet=on,
            cpl=cpl,
            no_execute_enabled=TRUE,
            gmet_void_without_nxe=FALSE,
        )
        who, manual = (Shown("CPL", cpl),), "APM 15.25.13"
    denied = negate(allowed)
    return always(
        allowed,
        given(
            possible,
            Assumption(
                "an access that fetches does nothing else", negate(all_of(kind.fetch, any_of(kind.read, kind.write)))
            ),
            shown=(
                Shown("root_role.access", access, relations.acc_flags(kvm, ept=vendor is Vendor.INTEL)),
                Shown("root_role.cr4_smep", on),
                *who,
            ),
            evidence=roles.evidence,
            part="its access",
        ),
        Wrong(
            "data-denied",
            all_of(kind.data, denied),
            "A direct page that the guest may use as it likes cannot be accessed: an endless fault.",
        ).told("a fault again and again", f"{manual}: the access has to be allowed"),
        Wrong(
            "fetch-denied",
            all_of(kind.fetch, denied),
            "A direct page that the guest may use as it likes cannot be executed in: an endless fault.",
        ).told("a fault again and again", f"{manual}: the fetch has to be allowed"),
    )


def _shadow(kvm: Kvm, vendor: Vendor) -> Claim:
    now = asked("now")
    roles = roles_now(kvm, vendor, MmuKind.SHADOW, now)
    levels = now.mode.levels
    expectations = (
        full_access(kvm),
        RoleMember("level", "level", ite(ult(levels, _LEVELS_OF_PAE), bv(_LEVELS_OF_PAE, 4), levels)).tells(
            "how many levels KVM's own tables have",
            "SDM 5.1.1: 8-byte entries, with as many levels as translate the guest's addresses",
        ),
        RoleMember("execute-disable", "efer_nx", TRUE).tells(
            "that SPTEs can have XD, whatever the guest's EFER",
            "KVM: the hardware runs with EFER.NX; the NX huge page mitigation needs it",
        ),
        *paging_expectations(now.mode),
        *vcpu_expectations(roles),
    )
    return judged(
        "root_role", roles.root, expectations, part="", roles=roles, shown=now.shown, assumptions=(now.possible,)
    )


THEOREMS = (
    Theorem(
        name="role.root-tdp",
        claim="With TDP the root's role says how the guest's memory is mapped, MBEC and GMET included, and a page "
        "with the root's access can be read, written and executed in at any privilege.",
        source="SDM 31.3.2, 31.3.3.2; APM 15.25, 15.25.13",
        assumes=(EVERY_REGISTER, LEVELS, "an access that fetches does nothing else"),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=several(_tdp),
        catches=(
            Catch("tdp-root-without-smep", "execute-control"),
            Catch("gmet-root-keeps-user", "fetch-denied"),
            Catch("tdp-root-always-supervisor", "data-denied"),
            Catch("mbec-root-loses-user-execute", "fetch-denied"),
            Catch("tdp-level-four", "level"),
            Catch("smm-not-in-role", "smm"),
        ),
    ),
    Theorem(
        name="role.root-shadow",
        claim="Without TDP the root's role says what the guest's registers make of its entries; KVM's own tables "
        "have at least PAE's levels, and XD.",
        source="SDM 5.1.1, 5.1.3",
        assumes=(EVERY_REGISTER,),
        vendors=(Vendor.SHADOW,),
        state=alone(_shadow),
        catches=(
            Catch("shadow-root-two-levels", "level"),
            Catch("shadow-root-without-nx", "execute-disable"),
            Catch("smep-only-in-long-mode", "smep"),
            Catch("smm-not-in-role", "smm"),
        ),
    ),
)
