"""Execute-only pages of L1's EPT: fetched from, never read, and misconfigured where they are not supported."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GpteFormat, GuestWalk, NestedControls, WalkKind
from mmuproof.proofs.claims import Wrong, always, given, never
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.made_spte import made_spte, untracked_from_start
from mmuproof.proofs.given.nested_set_up import asked_for, new_role
from mmuproof.proofs.given.relations import flag
from mmuproof.proofs.spte.tracking import UNTRACKED, untracked
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, eq, extract, ne, negate, var
from mmuproof.spec import ept
from mmuproof.spec.ept import EptPermissions

_WRITE_BACK = 6


def _only_executable(own: EptPermissions, *, user: bool, what: str) -> Assumption:
    """Execution is granted in one mode, and neither reads nor writes are."""
    granted = own.user_execute if user else own.execute
    rest = [negate(own.read), negate(own.write)] + ([negate(own.execute)] if user else [])
    return Assumption(f"{what}: {'only XU' if user else 'X without R and W'}", all_of(granted, *rest))


def _modes(kvm: Kvm) -> tuple[bool, ...]:
    return (False, True) if relations.has_mbec(kvm) else (False,)


def _fetch(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    walk = kvm.walks.guest_walk(WalkKind.NESTED_EPT)
    inputs = relations.fault_inputs(kvm, ept=True)
    for user in _modes(kvm):
        gpte = var("gpte", 64)
        acc = kvm.walks.gpte_access(GpteFormat.EPT, gpte)
        result = kvm.walks.permission_fault(walk, acc, inputs.pte_pkey, inputs.access)
        fault = ne(result.error_code, 0)
        own = inputs.assumptions[:2]
        mode: list[Assumption] = [Assumption("the access is a fetch", inputs.fetch)]
        if user:
            mode.append(
                Assumption("MBEC is on and the address is user-mode", all_of(flag(walk, "cr4_smep"), inputs.user))
            )
        elif relations.has_mbec(kvm):
            mode.append(
                Assumption(
                    "MBEC is off, or the address is supervisor-mode",
                    negate(all_of(flag(walk, "cr4_smep"), inputs.user)),
                )
            )
        else:
            mode.append(Assumption("the access is no read as well: PFERR_USER_MASK is clear", negate(inputs.user)))
        yield never(
            given(
                *own,
                *mode,
                _only_executable(ept.permissions_of(gpte), user=user, what="the entry is execute-only"),
                shown=(
                    *relations.role_shown(walk, "cr4_smep"),
                    inputs.shown[0],
                    Shown("gpte", gpte, kind=NumberKind.GUEST_ENTRY),
                ),
                evidence=result.evidence,
                part="XU only" if user else "X without R",
            ),
            Wrong("fetch-denied", fault, "A fetch from an execute-only page is denied.").told(
                "a fault", "SDM 31.3.3.2: a fetch needs no read permission"
            ),
        )


def _read(kvm: Kvm, _vendor: Vendor) -> Claim:
    walk = kvm.walks.guest_walk(WalkKind.NESTED_EPT)
    inputs = relations.fault_inputs(kvm, ept=True)
    gpte = var("gpte", 64)
    acc = kvm.walks.gpte_access(GpteFormat.EPT, gpte)
    result = kvm.walks.permission_fault(walk, acc, inputs.pte_pkey, inputs.access)
    fault = ne(result.error_code, 0)
    reads = relations.ept_access(kvm, inputs).read
    own = ept.permissions_of(gpte)
    executable = any_of(own.execute, own.user_execute) if relations.has_mbec(kvm) else own.execute
    return never(
        given(
            *inputs.assumptions[:2],
            Assumption("the access is a data read", reads),
            Assumption(
                "the entry is execute-only: X or XU is set and R is clear", all_of(executable, negate(own.read))
            ),
            shown=(
                *relations.role_shown(walk, "cr4_smep"),
                inputs.shown[0],
                Shown("gpte", gpte, kind=NumberKind.GUEST_ENTRY),
            ),
            evidence=result.evidence,
        ),
        Wrong("read-allowed", negate(fault), "A data read from an execute-only page is allowed.").told(
            "no fault", "SDM 31.3.3.2: a data read needs R in every entry"
        ),
    )


def _spte(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    for user in _modes(kvm):
        inputs = made_spte(kvm, masks)
        access = relations.ept_permissions(kvm, inputs.request.pte_access)
        made = kvm.sptes.make_spte(masks, inputs.request)
        own = ept.permissions_of(made.spte)
        granted = own.user_execute if user else own.execute
        gained = any_of(own.read, own.write)
        assumptions = [
            *inputs.assumptions,
            _only_executable(access, user=user, what="the access is execute-only"),
            Assumption(
                "the page is small, or the iTLB-multihit mitigation is off",
                any_of(eq(inputs.request.level, 1), negate(made.nx_huge_pages)),
            ),
            untracked_from_start(inputs),
        ]
        if not relations.reads_have_a_bit(kvm):
            assumptions.append(Assumption("the host supports execute-only translations", masks.host.has_exec_only))
        yield always(
            all_of(granted, negate(gained)),
            given(
                *assumptions,
                shown=(*inputs.shown, Shown("spte", made.spte, kind=NumberKind.SPTE)),
                evidence=made.evidence,
                part="XU only" if user else "X without R",
            ),
            Wrong("spte-readable", gained, "The SPTE of an execute-only page can be read or written.").told(
                "R or W is set", "SDM 31.3.3.2: L1 granted neither"
            ),
            Wrong("spte-not-executable", negate(granted), "The SPTE of an execute-only page cannot be executed.").told(
                "X is clear", "L1 granted execution"
            ),
        )


def _tracked(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    masks, spte = kvm.masks.shadow_masks(vendor), var("spte", 64)
    tracked = kvm.sptes.access_track(masks, spte)
    for user in _modes(kvm):
        restored = ept.permissions_of(tracked.restored)
        gained = any_of(restored.read, restored.write)
        kept = restored.user_execute if user else restored.execute
        yield always(
            all_of(kept, negate(gained)),
            given(
                *untracked(kvm, masks, spte),
                _only_executable(ept.permissions_of(spte), user=user, what="the SPTE is execute-only"),
                shown=(
                    Shown("spte", spte, kind=NumberKind.SPTE),
                    Shown("marked", tracked.marked, kind=NumberKind.SPTE),
                    Shown("restored", tracked.restored, kind=NumberKind.SPTE),
                ),
                evidence=tracked.evidence,
                part="XU only" if user else "X without R",
            ),
            Wrong("readable-after-tracking", gained, "Access tracking makes an execute-only SPTE readable.").told(
                "R or W is set after restoring", "SDM 31.3.3.2: L1 granted neither"
            ),
            Wrong(
                "not-executable-after-tracking",
                negate(kept),
                "Access tracking loses the execute permission of an execute-only SPTE.",
            ).told("X is clear after restoring", "L1 granted execution"),
        )


def _misconfig(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    walk = kvm.walks.guest_walk(WalkKind.NESTED_EPT)
    gpte, controls = var("gpte", 64), asked_for()
    done = kvm.walks.nested_set_up(WalkKind.NESTED_EPT, controls)
    by_role: Bool = flag(walk, "cr4_smep") if relations.has_mbec(kvm) else FALSE
    by_l1: Bool = controls.mbec if relations.has_mbec(kvm) else FALSE
    yield _misconfig_claim(kvm.walks.is_bad_mt_xwr(gpte, controls.execonly), gpte, by_role, controls, walk, ())
    yield _misconfig_claim(
        kvm.walks.has_bad_mt_xwr(done.walk, gpte),
        gpte,
        by_l1,
        controls,
        done.walk,
        (new_role(done),),
        part="after the set-up",
    )


def _misconfig_claim(
    rejected: Bool,
    gpte: BitVec,
    mbec: Bool,
    controls: NestedControls,
    walk: GuestWalk,
    extra: tuple[Assumption, ...],
    part: str = "",
) -> Claim:
    wrong = ept.misconfigured_permissions(
        gpte, mbec=mbec, execute_only=controls.execonly, paging_write_control=FALSE, maps_page=True
    )
    missed, invented = all_of(wrong, negate(rejected)), all_of(rejected, negate(wrong))
    return never(
        given(
            Assumption("the entry is present: the walk stops at others", ept.present(gpte, mbec=mbec)),
            Assumption(
                "the entry's memory type is write-back; entry.misconfig speaks of the others",
                eq(extract(gpte, 5, 3), _WRITE_BACK),
            ),
            *extra,
            shown=(
                Shown("MBEC", mbec),
                Shown("execute-only support", controls.execonly),
                Shown("gpte", gpte, kind=NumberKind.GUEST_ENTRY),
            ),
            evidence=walk.evidence,
            part=part,
        ),
        *relations.misconfiguration_symptoms(missed, invented),
    )


THEOREMS = (
    Theorem(
        name="exec-only.fetch",
        claim="A fetch from a page that L1's EPT makes execute-only (X, or with MBEC XU, and not R) is allowed, "
        "by hardware and by emulation alike.",
        source="SDM 31.3.3.2",
        assumes=(
            "the error code's low half has only P, W, U and F",
            "no access both writes and fetches",
            "the tree's own error code for the fetch: a fetch need not be marked as a read",
        ),
        vendors=(Vendor.INTEL,),
        state=several(_fetch),
        catches=(
            *showing("fetch-denied", "mbec-ignores-xu", "ept-xu-without-mbec", "exec-only-fetch-needs-read"),
            Catch("fetch-index-not-halved", "undefined-behaviour"),
        ),
    ),
    Theorem(
        name="exec-only.read",
        claim="A data read from a page that L1's EPT makes execute-only is denied.",
        source="SDM 31.3.3.2",
        assumes=("the error code's low half has only P, W, U and F", "no access both writes and fetches"),
        vendors=(Vendor.INTEL,),
        state=alone(_read),
        catches=showing("read-allowed", "ept-read-ignored", "fetch-index-not-halved"),
    ),
    Theorem(
        name="exec-only.spte",
        claim="The SPTE of an execute-only page has R=0 and the granted X.",
        source="SDM 31.3.3.2",
        assumes=(
            "the SPTE is not prefetched without A/D bits: it is access-tracked then",
            "the page is small or the iTLB-multihit mitigation is off",
            "trees that cannot express a missing read permission: the host supports execute-only translations",
        ),
        vendors=(Vendor.INTEL,),
        state=several(_spte),
        catches=(
            Catch("exec-and-user-exec-swapped", "spte-not-executable"),
            Catch("make-spte-always-readable", "spte-readable"),
            Catch("mark-with-ad-bits-takes-all", "spte-not-executable"),
        ),
    ),
    Theorem(
        name="exec-only.tracking",
        claim="An execute-only SPTE that is marked for access tracking and restored is still execute-only.",
        source="SDM 31.3.3.2; KVM's comment at mark_spte_for_access_track()",
        assumes=UNTRACKED,
        vendors=(Vendor.INTEL,),
        state=several(_tracked),
        catches=(
            Catch("track-saves-no-xu", "not-executable-after-tracking"),
            Catch("restore-shift-off-by-one", "readable-after-tracking"),
        ),
    ),
    Theorem(
        name="exec-only.misconfig",
        claim="Without execute-only support, an entry that grants execution (X, or with MBEC XU) and no reads is "
        "a misconfiguration; with support it is none.",
        source="SDM 31.3.3.1",
        assumes=("the entry is present: the walk stops at others", "the entry's memory type is write-back"),
        vendors=(Vendor.INTEL,),
        state=several(_misconfig),
        catches=showing("misconfiguration-missed", "misconfig-ignores-xu", "set-up-accepts-execute-only"),
    ),
)
