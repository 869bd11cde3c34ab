"""What L1's EPT and nested page tables allow L2: KVM's permission bitmask against the manuals."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GuestWalk, NestedSetUp, WalkKind
from mmuproof.proofs.claims import Wrong, always, given, never
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.nested_set_up import asked_for, new_role
from mmuproof.proofs.given.relations import AccessKind, AccessOf, FaultInputs, flag
from mmuproof.proofs.permission.judged import CPL, ept_judged, npt_allows, npt_judged
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, alone, showing
from mmuproof.smt.graph import substitute
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, TRUE, Bool, all_of, bit, eq, iff, implies, ne, negate, var
from mmuproof.spec.open_choices import GMET_WITHOUT_NXE

_EFER_NXE = 11
_ACCESS_ASSUMPTIONS = (
    "the error code's low half has only P, W, U and F: every caller of permission_fault() passes no other",
    "no access both writes and fetches: an instruction fetch writes nothing",
    "pte_access has no bit outside ACC_ALL: it comes from gpte_access()",
)


def _ept_kinds(inputs: FaultInputs, mbec: bool) -> tuple[AccessKind, ...]:
    data = all_of(negate(inputs.write), negate(inputs.fetch))
    if mbec:
        fetches: tuple[AccessKind, ...] = (
            AccessOf("user-fetch", all_of(inputs.fetch, inputs.user), "A user-mode fetch").by_rule(
                "XU is clear", "XU is set"
            ),
            AccessOf("supervisor-fetch", all_of(inputs.fetch, negate(inputs.user)), "A supervisor-mode fetch").by_rule(
                "XS is clear", "XS is set"
            ),
        )
    else:
        fetches = (AccessOf("fetch", inputs.fetch, "A fetch").by_rule("X is clear", "X is set"),)
    return (
        *fetches,
        AccessOf("write", inputs.write, "A data write").by_rule("W is clear", "W is set"),
        AccessOf("read", data, "A data read").by_rule("R is clear", "R is set"),
    )


def _ept_claim(
    kvm: Kvm, walk: GuestWalk, mbec: Bool, extra: Sequence[Assumption], shown: Sequence[Shown], *, modes: bool
) -> Claim:
    """EPT's judgement of an access through ``walk``; ``modes`` tells user- from supervisor-mode fetches."""
    judged = ept_judged(kvm, walk, mbec)
    inputs, fault, allowed = judged.inputs, judged.fault, judged.allowed
    return always(
        iff(fault, negate(allowed)),
        given(*inputs.assumptions, *extra, shown=(*shown, *inputs.shown), evidence=judged.evidence),
        *relations.judgement_symptoms(fault, allowed, _ept_kinds(inputs, modes), "SDM 31.3.3.2"),
    )


def _ept(kvm: Kvm, _vendor: Vendor) -> Claim:
    walk = kvm.walks.guest_walk(WalkKind.NESTED_EPT)
    extra: list[Assumption] = []
    if relations.has_mbec(kvm):
        extra.append(Assumption("MBEC is off: role.cr4_smep of a nested EPT is 0", negate(flag(walk, "cr4_smep"))))
    return _ept_claim(kvm, walk, FALSE, extra, relations.role_shown(walk, "cr4_smep"), modes=False)


def _ept_mbec(kvm: Kvm, _vendor: Vendor) -> Claim:
    if not relations.has_mbec(kvm):
        raise NotThere(["ACC_USER_EXEC_MASK"])
    walk = kvm.walks.guest_walk(WalkKind.NESTED_EPT)
    extra = [Assumption("MBEC is on: role.cr4_smep of a nested EPT", flag(walk, "cr4_smep"))]
    return _ept_claim(kvm, walk, TRUE, extra, relations.role_shown(walk, "cr4_smep"), modes=True)


def _npt_claim(
    kvm: Kvm, walk: GuestWalk, gmet: Bool, no_execute_enabled: Bool, extra: Sequence[Assumption], shown: Sequence[Shown]
) -> Claim:
    """Nested paging's judgement of an access through ``walk``."""
    judged, cpl = npt_judged(kvm, walk, gmet, no_execute_enabled), CPL
    inputs, fault = judged.inputs, judged.fault

    def allowed(void_without_nxe: Bool) -> Bool:
        return npt_allows(kvm, inputs, gmet, no_execute_enabled, void_without_nxe)

    # The manual leaves GMET without EFER.NXE open, so either reading is right.
    right = GMET_WITHOUT_NXE.either(lambda void: iff(fault, negate(allowed(void))))
    user, supervisor, data = inputs.user, negate(inputs.user), negate(inputs.fetch)
    kinds = (
        AccessOf("read", all_of(data, negate(inputs.write)), "A data read").by_rule(
            "U is clear and GMET is off", "GMET is on or U is set"
        ),
        AccessOf("write", all_of(data, inputs.write), "A data write").by_rule(
            "R/W is clear, or U without GMET", "R/W is set, and U or GMET"
        ),
        AccessOf("user-fetch", all_of(inputs.fetch, user), "A fetch at CPL 3").by_rule(
            "NX is set, or U is clear without GMET", "NX is clear, and U is set or GMET is on"
        ),
        AccessOf("supervisor-fetch", all_of(inputs.fetch, supervisor), "A fetch at CPL 0 to 2").by_rule(
            "U or NX is set", "neither U nor NX forbids it"
        ),
    )
    return always(
        right,
        given(
            *inputs.assumptions,
            *relations.mapped_pages_are_readable(kvm, inputs.pte_access),
            *extra,
            Assumption("with GMET, PFERR_USER_MASK says whether CPL is 3", implies(gmet, iff(user, eq(cpl, 3)))),
            Assumption(
                "without GMET, a nested access is a user access: PFERR_USER_MASK is set", implies(negate(gmet), user)
            ),
            shown=(*shown, *inputs.shown, Shown("CPL", cpl)),
            evidence=judged.evidence,
        ),
        *relations.judgement_symptoms(fault, judged.allowed, kinds, "APM 15.25"),
        choices=(GMET_WITHOUT_NXE,),
    )


