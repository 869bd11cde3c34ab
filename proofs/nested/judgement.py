"""What KVM's own accesses for L2 are allowed by L1's EPT or nested page tables, from L2's access to the verdict."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import WalkKind
from mmuproof.proofs.claims import always, given
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.nested_set_up import asked_for, new_role
from mmuproof.proofs.given.relations import AccessKind, AccessOf, FaultInputs, has
from mmuproof.proofs.nested.translation import NO_STAGE, no_stage
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, Bool, all_of, any_of, bit, eq, iff, implies, ne, negate, var
from mmuproof.spec import ept, npt
from mmuproof.spec.open_choices import GMET_WITHOUT_NXE

_EFER_NXE = 11
_READABLE = "an entry of L1's EPT that can be written can be read: any other is misconfigured"


def _judgement(kvm: Kvm, vendor: Vendor) -> Claim:
    return _by_ept(kvm) if vendor is Vendor.INTEL else _by_npt(kvm)


def _by_ept(kvm: Kvm) -> Claim:
    inputs, controls, guest = relations.fault_inputs(kvm, ept=True), asked_for(), var("guest's pte_access", 64)
    done = kvm.walks.nested_set_up(WalkKind.NESTED_EPT, controls)
    final = inputs.access | kvm.constant("PFERR_GUEST_FINAL_MASK")
    handed = kvm.nested.translate_nested_gpa(Vendor.INTEL, var("gpa", 64), final, guest)
    result = kvm.walks.permission_fault(done.walk, inputs.pte_access, inputs.pte_pkey, handed.access)
    fault = ne(result.error_code, 0)
    permissions = relations.ept_permissions(kvm, inputs.pte_access)
    user_address = has(guest, kvm.constant("ACC_USER_MASK"))
    allowed = ept.allows(
        permissions,
        relations.data_or_fetch(inputs),
        mbec=controls.mbec if relations.has_mbec(kvm) else FALSE,
        user_mode_address=user_address,
    )
    guest_rights = Shown("guest's pte_access", guest, relations.acc_flags(kvm, ept=False))
    return always(
        iff(fault, negate(allowed)),
        given(
            *inputs.assumptions,
            no_stage(kvm, inputs.access),
            new_role(done),
            Assumption(_READABLE, implies(permissions.write, permissions.read)),
            shown=(
                *((Shown("MBEC for L2", controls.mbec), guest_rights) if relations.has_mbec(kvm) else ()),
                *inputs.shown,
            ),
            evidence=result.evidence + handed.evidence,
        ),
        *relations.judgement_symptoms(fault, allowed, _ept_kinds(kvm, inputs, user_address), "SDM 31.3.3.2"),
    )


def _ept_kinds(kvm: Kvm, inputs: FaultInputs, user_address: Bool) -> tuple[AccessKind, ...]:
    data = all_of(negate(inputs.write), negate(inputs.fetch))
    fetches = (
        (
            AccessOf(
                "user-fetch", all_of(inputs.fetch, user_address), "KVM's own fetch from a user-mode address"
            ).by_rule("L1's EPT denies it", "L1's EPT allows it"),
            AccessOf(
                "supervisor-fetch",
                all_of(inputs.fetch, negate(user_address)),
                "KVM's own fetch from a supervisor-mode address",
            ).by_rule("XS is clear", "XS is set"),
        )
        if relations.has_mbec(kvm)
        else (AccessOf("fetch", inputs.fetch, "KVM's own fetch for L2").by_rule("X is clear", "X is set"),)
    )
    return (
        *fetches,
        AccessOf("write", inputs.write, "KVM's own write for L2").by_rule("W is clear", "W is set"),
        AccessOf("read", data, "KVM's own read for L2").by_rule("R is clear", "R is set"),
    )


def _by_npt(kvm: Kvm) -> Claim:
    inputs, cpl = relations.fault_inputs(kvm, ept=False), var("CPL", 2)
    final = inputs.access | kvm.constant("PFERR_GUEST_FINAL_MASK")
    handed = kvm.nested.translate_nested_gpa(Vendor.AMD, var("gpa", 64), final, var("guest's pte_access", 64))
    controls = replace(asked_for(), gmet=handed.gmet)
    done = kvm.walks.nested_set_up(WalkKind.NESTED_NPT, controls)
    result = kvm.walks.permission_fault(done.walk, inputs.pte_access, inputs.pte_pkey, handed.access)
    fault = ne(result.error_code, 0)

    def allowed(void_without_nxe: Bool) -> Bool:
        return npt.allows(
            relations.nested_permissions(kvm, inputs.pte_access),
            relations.data_or_fetch(inputs),
            gmet=handed.gmet,
            cpl=cpl,
            no_execute_enabled=bit(controls.efer, _EFER_NXE),
            gmet_void_without_nxe=void_without_nxe,
        )

    # The manual leaves GMET without EFER.NXE open, so either reading is right.
    right = GMET_WITHOUT_NXE.either(lambda void: iff(fault, negate(allowed(void))))
    return always(
        right,
        given(
            *inputs.assumptions,
            *relations.mapped_pages_are_readable(kvm, inputs.pte_access),
            no_stage(kvm, inputs.access),
            new_role(done),
            Assumption("PFERR_USER_MASK of a linear access says that CPL is 3", iff(inputs.user, eq(cpl, 3))),
            shown=(
                Shown("GMET for L2", handed.gmet),
                Shown("L1's CR4", controls.cr4),
                Shown("L1's EFER", controls.efer),
                *inputs.shown,
                Shown("CPL", cpl),
            ),
            evidence=result.evidence + handed.evidence,
        ),
        *relations.judgement_symptoms(
            fault, allowed(GMET_WITHOUT_NXE.reading), _npt_kinds(inputs, cpl_3=eq(cpl, 3)), "APM 15.25"
        ),
        choices=(GMET_WITHOUT_NXE,),
    )


def _npt_kinds(inputs: FaultInputs, cpl_3: Bool) -> tuple[AccessKind, ...]:
    return (
        AccessOf(
            "supervisor-fetch", all_of(inputs.fetch, negate(cpl_3)), "KVM's own fetch for L2 at CPL 0 to 2"
        ).by_rule("NX is set, or U is as GMET or its absence forbids", "NX is clear, and U is as it has to be"),
        AccessOf("user-fetch", all_of(inputs.fetch, cpl_3), "KVM's own fetch for L2 at CPL 3").by_rule(
            "NX is set, or U is clear without GMET", "NX is clear, and U is set or GMET is on"
        ),
        AccessOf("write", all_of(inputs.write, negate(inputs.fetch)), "KVM's own write for L2").by_rule(
            "R/W is clear, or U without GMET", "R/W is set, and U or GMET"
        ),
        AccessOf("read", negate(any_of(inputs.write, inputs.fetch)), "KVM's own read for L2").by_rule(
            "U is clear and GMET is off", "GMET is on or U is set"
        ),
    )


THEOREMS = (
    Theorem(
        name="nested.judgement",
        claim="An access that KVM makes for L2 to a final address is allowed exactly if L1's tables allow it. "
        "L1's EPT decides by the kind of its linear address, and L1's nested page tables by CPL under "
        "GMET.",
        source="SDM 31.3.3.2; APM 15.25, 15.25.13, Table 15-21",
        assumes=(
            "the error code's low half has only P, W, U and F",
            "no access both writes and fetches",
            NO_STAGE,
            _READABLE,
            "the entry of L1's nested tables is present, so ACC_READ_MASK is set",
            "the nested MMU is set up for what L1 asks for, and had another role before, or none that was valid",
            "PFERR_USER_MASK of a linear access says that CPL is 3: nested.linear-access",
            "guest's pte_access says whether the linear address is user-mode: nested.user-address",
        ),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=alone(_judgement),
        catches=(
            Catch("ept-read-ignored", "read-allowed"),
            Catch("ept-xu-without-mbec", "user-fetch-allowed"),
            Catch("exec-only-fetch-needs-read", "user-fetch-denied"),
            Catch("fetch-index-not-halved", "undefined-behaviour"),
            Catch("gmet-u-restricts-data", "user-fetch-denied"),
            *showing("user-fetch-allowed", "mbec-ignores-xu", "mbec-left-out-of-role", "nested-ept-as-paging"),
            *showing("supervisor-fetch-allowed", "nested-npt-always-user", "nested-npt-user-dropped"),
            Catch("nested-npt-without-wp", "write-allowed"),
            *showing("supervisor-fetch-allowed", "nested-user-by-cpl", "nx-ignored"),
            Catch("pkru-mask-left-over", "supervisor-fetch-denied"),
            *showing("supervisor-fetch-allowed", "smep-ignored", "user-access-ignores-u"),
            Catch("wp-ignored", "write-allowed"),
        ),
    ),
)
