"""Execution: huge pages under the iTLB-multihit mitigation, and the direct MMU's one bit for two modes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.spte_changes import FastFault, SplitRequest, SpteAt
from mmuproof.model.sptes import SpteRequest
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, always, given, never
from mmuproof.proofs.given import hardware_spte, relations
from mmuproof.proofs.given.done import Done, How
from mmuproof.proofs.given.hardware_spte import AnyAccess, allowed, any_access, executable, with_saved
from mmuproof.proofs.given.held_spte import any_fault, held_leaf, slots_are_clear, use_is_known
from mmuproof.proofs.given.lifecycle_invariant import is_present
from mmuproof.proofs.given.operations import LEAVING_PAGES, for_all
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bv, eq, iff, ite, ne, negate, resize
from mmuproof.spec import ept
from mmuproof.spec.access import Access
from mmuproof.spec.errata import ITLB_MULTIHIT

_MITIGATION = "KVM: with the iTLB-multihit mitigation no huge page is executable"


# -- spte.nx-huge --------------------------------------------------------------------------------------------


def _mitigated(kvm: Kvm, masks: ShadowMasks) -> Assumption:
    return Assumption("the iTLB-multihit mitigation is on", kvm.spte_changes.is_nx_huge_page_enabled(masks))


def _not_executable(kvm: Kvm, masks: ShadowMasks, done: Done) -> Claim:
    """A huge SPTE lets nothing be executed, neither now nor when saved permissions come back."""
    spte, vendor = done.after.spte, masks.vendor
    can = all_of(ITLB_MULTIHIT.present, executable(vendor, with_saved(kvm, vendor, spte)))
    slots = () if done.before is None else slots_are_clear(kvm, masks, done.before)
    huge = () if done.before is not None else (Assumption("the page is huge", ne(done.after.level, 1)),)
    return never(
        done.case(*huge, _mitigated(kvm, masks), of_before=slots, shown=(Shown("huge spte", spte),)),
        Wrong("huge-executable", can, "A huge SPTE is executable under the iTLB-multihit mitigation.").told(
            "the hardware executes through it", _MITIGATION
        ),
    )


def _permission_rows(kvm: Kvm, vendor: Vendor, spte: BitVec, access: BitVec) -> list[tuple[str, Bool, Bool]]:
    """Each kind of execution that an SPTE grants, once restored, and that an access grants."""
    spte, acc = with_saved(kvm, vendor, spte), resize(access, 32)
    if vendor is not Vendor.INTEL:
        return [("execute", executable(vendor, spte), has(acc, kvm.constant("ACC_EXEC_MASK")))]
    got, want = ept.permissions_of(spte), relations.ept_permissions(kvm, acc)
    rows = [("execute", got.execute, want.execute)]
    if relations.has_mbec(kvm):
        rows.append(("user-execute", got.user_execute, want.user_execute))
    return rows


def _split(kvm: Kvm, masks: ShadowMasks, done: Done, request: SplitRequest) -> Claim:
    """A small SPTE is as executable as its page's role, and a huge one not at all."""
    vendor, spte = masks.vendor, done.after.spte
    smallest = eq(request.level, 1)
    rows = _permission_rows(kvm, vendor, spte, request.access)
    still_huge = all_of(negate(smallest), executable(vendor, with_saved(kvm, vendor, spte)))
    not_executable = Assumption(
        "the huge SPTE is not executable, as the other parts show: switching the mitigation on zaps all others",
        negate(executable(vendor, with_saved(kvm, vendor, request.huge_spte))),
    )
    return never(
        done.case(
            _mitigated(kvm, masks),
            not_executable,
            of_before=slots_are_clear(kvm, masks, done.held),
            shown=(Shown("small spte", spte),),
        ),
        Wrong(
            "huge-executable",
            still_huge,
            "Splitting makes a huge SPTE that is executable under the iTLB-multihit mitigation.",
        ).told("the hardware executes through it", _MITIGATION),
        *(
            Wrong(
                f"{name}-gained",
                all_of(smallest, got, negate(want)),
                "A small SPTE lets more be executed than its page's role.",
            ).told(f"{name} is granted", "role.access does not have it")
            for name, got, want in rows
        ),
        *(
            Wrong(
                f"{name}-lost",
                all_of(smallest, want, negate(got)),
                "Splitting does not give back the execution that the mitigation took.",
            ).told(f"{name} is not granted", "role.access has it")
            for name, got, want in rows
        ),
    )