def _npt_role(kvm: Kvm, gmet: Bool, extra: Sequence[Assumption]) -> Claim:
    walk = kvm.walks.guest_walk(WalkKind.NESTED_NPT)
    return _npt_claim(
        kvm,
        walk,
        gmet,
        flag(walk, "efer_nx"),
        (
            relations.paging_on(walk),
            *extra,
            Assumption("nested tables have no protection keys: role.cr4_pke is 0", negate(flag(walk, "cr4_pke"))),
        ),
        relations.role_shown(walk, "cr4_smep", "cr0_wp", "cr4_smap", "efer_nx"),
    )


def _npt(kvm: Kvm, _vendor: Vendor) -> Claim:
    walk = kvm.walks.guest_walk(WalkKind.NESTED_NPT)
    extra: list[Assumption] = []
    if kvm.has(Feature.GMET):
        extra.append(Assumption("GMET is off: role.cr4_smep of a nested NPT is 0", negate(flag(walk, "cr4_smep"))))
    return _npt_role(kvm, FALSE, extra)


def _npt_gmet(kvm: Kvm, _vendor: Vendor) -> Claim:
    if not kvm.has(Feature.GMET):
        raise NotThere(["GMET: update_permission_bitmask(tdp)"])
    walk = kvm.walks.guest_walk(WalkKind.NESTED_NPT)
    return _npt_role(
        kvm,
        TRUE,
        [
            Assumption("GMET is on: role.cr4_smep of a nested NPT", flag(walk, "cr4_smep")),
            Assumption("kvm_init_shadow_npt_mmu() sets CR0.WP in the role", flag(walk, "cr0_wp")),
            Assumption("kvm_init_shadow_npt_mmu() leaves CR4.SMAP out of the role", negate(flag(walk, "cr4_smap"))),
        ],
    )


