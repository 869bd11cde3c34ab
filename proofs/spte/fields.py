"""The fields of an SPTE besides its permissions: address, level, memory type, encryption, suppress-#VE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from mmuproof.model.evidence import Evidence
from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.spte_changes import SplitRequest, SpteAt
from mmuproof.model.sptes import SpteRequest
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, always, given, never
from mmuproof.proofs.given import hardware_spte, on_leaves, relations
from mmuproof.proofs.given.done import Done, How
from mmuproof.proofs.given.hardware_spte import PAGE_OFFSET_BITS, address, executable, page_bytes, with_saved
from mmuproof.proofs.given.held_spte import slots_are_clear
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.proofs.given.lifecycle_invariant import is_present
from mmuproof.proofs.given.made_spte import made_spte
from mmuproof.proofs.given.on_leaves import PAGE_TABLE
from mmuproof.proofs.given.operations import CHANGING_PAGES, LEAVING_PAGES, for_all
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, alone, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, boolean, bv, eq, ite, ne, negate, zext
from mmuproof.spec import ept

_PAGE_SIZE = hardware_spte.field_mask(Vendor.INTEL, "page size", level=2)
_HUGE_LEVELS = (2, 3)


def _inside_page(level: BitVec, levels: Sequence[int] = (1, 2, 3)) -> BitVec:
    """The address bits inside a page of a level."""
    inside = bv(0, 64)
    for each in levels:
        inside = ite(eq(level, each), bv(page_bytes(each) - 1, 64), inside)
    return inside


def _aligned(masks: ShadowMasks, at: SpteAt) -> Assumption:
    inside = address(at.spte) & ~masks.me_mask & _inside_page(at.level)
    return Assumption("the huge page is aligned to its size", eq(inside, 0))


# -- spte.pfn ------------------------------------------------------------------------------------------------


def _frame_is_plain(masks: ShadowMasks, pfn: BitVec) -> Assumption:
    return Assumption("a page frame number has no encryption bits", eq((pfn << PAGE_OFFSET_BITS) & masks.me_mask, 0))


def _leads(done: Done, want: BitVec, what: str, *extra: Assumption, got: BitVec | None = None) -> Claim:
    found = address(done.after.spte) if got is None else got
    return never(
        done.case(*extra, shown=(Shown("address", found), Shown("wanted", want))),
        Wrong("wrong-address", ne(found, want), f"An SPTE leads to another address than {what}.").told(
            "another physical address", "SDM Tables 31-1 to 31-7, APM 5.3: bits 51:12"
        ),
    )


def _address_is_right(kvm: Kvm, masks: ShadowMasks, done: Done) -> Claim:
    """An SPTE that is made leads where it should, and one that is changed where it did."""
    if isinstance(done.asked, SpteRequest):
        pfn, got = done.asked.pfn, address(done.after.spte) & ~masks.me_mask
        return _leads(done, pfn << PAGE_OFFSET_BITS, "the page frame", _frame_is_plain(masks, pfn), got=got)
    before = address(done.held.spte)
    if isinstance(done.asked, SplitRequest):
        step = ite(eq(done.asked.level, 1), bv(page_bytes(1), 64), bv(page_bytes(2), 64))
        want = before + zext(done.asked.index, 64) * step
        aligned = _aligned(masks, done.held)
        return _leads(done, want, "its part of the huge page", aligned, _encryption_above(masks))
    if done.how is How.COLLAPSES:
        return _leads(done, before & ~_inside_page(done.held.level), "the huge page around the small one")
    moved = all_of(is_present(kvm, done.after.spte), ne(before, address(done.after.spte)))
    return never(
        done.case(),
        Wrong("address-changed", moved, "An operation on an SPTE changes its address.").told(
            "another physical address", "KVM: another page frame needs the SPTE to be zapped first"
        ),
    )


def _pfn(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    return for_all(kvm, masks, partial(_address_is_right, kvm, masks))


def _encryption_above(masks: ShadowMasks) -> Assumption:
    return Assumption(
        "encryption bits are above the bits inside a page of 1 GByte", eq(masks.me_mask & (page_bytes(3) - 1), 0)
    )


# -- spte.nonleaf --------------------------------------------------------------------------------------------


def _nonleaf(kvm: Kvm, vendor: Vendor) -> Claim:
    masks = kvm.masks.shadow_masks(vendor)
    done = on_leaves.linked(kvm, masks)
    spte, table, disabled = done.after.spte, PAGE_TABLE, done.ad_disabled
    facts = kvm.spte_changes.facts(masks, done.after)
    if vendor is Vendor.INTEL:
        own = ept.permissions_of(spte)
        granted = all_of(own.read, own.write, own.execute)
        granted = all_of(granted, own.user_execute) if relations.has_mbec(kvm) else granted
    else:
        bits = sum(hardware_spte.field_mask(vendor, name) for name in ("present", "read/write", "user/supervisor"))
        granted = all_of(eq(spte & bits, bits), executable(vendor, spte))
    wrong_table = ne(address(spte) & ~masks.me_mask, table)
    maps_page = has(spte, _PAGE_SIZE)
    unknown = negate(facts.is_shadow_present_pte)
    ad_wrong = any_of(
        facts.spte_ad_enabled ^ negate(disabled), all_of(negate(disabled), ne(spte & masks.accessed, masks.accessed))
    )
    return never(
        done.case(shown=(Shown("ad_disabled", disabled), Shown("spte", spte, kind=NumberKind.SPTE))),
        Wrong("restricts", negate(granted), "An entry that leads to a page table restricts what is below it.").told(
            "a permission is missing", "KVM: only the SPTEs that map pages restrict"
        ),
        Wrong("wrong-table", wrong_table, "An entry leads to another page table.").told(
            "another address", "the address of the page table"
        ),
        Wrong("maps-page", maps_page, "An entry that leads to a page table maps a page.").told(
            "the page-size bit is set", "SDM Table 31-4, APM 5.3.4: it is 0"
        ),
        Wrong("not-mmu-present", unknown, "KVM does not hold an entry that leads to a page table present.").told(
            "is_shadow_present_pte() is false", "present"
        ),
        Wrong("ad-type-wrong", ad_wrong, "An entry that leads to a page table has the wrong A/D type.").told(
            "A/D enabled or not, against the argument", "as the page's role says, with A set"
        ),
    )


# -- spte.split and spte.collapse ----------------------------------------------------------------------------


def _execution_bits(kvm: Kvm, masks: ShadowMasks) -> BitVec:
    """NX, XS and XU, and where XS and XU are put away."""
    bits = masks.nx | masks.x | masks.xu
    if masks.vendor is not Vendor.INTEL:
        return bits
    return bits | (bits << kvm.constant("SHADOW_ACC_TRACK_SAVED_BITS_SHIFT"))


_ADDRESS = hardware_spte.field_mask(Vendor.INTEL, "address")


def _may_change(kvm: Kvm, masks: ShadowMasks, done: Done, mitigated: Bool) -> BitVec:
    """The bits in which a small SPTE may differ from a huge one.

    A among them where it means nothing: an SPTE that grants nothing is access-tracked for KVM, whatever A says.
    """
    execution = ite(mitigated, _execution_bits(kvm, masks), bv(0, 64))
    return execution | _PAGE_SIZE | _ADDRESS | _accessed_if_tracked(kvm, masks, done.held)


def _split(kvm: Kvm, vendor: Vendor) -> Claim:
    masks = kvm.masks.shadow_masks(vendor)
    done = on_leaves.split(kvm, masks)
    spte, lowest = done.after.spte, eq(done.after.level, 1)
    mitigated = all_of(kvm.spte_changes.is_nx_huge_page_enabled(masks), lowest)
    stray = ne((spte ^ done.held.spte) & ~_may_change(kvm, masks, done, mitigated), 0)
    still = all_of(lowest, has(spte, _PAGE_SIZE))
    no_longer = all_of(negate(lowest), negate(has(spte, _PAGE_SIZE)))
    return always(
        negate(any_of(stray, still, no_longer)),
        done.case(of_before=slots_are_clear(kvm, masks, done.held), shown=(Shown("small spte", spte),)),
        Wrong("page-size-kept", still, "The SPTE of a 4-KByte page has the page-size bit set.").told(
            "bit 7 is set", "APM 5.3.3: it is PAT in an entry of the lowest level"
        ),
        Wrong("page-size-lost", no_longer, "The SPTE of a 2-MByte page does not map a page.").told(
            "bit 7 is clear", "SDM Table 31-5, APM 5.3.3: it is 1"
        ),
        Wrong(
            "another-bit-changed",
            stray,
            "A small SPTE differs from the huge one in more than the address, "
            "the page size and the execution that the mitigation took.",
        ).told("another bit differs", "the huge SPTE's permissions, A/D, memory type and software bits"),
    )


def _accessed_if_tracked(kvm: Kvm, masks: ShadowMasks, at: SpteAt) -> BitVec:
    tracked = kvm.spte_changes.facts(masks, at).is_access_track_spte
    return ite(tracked, bv(hardware_spte.field_mask(masks.vendor, "accessed"), 64), 0)


def _collapse(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    yield from for_all(kvm, masks, partial(_collapsed, kvm, masks), [How.COLLAPSES])
    yield _put_together(kvm, masks)


def _collapsed(kvm: Kvm, masks: ShadowMasks, done: Done) -> Claim:
    spte, mitigated = done.after.spte, kvm.spte_changes.is_nx_huge_page_enabled(masks)
    stray = ne((spte ^ done.held.spte) & ~_may_change(kvm, masks, done, mitigated), 0)
    no_page = negate(has(spte, _PAGE_SIZE))
    return always(
        negate(any_of(stray, no_page)),
        done.case(*slots_are_clear(kvm, masks, done.held), shown=(Shown("huge spte", spte),)),
        Wrong("page-size-lost", no_page, "The SPTE of a huge page does not map a page.").told(
            "bit 7 is clear", "SDM Table 31-5, APM 5.3.3: it is 1"
        ),
        Wrong(
            "another-bit-changed",
            stray,
            "A huge SPTE differs from the small one in more than the address, the page size and execution.",
        ).told("another bit differs", "the small SPTE's permissions, A/D, memory type and software bits"),
    )


def _put_together(kvm: Kvm, masks: ShadowMasks) -> Claim:
    """What was split is what it was when it is put together again."""
    done = on_leaves.split(kvm, masks)
    huge, small = done.held, done.after.spte
    again = kvm.spte_changes.make_huge_spte(masks, small, huge.level)
    differs = ne((again.spte ^ huge.spte) & ~_accessed_if_tracked(kvm, masks, huge), 0)
    mitigated = kvm.spte_changes.is_nx_huge_page_enabled(masks)
    can = executable(masks.vendor, with_saved(kvm, masks.vendor, huge.spte))
    case = done.case(
        _encryption_above(masks),
        _aligned(masks, huge),
        Assumption(
            "no huge page is executable under the iTLB-multihit mitigation: spte.nx-huge",
            any_of(negate(mitigated), negate(can)),
        ),
        of_before=slots_are_clear(kvm, masks, huge),
        shown=(Shown("small spte", small), Shown("huge spte again", again.spte)),
    )
    return never(
        replace(case, evidence=case.evidence + again.evidence, part="a split undone"),
        Wrong("not-what-it-was", differs, "A huge SPTE that is split and put together is another one.").told(
            "another SPTE", "the huge SPTE that was split"
        ),
    )


# -- spte.memory-type ----------------------------------------------------------------------------------------


def _cache_bits(vendor: Vendor) -> BitVec:
    """What decides the memory type in an SPTE, but for PAT, whose place depends on the level."""
    names = (
        ("memory type", "ignore PAT")
        if vendor is Vendor.INTEL
        else ("page-level write-through", "page-level cache disable")
    )
    return bv(sum(hardware_spte.field_mask(vendor, name) for name in names), 64)


def _memory_symptoms(cached: Bool, encrypted: Bool) -> tuple[Symptom, ...]:
    return (
        Wrong("wrong-memory-type", cached, "An SPTE has another memory type than KVM has chosen.").told(
            "another memory type", "SDM 31.3.7.2, APM 15.25.8: the bits decide how the page is cached"
        ),
        Wrong("wrong-encryption", encrypted, "An SPTE encrypts what is not to be, or the other way round.").told(
            "other encryption bits", "APM 7.10: MMIO is never encrypted, memory as the host has it"
        ),
    )


def _memory_type(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    bits = _cache_bits(vendor)
    inputs = made_spte(kvm, masks)
    request = inputs.request
    made = kvm.sptes.make_spte(masks, request)
    # The frame of a huge page is aligned, so PAT, which is bit 12 there, is never set by the address.
    inside = _inside_page(request.level, _HUGE_LEVELS) >> PAGE_OFFSET_BITS
    pat = all_of(
        boolean(vendor is not Vendor.INTEL),
        any_of(
            all_of(eq(request.level, 1), has(made.spte, hardware_spte.field_mask(Vendor.AMD, "PAT"))),
            all_of(ne(request.level, 1), has(made.spte, hardware_spte.field_mask(Vendor.AMD, "PAT", level=2))),
        ),
    )
    cached = any_of(ne(made.spte & bits, made.memory_type), pat)
    wanted = ite(made.maps_mmio, bv(0, 64), masks.me_value)
    encrypted = ne(made.spte & masks.me_mask, wanted)
    asked = made.about_memory_type
    misled = all_of(asked.called, any_of(ne(asked.gfn, request.gfn), asked.maps_mmio ^ made.maps_mmio))
    # Of fast_page_fault(), spte.fast-fault shows that it changes nothing of the kind.
    kept = CHANGING_PAGES - {How.FIXES}
    yield always(
        negate(any_of(cached, encrypted, misled)),
        given(
            *inputs.assumptions,
            _frame_is_plain(masks, request.pfn),
            _encryption_above(masks),
            Assumption(
                "the page frame of a huge page is aligned to its size, and no page is larger than 1 GByte",
                all_of(eq(request.pfn & inside, 0), ne(request.level, 4), ne(request.level, 5)),
            ),
            shown=(
                *inputs.shown,
                Shown("spte", made.spte, kind=NumberKind.SPTE),
                Shown("memory type", made.memory_type),
            ),
            evidence=made.evidence,
            part="make_spte()",
        ),
        *_memory_symptoms(cached, encrypted),
        Wrong(
            "memory-type-of-another",
            misled,
            "The memory type is chosen for another page, or for MMIO where there is none.",
        ).told("get_mt_mask() is told otherwise", "KVM: what the SPTE maps decides"),
    )
    yield from for_all(kvm, masks, partial(_table_memory, masks, bits), [How.LINKS])
    yield from for_all(kvm, masks, partial(_memory_kept, kvm, masks, bits), kept)


def _table_memory(masks: ShadowMasks, bits: BitVec, done: Done) -> Claim:
    """A page table is ordinary memory of the host; in EPT its memory type is that of EPTP."""
    spte = done.after.spte
    return never(
        done.case(shown=(Shown("spte", spte, kind=NumberKind.SPTE),)),
        *_memory_symptoms(ne(spte & bits, 0), ne(spte & masks.me_mask, masks.me_value)),
    )


def _memory_kept(kvm: Kvm, masks: ShadowMasks, bits: BitVec, done: Done) -> Claim:
    aligned = (_aligned(masks, done.held),) if done.how is How.SPLITS else ()
    above = (_encryption_above(masks),) if done.how in (How.SPLITS, How.COLLAPSES) else ()
    stays, changed = is_present(kvm, done.after.spte), done.held.spte ^ done.after.spte
    cached, encrypted = (all_of(stays, ne(changed & mask, 0)) for mask in (bits, masks.me_mask))
    return never(done.case(*aligned, *above), *_memory_symptoms(cached, encrypted))


# -- spte.ve-suppressed --------------------------------------------------------------------------------------


def _raises_ve(spte: BitVec) -> Bool:
    """Whether an EPT violation through the entry is turned into #VE, were that enabled.

    A misconfigured entry causes no violation; these are so whatever the processor supports.
    """
    permissions = ept.permissions_of(spte)
    never_valid = all_of(permissions.write, negate(permissions.read))
    return all_of(negate(has(spte, hardware_spte.field_mask(Vendor.INTEL, "suppress #VE"))), negate(never_valid))


def _possible_ve(spte: BitVec) -> Symptom:
    sentence = "A violation through an entry that KVM stores can become #VE in the guest."
    return Wrong("ve-possible", _raises_ve(spte), sentence).told(
        "suppress-#VE is clear", "SDM 28.5.7.1: bit 63 of the entry decides"
    )


def _suppressing(done: Done) -> Claim:
    """What an operation leaves suppresses #VE, if what it has found does."""
    suppressed = (
        ()
        if done.before is None
        else (
            Assumption(
                "the SPTE had suppress-#VE set, as the other parts show of all that are made",
                has(done.before.spte, hardware_spte.field_mask(Vendor.INTEL, "suppress #VE")),
            ),
        )
    )
    spte = done.after.spte
    return never(
        done.case(of_before=suppressed, shown=(Shown("spte", spte, kind=NumberKind.SPTE),)), _possible_ve(spte)
    )


