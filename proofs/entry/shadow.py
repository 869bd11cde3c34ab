"""No SPTE that KVM makes has a bit that KVM's own check, or the hardware, holds reserved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.spte_changes import SplitRequest, SpteAt
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, always, given
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.hardware_spte import with_saved
from mmuproof.proofs.given.held_spte import ad_type_fits, slots_are_clear, split_request
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.proofs.given.made_spte import made_spte
from mmuproof.proofs.given.shadow_tables import ShadowTables, shadow_tables
from mmuproof.proofs.theorem import Catch, Claim, Theorem, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bool_var, bv, eq, implies, negate, var, zext
from mmuproof.spec import ept

_PAGE_OFFSET_BITS = 12
_LEVEL_BITS = 9


@dataclass(frozen=True, kw_only=True)
class _Made:
    """An SPTE that KVM makes, and what is assumed of how it is made.

    ``spte`` has 64 bits, and can be for any of some levels; ``before`` is the SPTE that it is made from, with its
    level, where there is one.
    """

    what: str
    spte: BitVec
    levels: tuple[int, ...]
    maps_page: bool
    evidence: Evidence
    assumptions: tuple[Assumption, ...]
    shown: tuple[Shown, ...]
    before: tuple[BitVec, int] | None = None


# -- make_spte() ----------------------------------------------------------------------------------------------


def _leaves(tables: ShadowTables) -> Iterator[_Made]:
    kvm, masks = tables.kvm, tables.masks
    inputs = made_spte(kvm, masks)
    request = inputs.request
    made = kvm.sptes.make_spte(masks, request)
    for level in range(1, tables.largest_page + 1):
        inside = (1 << _LEVEL_BITS * (level - 1)) - 1
        which = _made_by_mitigation(tables, made.nx_huge_pages, level)
        for what, case in which:
            yield _Made(
                what=f"make_spte(), level {level}{what}",
                spte=made.spte,
                levels=(level,),
                maps_page=True,
                evidence=made.evidence,
                assumptions=(
                    *inputs.assumptions,
                    Assumption(f"sp->role.level is {level}", eq(request.level, level)),
                    tables.is_memory(request.pfn << _PAGE_OFFSET_BITS),
                    Assumption(
                        "a huge page's frame is aligned, as kvm_mmu_hugepage_adjust() makes it",
                        eq(request.pfn & inside, 0),
                    ),
                    *tables.page_fits(level),
                    *_access(tables, request.pte_access),
                    *_memory_type(tables, made.memory_type),
                    *_no_page_modification_log(tables, made.spte),
                    *case,
                ),
                shown=inputs.shown,
            )


def _made_by_mitigation(
    tables: ShadowTables, nx_huge_pages: Bool, level: int
) -> list[tuple[str, tuple[Assumption, ...]]]:
    """One case, but where nested paging and the mitigation for huge pages meet."""
    if tables.kind is not MmuKind.NESTED_NPT or level == 1:
        return [("", ())]
    disputed = all_of(nx_huge_pages, negate(tables.wanted.no_execute))
    return [
        ("", (Assumption("the iTLB-multihit mitigation is off, or L1 has set EFER.NX", negate(disputed)),)),
        (
            ", L1 without EFER.NX under the mitigation",
            (Assumption("the iTLB-multihit mitigation is on, and L1 has not set EFER.NX", disputed),),
        ),
    ]


def _access(tables: ShadowTables, pte_access: BitVec) -> tuple[Assumption, ...]:
    """What the access that an SPTE is made for can be."""
    kvm, wanted = tables.kvm, tables.wanted
    if tables.kind is MmuKind.TDP and tables.masks.vendor is Vendor.INTEL:
        readable = relations.ept_permissions(kvm, pte_access).read
        return (Assumption("KVM's own pages can be read, as the root role's access has it", readable),)
    if tables.kind is MmuKind.NESTED_NPT:
        denied = relations.nested_permissions(kvm, pte_access).no_execute
        return (
            Assumption("L1's CR0.PG is 1: VMRUN with nested paging fails without it", wanted.paging_on.term),
            Assumption(
                "without EFER.NX, an entry of L1 with NX is rejected, and others allow execution",
                implies(denied, wanted.no_execute),
            ),
        )
    if tables.kind is MmuKind.NESTED_EPT:
        access, execonly = relations.ept_permissions(kvm, pte_access), wanted.request.execonly
        executable = any_of(access.execute, access.user_execute)
        return (
            Assumption(
                "L1's entries allow writes only with reads: others are misconfigured",
                implies(access.write, access.read),
            ),
            Assumption(
                "without execute-only support, L1's entries allow execution only with reads: others are "
                "misconfigured, or not present",
                any_of(execonly, implies(executable, access.read)),
            ),
            _offered_execute_only(tables),
        )
    return ()


def _offered_execute_only(tables: ShadowTables) -> Assumption:
    return Assumption(
        "L1 is offered execute-only support only if the processor has it",
        implies(tables.wanted.request.execonly, tables.masks.host.has_exec_only),
    )


def _memory_type(tables: ShadowTables, memory_type: BitVec) -> tuple[Assumption, ...]:
    if tables.masks.vendor is not Vendor.INTEL:
        return ()
    return (
        Assumption(
            "the memory type is one that exists, as vmx_get_mt_mask() gives it",
            negate(ept.reserved_memory_type(memory_type)),
        ),
    )


def _no_page_modification_log(tables: ShadowTables, spte: BitVec) -> tuple[Assumption, ...]:
    if tables.masks.vendor is Vendor.INTEL:
        return ()
    ad_type = spte & tables.kvm.constant("SPTE_TDP_AD_MASK")
    return (
        Assumption(
            "only VMX with EPT logs dirty pages by itself: other SPTEs need no write protection for it", eq(ad_type, 0)
        ),
    )


# -- the other constructors ----------------------------------------------------------------------------------


def _nonleaves(tables: ShadowTables) -> Iterator[_Made]:
    kvm, masks = tables.kvm, tables.masks
    page_table, ad_disabled = var("page_table", 64), bool_var("ad_disabled")
    made = kvm.spte_changes.make_nonleaf_spte(masks, page_table, ad_disabled)
    has_ad_bits = (
        ()
        if masks.vendor is Vendor.INTEL
        else (Assumption("only EPT can be without A/D bits: ad_disabled is 0", negate(ad_disabled)),)
    )
    yield _Made(
        what="make_nonleaf_spte()",
        spte=made.spte,
        levels=tuple(range(2, tables.highest_level + 1)),
        maps_page=False,
        evidence=made.evidence,
        assumptions=(
            *plausible_host(masks),
            Assumption("a page table is aligned", eq(page_table & ((1 << _PAGE_OFFSET_BITS) - 1), 0)),
            tables.is_memory(page_table),
            *has_ad_bits,
        ),
        shown=(Shown("page_table", page_table),),
    )


def _splits(tables: ShadowTables) -> Iterator[_Made]:
    """A huge SPTE is split into small ones, one level below."""
    kvm, masks = tables.kvm, tables.masks
    request, assumptions, shown = split_request(kvm, masks)
    made = kvm.spte_changes.make_small_spte(masks, request)
    for level in range(1, tables.largest_page):
        yield _Made(
            what=f"make_small_spte(), level {level}",
            spte=made.spte,
            levels=(level,),
            maps_page=True,
            evidence=made.evidence,
            assumptions=(
                *assumptions,
                Assumption(f"role.level is {level}", eq(request.level, level)),
                *tables.page_fits(level + 1),
                *_split_access(tables, request),
                *_memory_type(tables, request.huge_spte),
                *_no_page_modification_log(tables, request.huge_spte),
            ),
            shown=shown,
            before=(request.huge_spte, level + 1),
        )


def _split_access(tables: ShadowTables, request: SplitRequest) -> tuple[Assumption, ...]:
    """The role that the small SPTEs get has the access of the entry that the huge one was made for."""
    if tables.masks.vendor is not Vendor.INTEL:
        return _access(tables, zext(request.access, 32))
    restored = with_saved(tables.kvm, Vendor.INTEL, request.huge_spte)
    readable = ept.permissions_of(restored).read
    slots = slots_are_clear(tables.kvm, tables.masks, SpteAt(request.huge_spte, request.level + 1))
    if tables.kind is MmuKind.TDP:
        return (*slots, Assumption("KVM's own pages can be read, now or once they are restored", readable))
    return (
        *slots,
        Assumption(
            "without execute-only support, a huge page can be read, now or once it is restored: only an SPTE "
            "of 4 KByte is made for nothing",
            any_of(tables.wanted.request.execonly, readable),
        ),
        _offered_execute_only(tables),
    )


def _collapses(tables: ShadowTables) -> Iterator[_Made]:
    """A page table of the TDP MMU is replaced by a huge SPTE; trees that cannot do that zap it instead."""
    if tables.kind is not MmuKind.TDP:
        return
    kvm, masks = tables.kvm, tables.masks
    small_spte = var("small_spte", 64)
    small = kvm.spte_changes.facts(masks, SpteAt(small_spte, bv(1, 4)))
    for level in range(2, tables.largest_page + 1):
        try:
            made = kvm.spte_changes.make_huge_spte(masks, small_spte, bv(level, 4))
        except NotThere:
            return
        yield _Made(
            what=f"make_huge_spte(), level {level}",
            spte=made.spte,
            levels=(level,),
            maps_page=True,
            evidence=made.evidence,
            assumptions=(
                *plausible_host(masks),
                Assumption("only present SPTEs are collapsed", small.is_shadow_present_pte),
                ad_type_fits(kvm, masks, small_spte),
                *_memory_type(tables, small_spte),
                *tables.page_fits(level),
            ),
            shown=(Shown("small_spte", small_spte, kind=NumberKind.SPTE),),
            before=(small_spte, 1),
        )


# -- the claim -----------------------------------------------------------------------------------------------


def _claim(tables: ShadowTables, made: _Made) -> Claim:
    held = any_of(*(tables.held_reserved(made.spte, level) for level in made.levels))
    faults = any_of(*(tables.faults_always(made.spte, level, maps_page=made.maps_page) for level in made.levels))
    assumptions = list(made.assumptions)
    if made.before is not None:
        spte, level = made.before
        bad = any_of(tables.held_reserved(spte, level), tables.faults_always(spte, level, maps_page=True))
        label = "the SPTE that it is made from has no reserved bit, as the other parts say"
        assumptions.append(Assumption(label, negate(bad)))
    return always(
        negate(any_of(held, faults)),
        given(
            *assumptions,
            shown=(*made.shown, Shown("spte", made.spte, kind=NumberKind.SPTE), *tables.wanted.shown),
            evidence=made.evidence + tables.check_evidence(min(made.levels)),
            part=f"{tables.name}: {made.what}",
        ),
        Wrong("faults-always", faults, "An SPTE has a bit that the hardware holds reserved: every access faults.").told(
            "the SPTE is made", "the hardware: the bit has to be 0"
        ),
        Wrong("own-check-fails", held, "KVM makes an SPTE that its own check holds reserved, and warns.").told(
            "the SPTE is made", "is_rsvd_spte(): no reserved bit is set"
        ),
    )


def _state(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    return [
        _claim(tables, made)
        for tables in shadow_tables(kvm, vendor)
        for constructor in (_leaves, _nonleaves, _splits, _collapses)
        for made in constructor(tables)
    ]


THEOREMS = (
    Theorem(
        name="entry.shadow-reserved",
        claim="No SPTE that KVM makes has a bit that KVM's own check for the MMU, or the hardware, holds "
        "reserved. It may be for a page or for a table, made from nothing, or by splitting or collapsing.",
        source="KVM's own check in make_spte(); SDM 31.3.3.1, 5.4 and 5.5; APM 15.25",
        assumes=(
            "page frames and page tables are in the host's memory, and aligned",
            "KVM maps no larger page than max_huge_page_level, the host's mapping, and the guest's entry allow",
            "L1's entries are not misconfigured and have no reserved bit, so that what they allow is possible",
            "the bit that marks encrypted pages is not reserved, wherever it is",
            "only VMX with EPT logs dirty pages by itself",
            "an SPTE that is split or collapsed was made with no reserved bit",
        ),
        state=_state,
        catches=(
            *showing("own-check-fails", "shadow-root-without-nx", "host-maxphyaddr-off-by-one"),
            *showing(
                "faults-always",
                "default-mmu-writable-reserved",
                "track-mask-without-xu",
                "host-writable-at-xu",
                "frame-off-by-one",
                "collapse-keeps-offset",
            ),
            Catch("key-ids-from-a-bit-too-low", "own-check-fails"),
        ),
    ),
)