def _set_up(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    controls = asked_for()
    if vendor is Vendor.INTEL:
        done = kvm.walks.nested_set_up(WalkKind.NESTED_EPT, controls)
        mbec = controls.mbec if relations.has_mbec(kvm) else FALSE
        return [
            _ept_claim(
                kvm,
                done.walk,
                mbec,
                [new_role(done)],
                [Shown("MBEC for L2", controls.mbec)] if relations.has_mbec(kvm) else [],
                modes=relations.has_mbec(kvm),
            ),
            _role_claim(done),
        ]
    done = kvm.walks.nested_set_up(WalkKind.NESTED_NPT, controls)
    gmet = controls.gmet if kvm.has(Feature.GMET) else FALSE
    return [
        _npt_claim(
            kvm,
            done.walk,
            gmet,
            bit(controls.efer, _EFER_NXE),
            [new_role(done)],
            [Shown("GMET for L2", gmet), Shown("L1's CR4", controls.cr4), Shown("L1's EFER", controls.efer)],
        ),
        _role_claim(done),
    ]


def _role_claim(done: NestedSetUp) -> Claim:
    """What is asked for decides the role: without this, an MMU might wrongly keep the one that it had."""
    earlier = var("another earlier role", done.earlier_role.width)
    other = substitute(done.walk.role, {done.earlier_role: earlier})
    kept = ne(done.walk.role, other)
    return never(
        given(
            shown=(
                Shown("earlier role", done.earlier_role, kind=NumberKind.ROLE),
                Shown("another earlier role", earlier, kind=NumberKind.ROLE),
                Shown("role", done.walk.role, kind=NumberKind.ROLE),
                Shown("role after the other", other, kind=NumberKind.ROLE),
            ),
            evidence=done.walk.evidence,
            part="role",
        ),
        Wrong("earlier-role-kept", kept, "The role after the set-up depends on the role before it.").told(
            "another role", "KVM: the role is made of what L1 asks for"
        ),
    )


THEOREMS = (
    Theorem(
        name="permission.ept",
        claim="With MBEC off, an access by L2 faults exactly when L1's EPT denies it, and XU has no effect.",
        source="SDM 31.3.3.2",
        assumes=(
            *_ACCESS_ASSUMPTIONS,
            "MBEC is off in the role: kvm_init_shadow_ept_mmu() sets cr4_smep from vmcs12's control",
        ),
        vendors=(Vendor.INTEL,),
        state=alone(_ept),
        catches=(
            Catch("ept-xu-without-mbec", "fetch-allowed"),
            Catch("exec-only-fetch-needs-read", "fetch-denied"),
            Catch("ept-read-ignored", "read-allowed"),
            Catch("fetch-index-not-halved", "undefined-behaviour"),
        ),
    ),
    Theorem(
        name="permission.ept-mbec",
        claim="With MBEC on, a fetch needs XS for a supervisor-mode linear address and XU for a user-mode one; "
        "reads and writes are as without.",
        source="SDM 31.3.3.2",
        assumes=(
            *_ACCESS_ASSUMPTIONS,
            "PFERR_USER_MASK says that the linear address is user-mode: "
            "vmx_translate_nested_gpa() and the EPT-violation handler set it so",
        ),
        vendors=(Vendor.INTEL,),
        needs=(Need(Feature.MBEC),),
        state=alone(_ept_mbec),
        catches=(
            Catch("mbec-ignores-xu", "user-fetch-allowed"),
            Catch("exec-only-fetch-needs-read", "user-fetch-denied"),
            Catch("ept-read-ignored", "read-allowed"),
            Catch("fetch-index-not-halved", "undefined-behaviour"),
        ),
    ),
    Theorem(
        name="permission.npt",
        claim="Without GMET, an access by L2 faults exactly when L1's nested page tables deny it to a user "
        "access, the processor's own accesses to guest page tables included.",
        source="APM 15.25",
        assumes=(
            *_ACCESS_ASSUMPTIONS,
            "nested accesses are user accesses: svm_translate_nested_gpa() and hardware set PFERR_USER_MASK",
            "the entry is present, so ACC_READ_MASK is set",
        ),
        vendors=(Vendor.AMD,),
        state=alone(_npt),
        catches=(
            Catch("user-access-ignores-u", "read-allowed"),
            Catch("nx-ignored", "user-fetch-allowed"),
            Catch("fetch-index-not-halved", "undefined-behaviour"),
            Catch("pkru-mask-left-over", "read-denied"),
        ),
    ),
    Theorem(
        name="permission.npt-gmet",
        claim="With GMET, U does not restrict data, and a fetch faults exactly if NX is set, or U is set and CPL "
        "is below 3.",
        source="APM 15.25.13, Table 15-21",
        assumes=(
            *_ACCESS_ASSUMPTIONS,
            "PFERR_USER_MASK says that CPL is 3: svm_translate_nested_gpa() and the #NPF handler set it so",
            "CR0.WP is set and CR4.SMAP clear in the role: kvm_init_shadow_npt_mmu() computes it so",
            "the entry is present, so ACC_READ_MASK is set",
        ),
        vendors=(Vendor.AMD,),
        needs=(Need(Feature.GMET),),
        state=alone(_npt_gmet),
        catches=(
            Catch("nx-ignored", "user-fetch-allowed"),
            Catch("smep-ignored", "supervisor-fetch-allowed"),
            Catch("wp-ignored", "write-allowed"),
            Catch("gmet-u-restricts-data", "read-denied"),
            Catch("fetch-index-not-halved", "undefined-behaviour"),
            Catch("pkru-mask-left-over", "read-denied"),
        ),
    ),
    Theorem(
        name="permission.nested-set-up",
        claim="A nested MMU that KVM has set up for L2 judges accesses by L1's tables and by what L1 asked for: "
        "MBEC; or GMET and EFER.NXE.  Its role does not depend on the one that it had before.",
        source="SDM 31.3.3.2; APM 15.25, 15.25.13",
        assumes=(
            *_ACCESS_ASSUMPTIONS,
            "the MMU had another role before, or none that was valid: with the same, KVM leaves it as it is",
            "PFERR_USER_MASK says that the linear address is user-mode, or that CPL is 3",
        ),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=_set_up,
        catches=(
            *showing("user-fetch-allowed", "mbec-ignores-xu", "ept-xu-without-mbec"),
            Catch("exec-only-fetch-needs-read", "user-fetch-denied"),
            *showing("read-allowed", "ept-read-ignored", "user-access-ignores-u"),
            Catch("nx-ignored", "user-fetch-allowed"),
            Catch("smep-ignored", "supervisor-fetch-allowed"),
            Catch("wp-ignored", "write-allowed"),
            Catch("gmet-u-restricts-data", "read-denied"),
            Catch("fetch-index-not-halved", "undefined-behaviour"),
            Catch("pkru-mask-left-over", "read-denied"),
            Catch("mbec-left-out-of-role", "user-fetch-allowed"),
            Catch("nested-npt-without-wp", "write-allowed"),
            Catch("nested-ept-as-paging", "user-fetch-allowed"),
            Catch("nested-ept-role-kept", "earlier-role-kept"),
        ),
    ),
)