def _no_execution_gained(kvm: Kvm, masks: ShadowMasks, done: Done) -> Claim:
    """What may be executed is given back by splitting alone, and never in place."""
    if isinstance(done.asked, SplitRequest):
        return _split(kvm, masks, done, done.asked)
    had, has_now = (_execution(kvm, masks.vendor, at.spte) for at in (done.held, done.after))
    more = any_of(*(all_of(now, negate(before)) for before, now in zip(had, has_now, strict=True)))
    return never(
        done.case(of_before=slots_are_clear(kvm, masks, done.held)),
        Wrong(
            "execution-gained",
            all_of(is_present(kvm, done.after.spte), more),
            "An operation on an SPTE makes it executable.",
        ).told("the hardware executes through it", "nothing grants execution in place"),
    )


def _execution(kvm: Kvm, vendor: Vendor, spte: BitVec) -> tuple[Bool, Bool]:
    """Execution in the two modes, once restored."""
    spte = with_saved(kvm, vendor, spte)
    if vendor is Vendor.INTEL:
        own = ept.permissions_of(spte)
        return own.execute, own.user_execute
    return executable(vendor, spte), FALSE


def _nx_huge(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    making_huge = frozenset((How.MAKES, How.COLLAPSES))
    yield from for_all(kvm, masks, partial(_not_executable, kvm, masks), making_huge)
    yield from for_all(kvm, masks, partial(_no_execution_gained, kvm, masks), LEAVING_PAGES - making_huge)


# -- spte.direct-execution -----------------------------------------------------------------------------------


def _alike(kvm: Kvm, masks: ShadowMasks, spte: BitVec) -> Bool:
    """XS and XU say the same, in their places or saved."""
    if masks.vendor is not Vendor.INTEL or not relations.has_mbec(kvm):
        return TRUE
    slots = spte & hardware_spte.saved_slots(kvm)
    shift = kvm.constant("SHADOW_ACC_TRACK_SAVED_BITS_SHIFT")
    own, saved = ept.permissions_of(spte), ept.permissions_of(slots >> shift)
    return all_of(iff(own.execute, own.user_execute), iff(saved.execute, saved.user_execute))


def _as_in_direct_mmus(kvm: Kvm, masks: ShadowMasks, spte: BitVec) -> tuple[Assumption, ...]:
    if masks.vendor is not Vendor.INTEL or not relations.has_mbec(kvm):
        return ()
    return (Assumption("XS and XU are equal, as the SPTEs of direct MMUs have them", _alike(kvm, masks, spte)),)


def _predicate(kvm: Kvm, masks: ShadowMasks) -> Claim:
    """is_executable_pte() against the hardware, for both modes."""
    vendor = masks.vendor
    held, access = held_leaf(kvm, masks), any_access(kvm, vendor)
    yes = kvm.spte_changes.is_executable_pte(masks, held.at.spte)
    by_hardware = allowed(vendor, held.at.spte, access)
    wrong_yes, wrong_no = all_of(yes, negate(by_hardware)), all_of(by_hardware, negate(yes))
    return never(
        given(
            *held.assumptions,
            *_as_in_direct_mmus(kvm, masks, held.at.spte),
            *access.assumptions,
            *_matches_user(kvm, masks, held.at.spte, access),
            *_as_told(kvm, masks, access),
            Assumption(
                "the access is a fetch",
                all_of(access.access.fetch, negate(access.access.write), negate(access.access.read)),
            ),
            Assumption("the SPTE is hardware-present", hardware_spte.present(vendor, held.at.spte, mbec=access.mbec)),
            shown=(*held.shown, *access.shown),
            part="is_executable_pte()",
        ),
        Wrong(
            "taken-for-executable",
            wrong_yes,
            "is_executable_pte() says yes, and the hardware does not "
            "execute: the fault is taken for a spurious one, again and again.",
        ).told("executable", f"{hardware_spte.MANUALS[vendor]}: the fetch is denied"),
        Wrong("not-taken-for-executable", wrong_no, "is_executable_pte() says no, and the hardware executes.").told(
            "not executable", f"{hardware_spte.MANUALS[vendor]}: the fetch is allowed"
        ),
    )


def _as_told(kvm: Kvm, masks: ShadowMasks, access: AnyAccess) -> tuple[Assumption, ...]:
    """Where a fault is judged by the MMU's table of permissions: the table is for the processor as it is set up."""
    modes = kvm.spte_changes.fault_modes(masks)
    if modes is None or masks.vendor is Vendor.SHADOW:
        return ()
    on = access.mbec if masks.vendor is Vendor.INTEL else access.gmet
    return (Assumption("MBEC or GMET is on as the MMU was told: role.vendor-bit", iff(on, modes.told_apart)),)


def _matches_user(kvm: Kvm, masks: ShadowMasks, spte: BitVec, access: AnyAccess) -> tuple[Assumption, ...]:
    """What user-ness means in direct MMUs outside EPT."""
    if masks.vendor is Vendor.INTEL:
        return ()
    user = ne(spte & masks.user, 0)
    if masks.vendor is Vendor.AMD:
        as_root = iff(user, negate(access.gmet))
        return (Assumption("U is set without GMET and clear with it, as the root's access says", as_root),)
    off = all_of(negate(access.controls.smep), negate(access.controls.smap))
    return (
        Assumption("paging is off in the guest: U is set, and KVM runs it without SMEP and SMAP", all_of(user, off)),
    )


def _access_alike(kvm: Kvm, access: BitVec) -> Assumption:
    both = [has(access, kvm.constant(name)) for name in ("ACC_EXEC_MASK", "ACC_USER_EXEC_MASK")]
    return Assumption("the access is that of a direct MMU: EXEC and USER_EXEC are equal", iff(*both))


def _stays_alike(kvm: Kvm, masks: ShadowMasks, done: Done) -> Claim:
    """An operation leaves XS and XU alike; where it is asked for an access, that access has them alike."""
    match done.asked:
        case SpteRequest(pte_access=access) | SplitRequest(access=access):
            asked: tuple[Assumption, ...] = (_access_alike(kvm, resize(access, 32)),)
        case _:
            asked = ()
    was = done.before and (*_as_in_direct_mmus(kvm, masks, done.before.spte), *slots_are_clear(kvm, masks, done.before))
    return never(
        done.case(*asked, of_before=was or ()),
        Wrong(
            "modes-differ",
            negate(_alike(kvm, masks, done.after.spte)),
            "An SPTE of a direct MMU can be executed in one mode only.",
        ).told("XS and XU differ", "KVM's comment at is_executable_pte(): XS == XU"),
    )


def _direct_execution(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    told_apart = vendor is Vendor.INTEL and relations.has_mbec(kvm)
    yield _predicate(kvm, masks)
    yield from for_all(kvm, masks, partial(_stays_alike, kvm, masks)) if told_apart else []


# -- spte.fast-fault -----------------------------------------------------------------------------------------


def _what_faulted(fault: FastFault, access: AnyAccess) -> Assumption:
    kind: Access = access.access
    read = all_of(negate(fault.write), negate(fault.exec))
    same = all_of(iff(kind.write, fault.write), iff(kind.fetch, fault.exec), iff(kind.read, read))
    return Assumption("the access is the one that faulted", same)


def _fast_fault(kvm: Kvm, vendor: Vendor) -> Claim:
    masks = kvm.masks.shadow_masks(vendor)
    held, (fault, premises, seen) = held_leaf(kvm, masks), any_fault()
    access = any_access(kvm, vendor)
    done = kvm.spte_changes.fast_page_fault(masks, fault, held.at)
    before, after = held.at.spte, done.spte
    write = hardware_spte.field_mask(Vendor.INTEL, "write")
    allows = allowed(vendor, after, access)
    endless = all_of(any_of(done.fixed, done.spurious), negate(allows))
    silent = all_of(negate(done.fixed), ne(after, before))
    restored = with_saved(kvm, vendor, before) if vendor is Vendor.INTEL else before
    gained = ite(done.fixed, after & ~(restored | masks.accessed | write), bv(0, 64))
    slots = hardware_spte.saved_slots(kvm) if vendor is Vendor.INTEL else 0
    lost = ite(done.fixed, before & ~(after | slots), bv(0, 64))
    writable = all_of(has(after, write), negate(has(before, write)), eq(before & masks.mmu_writable, 0))
    facts = kvm.spte_changes.facts(masks, SpteAt(after, held.at.level))
    unused = all_of(done.fixed, negate(facts.spte_ad_enabled), negate(facts.is_accessed_spte))
    unlogged = all_of(has(after, write), negate(has(before, write)), negate(done.marked_dirty))
    huge = all_of(done.logged, ne(held.at.level, 1), has(after, write), negate(has(before, write)))
    return always(
        negate(any_of(endless, silent, ne(gained, 0), ne(lost, 0), writable, unused, unlogged, huge)),
        given(
            *held.assumptions,
            *slots_are_clear(kvm, masks, held.at),
            *premises,
            *access.assumptions,
            *_as_in_direct_mmus(kvm, masks, before),
            *_matches_user(kvm, masks, before, access),
            _what_faulted(fault, access),
            *_readable(kvm, masks, held.at),
            use_is_known(kvm, masks, held.at),
            *_flags_as_host(kvm, masks, held.at),
            shown=(*held.shown, *seen, *access.shown, Shown("spte afterwards", after, kind=NumberKind.SPTE)),
            evidence=done.evidence,
        ),
        Wrong(
            "write-tracking-overruled",
            writable,
            "A write is allowed without KVM's lock to a page that is write-tracked or read-only in the host.",
        ).told("W is set", "KVM: the SPTE is not MMU-writable"),
        Wrong("endless-fault", endless, "fast_page_fault() is done with a fault that will come again.").told(
            "RET_PF_FIXED or RET_PF_SPURIOUS", "the hardware still denies the access"
        ),
        Wrong("not-accessed", unused, "fast_page_fault() restores an SPTE that then counts as unused.").told(
            "is_accessed_spte() is false", "KVM: without A/D bits only the fault tells of the use"
        ),
        Wrong(
            "write-not-logged",
            unlogged,
            "fast_page_fault() makes an SPTE writable, and the dirty log does not have its page.",
        ).told("mark_page_dirty_in_slot() is not called", "KVM: the next write does not fault"),
        Wrong(
            "huge-write-not-logged",
            huge,
            "fast_page_fault() makes a huge page writable whose small pages are to be logged one by one.",
        ).told("W is set at level 2 or 3", "KVM: the log is of small pages"),
        Wrong("changed-unfixed", silent, "fast_page_fault() changes an SPTE and does not say so.").told(
            "another SPTE", "RET_PF_FIXED"
        ),
        Wrong("bit-gained", ne(gained, 0), "fast_page_fault() sets a bit besides W, A and what was saved.").told(
            "a bit more", "KVM: only write protection and access tracking are undone"
        ),
        Wrong("bit-lost", ne(lost, 0), "fast_page_fault() loses a bit of the SPTE.").told(
            "a bit less", "KVM: only write protection and access tracking are undone"
        ),
    )


def _flags_as_host(kvm: Kvm, masks: ShadowMasks, at: SpteAt) -> tuple[Assumption, ...]:
    """Direct MMUs have A/D bits if the host has; elsewhere than in EPT all have."""
    if masks.vendor is not Vendor.INTEL:
        return ()
    with_flags = kvm.spte_changes.facts(masks, at).spte_ad_enabled
    return (
        Assumption(
            "direct MMUs have A/D bits exactly if the host has: role.root-tdp", iff(with_flags, masks.host.has_ad_bits)
        ),
    )


def _readable(kvm: Kvm, masks: ShadowMasks, at: SpteAt) -> tuple[Assumption, ...]:
    """Direct MMUs give every page read permission; it may be put away."""
    readable = has(with_saved(kvm, masks.vendor, at.spte), hardware_spte.field_mask(Vendor.INTEL, "read"))
    return (Assumption("the SPTE is one of a direct MMU, which makes every page readable", readable),)


THEOREMS = (
    Theorem(
        name="spte.nx-huge",
        claim="With the iTLB-multihit mitigation no huge SPTE is executable in any mode, whether it is made, "
        "split off or put together. No operation makes one so. Splitting to 4 KByte gives back exactly "
        "the execution that the page's role has.",
        source="KVM: nx_huge_pages, the mitigation of iTLB multihit (CVE-2018-12207)",
        assumes=(
            "the mitigation is on; switching it on zaps all SPTEs",
            "a huge SPTE that is split is not executable, as the theorem itself shows of all ways to make one",
            "saved slots are clear unless the SPTE is access-tracked: tracking.saved-clear",
            "index is below 512 and role.level 1 or 2: the callers of make_small_spte() count so",
        ),
        state=several(_nx_huge),
        catches=(
            *showing("huge-executable", "nx-huge-not-mitigated", "collapse-keeps-execution"),
            *showing("execute-gained", "split-ignores-role-access", "split-execute-by-user-bit"),
            Catch("split-forgets-xu", "user-execute-lost"),
            Catch("restore-shift-off-by-one", "execution-gained"),
            *showing("huge-executable", "mmu-writable-in-saved-slot", "host-writable-at-xu"),
            Catch("track-saves-no-xu", "user-execute-lost"),
        ),
    ),
    Theorem(
        name="spte.direct-execution",
        claim="is_executable_pte() says what the hardware does, for both modes, of every SPTE whose XS and XU are "
        "equal; those of direct MMUs are made so and stay so.  Of others it says nothing.",
        source="KVM's comment at is_executable_pte(); SDM 31.3.3.2, APM 15.25.13",
        assumes=(
            "the SPTE is one of a direct MMU: its access has EXEC and USER_EXEC equal, as root_role.access has",
            "outside EPT the user bit is the root's: set without GMET, clear with it",
            "saved slots are clear unless the SPTE is access-tracked: tracking.saved-clear",
        ),
        state=several(_direct_execution),
        catches=(
            Catch("nx-taken-for-executable", "taken-for-executable"),
            *showing(
                "modes-differ",
                "split-forgets-xu",
                "restore-shift-off-by-one",
                "track-mask-without-xu",
                "mmu-writable-in-saved-slot",
                "host-writable-at-xu",
                "track-saves-no-xu",
            ),
        ),
    ),
    Theorem(
        name="spte.fast-fault",
        claim="When fast_page_fault() is done with a fault, the hardware allows what faulted. It sets W only where "
        "the SPTE is MMU-writable, and marks the page in the dirty log then; huge pages it leaves to the slow path. "
        "It gives back what access tracking has put away, sets A, and changes nothing else.",
        source="KVM's comments in fast_page_fault(); SDM 31.3.3.2, APM 15.25",
        assumes=(
            "the SPTE is one of a direct MMU: fast_page_fault() serves no others",
            "direct MMUs have A/D bits exactly if the host has: role.root-tdp",
            "no access both writes and fetches",
            "without A/D bits an SPTE that is not access-tracked counts as used: lifecycle.* (used)",
            "nobody else changes the SPTE meanwhile: interference.exchanged speaks of who does",
        ),
        state=alone(_fast_fault),
        catches=(
            Catch("fast-fault-ignores-mmu-writable", "write-tracking-overruled"),
            Catch("restore-shift-off-by-one", "endless-fault"),
            Catch("fast-fault-leaves-unused", "not-accessed"),
            Catch("fast-fault-not-logged", "write-not-logged"),
            Catch("fast-fault-logs-huge-pages", "huge-write-not-logged"),
        ),
    ),
)
