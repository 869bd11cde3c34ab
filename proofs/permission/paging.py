"""What a guest's own page tables allow: access rights, protection keys, and the error code of a fault."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GuestWalk, PermissionFault, WalkKind
from mmuproof.proofs.claims import Wrong, always, given, never
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.relations import AccessKind, FaultInputs, flag, has
from mmuproof.proofs.permission.judged import allowed_by_rights, denied_by_key, paging_judged
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, Bool, all_of, any_of, boolean, bv, eq, iff, implies, ne, negate, zext
from mmuproof.spec import page_fault
from mmuproof.spec.open_choices import PK_BESIDE_OTHER
from mmuproof.spec.page_fault import FaultCause

_ASSUMES = (
    "the error code's low half has only P, W, U and F: every caller of permission_fault() passes no other",
    "no access both writes and fetches: an instruction fetch writes nothing",
    "an implicit access carries no PFERR_USER_MASK: the emulator sets one or the other",
    "the entry is present, so ACC_READ_MASK is set",
    "paging is on: without, KVM does not consult the metadata",
)


def _assumptions(kvm: Kvm, walk: GuestWalk, inputs: FaultInputs) -> tuple[Assumption, ...]:
    return (
        *inputs.assumptions,
        *relations.mapped_pages_are_readable(kvm, inputs.pte_access),
        relations.paging_on(walk),
        Assumption("an implicit access carries no PFERR_USER_MASK", negate(all_of(inputs.implicit, inputs.user))),
    )


def _kinds(inputs: FaultInputs) -> tuple[AccessKind, ...]:
    data = all_of(negate(inputs.write), negate(inputs.fetch))

    def kinds(mode: str, noun: str, when: Bool) -> tuple[AccessKind, ...]:
        rule = {"forbidden": "the access rights forbid it", "permitted": "the access rights allow it"}
        return (
            AccessKind(name=f"{mode}-read", when=all_of(when, data), noun=f"{noun} read", **rule),
            AccessKind(name=f"{mode}-write", when=all_of(when, inputs.write), noun=f"{noun} write", **rule),
            AccessKind(name=f"{mode}-fetch", when=all_of(when, inputs.fetch), noun=f"{noun} fetch", **rule),
        )

    return (
        *kinds("user", "A user-mode", all_of(inputs.user, negate(inputs.implicit))),
        *kinds("supervisor", "A supervisor-mode", all_of(negate(inputs.user), negate(inputs.implicit))),
        *kinds("implicit", "An implicit supervisor-mode", inputs.implicit),
    )


def _shown(walk: GuestWalk, inputs: FaultInputs, result: PermissionFault) -> tuple[Shown, ...]:
    return (
        *relations.role_shown(walk, "cr4_smep", "cr4_smap", "cr4_pke", "efer_nx", "efer_lma"),
        Shown("cr0.wp", result.cr0_wp),
        Shown("eflags.ac", result.eflags_ac),
        *inputs.shown,
    )


def _paging(kvm: Kvm, _vendor: Vendor) -> Claim:
    judged = paging_judged(kvm)
    walk, inputs = judged.walk, judged.inputs
    return always(
        iff(judged.fault, negate(judged.allowed)),
        given(
            *_assumptions(kvm, walk, inputs),
            Assumption("protection keys are off: role.cr4_pke is 0", negate(flag(walk, "cr4_pke"))),
            shown=_shown(walk, inputs, judged.result),
            evidence=judged.evidence,
        ),
        *relations.judgement_symptoms(judged.fault, judged.allowed, _kinds(inputs), "SDM 5.6.1"),
    )


def _keys_need_long_mode(walk: GuestWalk) -> Assumption:
    return Assumption(
        "kvm_calc_cpu_role() sets cr4_pke only with EFER.LMA", implies(flag(walk, "cr4_pke"), flag(walk, "efer_lma"))
    )


def _pkeys(kvm: Kvm, _vendor: Vendor) -> Claim:
    walk = kvm.walks.guest_walk(WalkKind.GUEST)
    inputs = relations.fault_inputs(kvm, ept=False)
    result = kvm.walks.permission_fault(walk, inputs.pte_access, inputs.pte_pkey, inputs.access)
    fault = ne(result.error_code, 0)
    by_rights = negate(allowed_by_rights(kvm, walk, inputs, result))
    by_key = denied_by_key(kvm, walk, inputs, result)
    return always(
        iff(fault, any_of(by_rights, by_key)),
        given(
            *_assumptions(kvm, walk, inputs),
            _keys_need_long_mode(walk),
            shown=(*_shown(walk, inputs, result), Shown("pte_pkey", inputs.pte_pkey), Shown("pkru", result.pkru)),
            evidence=result.evidence,
        ),
        Wrong(
            "key-ignored",
            all_of(by_key, negate(fault)),
            "An access is allowed although the page's protection key forbids it.",
        ).told("no fault", "SDM 5.6.2: the access is denied"),
        Wrong(
            "key-invented",
            all_of(fault, negate(by_rights), negate(by_key)),
            "An access is denied although neither rights nor protection key forbid it.",
        ).told("a fault", "SDM 5.6.2: the access is allowed"),
        Wrong(
            "rights-ignored",
            all_of(by_rights, negate(fault)),
            "An access is allowed although the access rights forbid it.",
        ).told("no fault", "SDM 5.6.1: the access is denied"),
    )


def _error_code(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    walk = kvm.walks.guest_walk(relations.WALKS[vendor])
    inputs = relations.fault_inputs(kvm, ept=vendor is Vendor.INTEL)
    result = kvm.walks.permission_fault(walk, inputs.pte_access, inputs.pte_pkey, inputs.access)
    code = result.error_code
    present, key = (kvm.constant(f"PFERR_{name}_MASK") for name in ("PRESENT", "PK"))
    assumptions = [*inputs.assumptions, relations.paging_on(walk)]
    if vendor is Vendor.SHADOW:
        assumptions = [*_assumptions(kvm, walk, inputs), _keys_need_long_mode(walk)]
        by_key = denied_by_key(kvm, walk, inputs, result)
        by_rights = negate(allowed_by_rights(kvm, walk, inputs, result))
    else:
        # Neither EPT nor nested page tables have protection keys.
        by_key, by_rights = FALSE, ne(code, 0)
        assumptions.append(
            Assumption("nested tables have no protection keys: role.cr4_pke is 0", negate(flag(walk, "cr4_pke")))
        )
    cause = FaultCause(not_present=FALSE, reserved=FALSE, rights=by_rights, key=by_key)

    def expected(beside_other: Bool) -> Bool:
        # permission_fault() gives the part of the code that says why; the walker adds what the access was.
        flag_set = page_fault.protection_key_flag(cause, key_flag_beside_other_cause=beside_other)
        return implies(page_fault.faults(cause), iff(has(code, key), flag_set))

    fault = page_fault.faults(cause)
    wrong_present = all_of(fault, ne(code, 0), negate(has(code, present)))
    # Whether a key's flag stands beside another cause is open, so either is right.
    wrong_key = negate(PK_BESIDE_OTHER.either(expected))
    other = ne(code & ~(present | key), 0)
    without_fault = all_of(negate(fault), ne(code, 0))
    lost = all_of(fault, eq(code, 0))
    yield never(
        given(
            *assumptions,
            shown=(*_shown(walk, inputs, result), Shown("error code", zext(code, 32), relations.pferr_flags(kvm))),
            evidence=result.evidence,
        ),
        Wrong("present-flag", wrong_present, "A fault on a present entry is reported without P.").told(
            "P is 0", "SDM 4.7: P is 1 for a protection fault"
        ),
        Wrong("key-flag", wrong_key, "PK does not say whether the protection key denied the access.").told(
            "PK is wrong", "SDM 4.7: PK is 1 if the key denied the access, else 0"
        ),
        Wrong("other-flags", other, "The code has a flag that permission_fault() must not set.").told(
            "a flag besides P and PK", "SDM 4.7: the fault has no such cause"
        ),
        Wrong("code-without-fault", without_fault, "An access that does not fault has an error code.").told(
            "an error code", "SDM 5.6: no fault"
        ),
        Wrong("fault-without-code", lost, "An access that faults has no error code.").told(
            "no error code", "SDM 5.6: a fault"
        ),
        choices=(PK_BESIDE_OTHER,),
    )
    yield _flags_claim(kvm)


_FLAGS = (
    ("PRESENT", page_fault.PRESENT_FLAG),
    ("WRITE", page_fault.WRITE_FLAG),
    ("USER", page_fault.USER_FLAG),
    ("RSVD", page_fault.RESERVED_FLAG),
    ("FETCH", page_fault.INSTRUCTION_FLAG),
    ("PK", page_fault.PROTECTION_KEY_FLAG),
)


def _flags_claim(kvm: Kvm) -> Claim:
    """The masks by which accesses and faults are told are the hardware's flags; KVM's own is none of them."""
    masks = [(f"PFERR_{name}_MASK", kvm.constant(f"PFERR_{name}_MASK"), flag) for name, flag in _FLAGS]
    symptoms = [
        Wrong("flag-misplaced", boolean(mask != 1 << number), f"{name} is not the error code's bit {number}.").told(
            f"{name} is {mask:#x}", f"SDM 4.7: bit {number}"
        )
        for name, mask, number in masks
    ]
    implicit = kvm.constant("PFERR_IMPLICIT_ACCESS")
    symptoms.append(
        Wrong(
            "synthetic-flag",
            boolean(implicit.bit_count() != 1 or implicit < 1 << page_fault.ERROR_CODE_WIDTH),
            "PFERR_IMPLICIT_ACCESS is not one bit outside what the hardware pushes.",
        ).told(f"PFERR_IMPLICIT_ACCESS is {implicit:#x}", "SDM 4.7: an error code has 32 bits")
    )
    shown = tuple(Shown(name, bv(mask, 64)) for name, mask, _ in masks)
    return never(given(shown=shown, part="flags"), *symptoms)


THEOREMS = (
    Theorem(
        name="permission.paging",
        claim="An access to a linear address faults exactly when IA-32e paging's access rights deny it: CR0.WP, "
        "SMEP, SMAP with EFLAGS.AC and implicit accesses, EFER.NXE.",
        source="SDM 5.6.1, APM 5.6",
        assumes=_ASSUMES,
        vendors=(Vendor.SHADOW,),
        state=alone(_paging),
        catches=(
            Catch("user-access-ignores-u", "user-read-allowed"),
            Catch("nx-ignored", "user-fetch-allowed"),
            Catch("smep-ignored", "supervisor-fetch-allowed"),
            Catch("wp-ignored", "supervisor-write-allowed"),
            Catch("implicit-escapes-smap", "implicit-read-allowed"),
            Catch("fetch-index-not-halved", "undefined-behaviour"),
            Catch("pkru-mask-left-over", "user-read-denied"),
            Catch("permissions-read-root-role", "user-fetch-allowed"),
        ),
    ),
    Theorem(
        name="permission.pkeys",
        claim="For every PKRU and protection key, an access faults exactly when rights or key deny it.",
        source="SDM 5.6.2",
        assumes=(*_ASSUMES, "CR4.PKE counts only with EFER.LMA: kvm_calc_cpu_role() computes it so"),
        vendors=(Vendor.SHADOW,),
        state=alone(_pkeys),
        catches=(
            *showing(
                "rights-ignored",
                "user-access-ignores-u",
                "nx-ignored",
                "smep-ignored",
                "wp-ignored",
                "implicit-escapes-smap",
            ),
            Catch("fetch-index-not-halved", "undefined-behaviour"),
            Catch("pkey-write-ignores-wp", "key-ignored"),
            *showing("key-invented", "pkru-mask-left-over", "permissions-read-root-role"),
        ),
    ),
    Theorem(
        name="permission.error-code",
        claim="The error code that permission_fault() returns is P for a fault, with PK exactly if the "
        "protection key denied the access, and 0 without a fault; the PFERR_* masks are the hardware's flags.",
        source="SDM 4.7, 5.6.2",
        assumes=(*_ASSUMES, "EPT and nested page tables have no protection keys"),
        state=several(_error_code),
        catches=(
            *showing(
                "fault-without-code",
                "user-access-ignores-u",
                "nx-ignored",
                "smep-ignored",
                "wp-ignored",
                "implicit-escapes-smap",
            ),
            Catch("fetch-index-not-halved", "undefined-behaviour"),
            Catch("pk-flag-lost", "key-flag"),
            Catch("pk-flag-at-ss", "flag-misplaced"),
            *showing("key-flag", "pkey-write-ignores-wp", "pkru-mask-left-over"),
            Catch("permissions-read-root-role", "code-without-fault"),
        ),
    ),
)