def _ve_suppressed(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    masks = kvm.masks.shadow_masks(vendor)

    def stored(name: str, spte: BitVec, *assumptions: Assumption, evidence: Evidence | None = None) -> Claim:
        case = given(
            *assumptions, shown=(Shown("spte", spte, kind=NumberKind.SPTE),), evidence=evidence or Evidence(), part=name
        )
        return never(case, _possible_ve(spte))

    made = Assumption("MMIO SPTEs are made", ne(masks.mmio_value, 0))
    yield from (stored(name, bv(kvm.constant(name), 64)) for name in ("SHADOW_NONPRESENT_VALUE", "FROZEN_SPTE"))
    yield stored("shadow_mmio_value", masks.mmio_value, *plausible_host(masks), made, evidence=masks.evidence)
    yield from for_all(kvm, masks, _suppressing, LEAVING_PAGES | {How.LINKS})


_IN_HELD = ("the SPTE is present and maps a page of 4 KByte, 2 MByte or 1 GByte",)
_IN_SPLIT = ("a huge SPTE is split, index is below 512 and role.level 1 or 2: the callers count so",)

THEOREMS = (
    Theorem(
        name="spte.pfn",
        claim="The address bits of an SPTE are the page frame's. make_spte() puts them there, a split gives "
        "each small page its part of the huge one, and a collapse the huge page around. No operation in "
        "place moves one.",
        source="SDM Tables 31-1 to 31-7, APM 5.3; KVM: another page frame needs the SPTE to be zapped first",
        assumes=(
            *_IN_HELD,
            *_IN_SPLIT,
            "a page frame number has 40 bits, and none that memory encryption uses",
            "huge pages are aligned to their size",
        ),
        state=_pfn,
        catches=showing("wrong-address", "frame-off-by-one", "split-forgets-offset", "collapse-keeps-offset"),
    ),
    Theorem(
        name="spte.nonleaf",
        claim="An entry that leads to a page table grants everything in every mode, leads to that table, maps "
        "no page, and is MMU-present. It has the A/D type asked for, with A set if there is one.",
        source="SDM Tables 31-1 to 31-4, APM 5.3; KVM's comment that upper levels are always ACC_ALL",
        assumes=("a page table is aligned to 4 KByte and below the usable physical-address width",),
        state=alone(_nonleaf),
        catches=(Catch("key-ids-from-a-bit-too-low", "wrong-table"), Catch("nonleaf-without-xu", "restricts")),
    ),
    Theorem(
        name="spte.split",
        claim="A small SPTE has everything of the huge one: permissions, A/D, memory type, software bits. It differs "
        "in the address, in the page-size bit, which it has above 4 KByte only, and in the execution that the "
        "iTLB-multihit mitigation took.",
        source="KVM's comments at make_small_spte(); APM 5.3.3, SDM Table 31-5",
        assumes=(*_IN_SPLIT, "saved slots are clear unless the SPTE is access-tracked"),
        state=alone(_split),
        catches=(
            Catch("split-keeps-page-size", "page-size-kept"),
            Catch("restore-shift-off-by-one", "another-bit-changed"),
        ),
    ),
    Theorem(
        name="spte.collapse",
        claim="A huge SPTE put together of small ones has everything of one of them but the address, the page "
        "size and, under the iTLB-multihit mitigation, execution. A split that is undone gives the huge "
        "SPTE back.",
        source="KVM's comments at make_huge_spte()",
        assumes=(
            *_IN_HELD,
            "huge pages are aligned to their size",
            "saved slots are clear unless the SPTE is access-tracked",
            "trees without make_huge_spte() zap instead",
        ),
        needs=(Need(Feature.COLLAPSE),),
        state=several(_collapse),
        catches=showing(
            "not-what-it-was", "collapse-keeps-offset", "collapse-keeps-execution", "restore-shift-off-by-one"
        ),
    ),
    Theorem(
        name="spte.memory-type",
        claim="The memory type in an SPTE is the one that KVM has chosen: for EPT what get_mt_mask() says, elsewhere "
        "write-back. Memory is encrypted as the host has it and MMIO is not; page tables are as the host's "
        "memory. No operation changes this.",
        source="SDM 31.3.7.2, APM 15.25.8 and 7.10",
        assumes=(
            *_IN_HELD,
            *_IN_SPLIT,
            "a page frame number has no encryption bits",
            "huge pages are aligned to their size, and none is larger than 1 GByte",
            "encryption bits are above the bits inside a page of 1 GByte",
        ),
        state=several(_memory_type),
        catches=(
            *showing(
                "wrong-encryption",
                "key-ids-from-a-bit-too-low",
                "encryption-of-mmio",
                "nonleaf-unencrypted",
                "frame-off-by-one",
            ),
            Catch("memory-type-of-mmio-swapped", "memory-type-of-another"),
        ),
    ),
    Theorem(
        name="spte.ve-suppressed",
        claim="No value that KVM stores in a page table of a normal guest can turn an EPT violation into #VE. "
        "Suppress-#VE is set in all of them, or the entry is misconfigured and causes no violation.",
        source="SDM 28.5.7.1, 31.3.3.1; KVM's WARNs on is_ept_ve_possible()",
        assumes=(
            *_IN_HELD,
            *_IN_SPLIT,
            "suppress-#VE was set before, as of all SPTEs that are made",
            "the guest is no trust domain of TDX",
        ),
        vendors=(Vendor.INTEL,),
        needs=(Need(Feature.NONPRESENT_VALUE),),
        state=several(_ve_suppressed),
        catches=(Catch("present-mask-without-suppress-ve", "ve-possible"),),
    ),
)
