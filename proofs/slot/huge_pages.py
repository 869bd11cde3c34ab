"""Where KVM may use huge pages."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.huge_pages import CountChanged, FrameIndexed, LevelChosen
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import (
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    boolean,
    bv,
    eq,
    extract,
    iff,
    ite,
    ne,
    negate,
    ule,
    ult,
    zext,
)
from mmuproof.spec import table_numbers

_SMALL, _HUGEST, _LEVELS, _FRAME_BITS = 1, 3, 5, 52
_MAPS_PAGE = 7
"""The bit of an entry above level 1 that lets it map a page: SDM table 31-3, APM 5.4.1."""


def _around(frame: BitVec, level: BitVec) -> BitVec:
    """The first frame of the page of a level around a frame."""
    around = frame
    for each in range(_SMALL, _HUGEST + 1):
        around = ite(eq(level, each), table_numbers.first(frame, each), around)
    return around


def _allows(allowed: tuple[Bool, ...], after: BitVec) -> Bool:
    """Whether a slot allows a page of a level, by what it says from level 2 on."""
    # What forbids a page forbids every larger one around it: by slot.huge-page-count.
    around = [any_of(*allowed[level - 2 :]) for level in range(2, _HUGEST + 1)]
    return any_of(*(all_of(eq(after, level), here) for level, here in enumerate(around, 2)))


def _before(made: LevelChosen) -> tuple[Assumption, Assumption]:
    """What holds before a level is chosen, and of the answers that are got."""
    backing = any_of(negate(made.backing_asked), ult(made.backing_level - 1, _HUGEST))
    return (
        Assumption("the page is to be mapped at level 1 until a level is chosen", eq(made.goal_level, _SMALL)),
        Assumption("the memory behind is mapped at one of three levels", backing),
    )


def _of_level(made: LevelChosen) -> Claim:
    name, after = f"{made.function}()", made.goal_after
    huge = ne(after, _SMALL)
    forbidden = negate(_allows(made.allowed, after))
    beyond = any_of(
        all_of(made.backing_asked, ult(made.backing_level, zext(after, 32))),
        all_of(negate(made.backing_asked), negate(made.is_private)),
    )
    return never(
        given(
            *_before(made),
            shown=(
                Shown("fault.goal_level", after),
                Shown("fault.gfn", made.gfn),
                Shown("fault.pfn", made.pfn),
                Shown("fault.pfn afterwards", made.pfn_after),
                Shown("level of the memory behind", made.backing_level),
                Shown("the slot's dirty pages are logged", made.logged),
            ),
            evidence=made.evidence,
            part=f"up to level {made.max_level}",
        ),
        Wrong(
            "slot-forbids",
            all_of(huge, any_of(forbidden, negate(ule(after, made.max_level)))),
            f"{name} chooses a level at which the slot allows no huge page at this frame.",
        ).told("a huge page", "KVM: lpage_info counts what forbids a huge page around a frame"),
        Wrong(
            "huge-while-logged",
            all_of(huge, made.logged),
            f"{name} chooses a huge page in a slot whose dirty pages are logged.",
        ).told("a huge page", "KVM: dirty pages are logged one by one"),
        Wrong(
            "huge-and-executed",
            all_of(huge, made.executed, made.workaround),
            f"{name} chooses a huge page for a fetch, where executable huge pages are to be avoided.",
        ).told("an executable huge page", "KVM: the workaround for the iTLB multihit erratum"),
        Wrong(
            "not-noted",
            negate(iff(made.disallowed, all_of(made.executed, made.workaround))),
            f"{name} does not note whether a huge page is avoided because it would be executed.",
        ).told("another note", "KVM: such pages are counted, to be made huge again"),
        Wrong(
            "beyond-backing",
            all_of(huge, beyond),
            f"{name} chooses a larger page than the memory behind it is mapped with.",
        ).told("a page beyond what the host maps", "KVM's comment at host_pfn_mapping_level()"),
        Wrong(
            "another-memory",
            all_of(
                huge,
                made.backing_asked,
                negate(
                    all_of(made.of_frame, iff(made.of_guest_memory, any_of(made.is_private, made.only_guest_memory)))
                ),
            ),
            f"{name} chooses a page by how large one of another memory or frame is.",
        ).told("other memory is asked", "KVM: private memory is guest memory, as is all of such a slot"),
        Wrong(
            "another-frame",
            ne(made.pfn_after, _around(made.pfn, after)),
            f"{name} does not take the first frame of the page around the fault's.",
        ).told("another frame", "SDM 31.3.2: an entry that maps a page holds its first frame"),
    )


def _of_other_space(made: LevelChosen) -> Claim:
    after = made.goal_after
    elsewhere = (
        Shown(f"the other address space allows level {level}", each)
        for level, each in enumerate(made.allowed_elsewhere, 2)
    )
    return never(
        given(
            *_before(made),
            shown=(Shown("fault.goal_level", after), Shown("fault.gfn", made.gfn), *elsewhere),
            evidence=made.evidence,
            part=f"the other address space, up to level {made.max_level}",
        ),
        Wrong(
            "table-of-other-space",
            all_of(ne(after, _SMALL), negate(_allows(made.allowed_elsewhere, after))),
            f"{made.function}() chooses a huge page where the slot of the other address space forbids one, as it does "
            "around a table that is shadowed.",
        ).told("a huge page", "KVM: account_shadowed() forbids a huge page over a table that is shadowed"),
    )


def _levels(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for max_level in range(_SMALL, _HUGEST + 1):
        made = kvm.huge_pages.chosen(max_level)
        yield _of_level(made)
        if max_level > _SMALL:
            yield _of_other_space(made)


def _of_count(made: CountChanged) -> Claim:
    below = extract(made.before[0], 30, 0).width
    counts = [
        (extract(b, below - 1, 0), extract(a, below - 1, 0)) for b, a in zip(made.before, made.after, strict=True)
    ]
    limit = (1 << below) - 1 if made.up else 0

    def moved(before: BitVec, after: BitVec) -> Bool:
        return eq(after, before + 1 if made.up else before - 1)

    can = all_of(*(ne(before, limit) for before, _ in counts))
    return never(
        given(
            Assumption("what is allowed again was forbidden before, and the count has room", can),
            shown=tuple(Shown(f"level {level}", each) for level, each in enumerate(made.before, 2)),
            evidence=made.evidence,
            part="forbidden" if made.up else "allowed again",
        ),
        Wrong(
            "miscounted",
            any_of(*(negate(moved(before, after)) for before, after in counts)),
            "Forbidding huge pages around a frame does not count at each level.",
        ).told("another count", "KVM's comment at KVM_LPAGE_MIXED_FLAG"),
        Wrong(
            "mixed-flag-changes",
            any_of(*(ne(b & (1 << below), a & (1 << below)) for b, a in zip(made.before, made.after, strict=True))),
            "Forbidding huge pages around a frame changes the note that its attributes are mixed.",
        ).told("the highest bit changes", "KVM's comment at KVM_LPAGE_MIXED_FLAG"),
    )


def _counts(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield from (_of_count(kvm.huge_pages.counted(up)) for up in (True, False))


def _lowered(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.huge_pages.lowered()
    name, wide = "disallowed_hugepage_adjust()", made.goal_level.width
    present = ne(made.spte & kvm.constant("SPTE_MMU_PRESENT_MASK"), 0)
    table = all_of(present, negate(bit(made.spte, _MAPS_PAGE)))
    noted = boolean(True) if made.noted is None else made.noted
    wanted = all_of(eq(zext(made.goal_level, 32), made.level), ne(made.level, _SMALL), table, noted)
    lowered = ne(made.goal_after, made.goal_level)
    aside = _around(made.gfn, made.goal_after) - _around(made.gfn, made.goal_level)
    return never(
        given(
            Assumption("the walk stands at one of five levels", ult(made.level - 1, _LEVELS)),
            Assumption("the page is to be mapped at one of three levels", ult(made.goal_level - 1, bv(_HUGEST, wide))),
            Assumption(
                "the host's frame is the first of the page that is to be mapped, by slot.huge-page",
                eq(made.pfn, _around(made.pfn, made.goal_level)),
            ),
            shown=(
                Shown("level of the walk", made.level),
                Shown("fault.goal_level", made.goal_level),
                Shown("fault.goal_level afterwards", made.goal_after),
                Shown("SPTE", made.spte, kind=NumberKind.SPTE),
                Shown("fault.gfn", made.gfn),
                Shown("fault.pfn", made.pfn),
                Shown("fault.pfn afterwards", made.pfn_after),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "executable-huge-page-back",
            all_of(wanted, negate(lowered)),
            f"{name} lets a huge page replace small ones that have been executed.",
        ).told("a huge page", "KVM's comment in it: go down another level"),
        Wrong(
            "small-pages-needlessly",
            all_of(lowered, negate(wanted)),
            f"{name} avoids a huge page where nothing forbids it.",
        ).told("a lower level", "KVM's comment in it: a small SPTE exists"),
        Wrong(
            "another-level",
            all_of(lowered, ne(made.goal_after, made.goal_level - 1)),
            f"{name} goes down to another level than the next.",
        ).told("another level", "KVM's comment in it: go down another level"),
        Wrong(
            "another-frame",
            ne(made.pfn_after, made.pfn + aside),
            f"{name} takes another frame than that which the huge page has there.",
        ).told("another frame", "SDM 31.3.2: small pages of a huge one are its frames in their order"),
    )


def _of_index(made: FrameIndexed) -> Claim:
    name = f"{made.function}()"
    # Which huge page it is, counted from the one that the slot begins in.
    own, first = (table_numbers.page(frame, made.level) for frame in (made.gfn, made.base_gfn))
    in_slot = all_of(ule(made.base_gfn, made.gfn), ule(made.gfn, made.base_gfn + made.pages - 1))
    return never(
        given(
            Assumption("the frame is one of the slot's", in_slot),
            Assumption("a slot's frames have at most 52 bits", ult((made.base_gfn | made.pages) >> _FRAME_BITS, 1)),
            Assumption("a slot has frames", ne(made.pages, 0)),
            shown=(
                Shown("gfn", made.gfn),
                Shown("slot.base_gfn", made.base_gfn),
                Shown("slot.npages", made.pages),
                Shown("index", made.index),
                Shown("entries", made.entries),
            ),
            evidence=made.evidence,
            part=f"{name}, level {made.level}",
        ),
        Wrong(
            "beyond-the-array",
            negate(ult(made.index, made.entries)),
            f"{name} finds an entry beyond the end of the slot's array.",
        ).told("an entry of other memory", "the array is made for the slot's frames"),
        Wrong(
            "another-page",
            ne(made.index, own - first),
            f"{name} finds what the slot keeps of another page than that around the frame.",
        ).told("another entry", "KVM: one entry for each page of a level that the slot touches, in their order"),
        Wrong(
            "another-array",
            negate(made.right_place),
            f"{name} finds an entry of another array, or by another slot's first frame or another level.",
        ).told("another array", "KVM: an array for each level"),
    )


def _indices(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield from (_of_index(kvm.huge_pages.reverse_map(level)) for level in range(_SMALL, _HUGEST + 1))
    yield from (_of_index(kvm.huge_pages.slot_info(level)) for level in range(_SMALL + 1, _HUGEST + 1))


THEOREMS = (
    Theorem(
        name="slot.huge-page",
        claim="A fault gets a huge page only where five things hold. Its slot allows one of that size, or a "
        "larger one, around its frame. So does the slot of the other address space, if there is one. The memory "
        "behind is mapped so: guest memory if the frame is private or the slot has no other, and else the host's. "
        "The slot's dirty pages are not "
        "logged. It is no fetch that has to avoid huge pages. The frame is then the first of the huge "
        "page, and else that of the fault.",
        source="KVM's comments at kvm_mmu_hugepage_adjust() and host_pfn_mapping_level()",
        assumes=(
            "the page is to be mapped at level 1 at first: kvm_mmu_do_page_fault() sets it",
            "host_pfn_mapping_level() and guest_memfd give levels 1 to 3",
            "the host can map at all three levels; what it cannot is left out before anything is asked",
        ),
        state=several(_levels),
        catches=(
            Catch("huge-page-where-slot-forbids", "slot-forbids"),
            Catch("hugepage-adjust-ignores-logging", "huge-while-logged"),
            Catch("huge-page-beyond-backing", "beyond-backing"),
            Catch("huge-page-of-other-memory", "another-memory"),
            Catch("huge-page-keeps-frame", "another-frame"),
        ),
    ),
    Theorem(
        name="slot.huge-page-count",
        claim="Forbidding huge pages around a frame, and allowing them again, counts one up or down at each level, "
        "and "
        "leaves the note alone that attributes are mixed.",
        source="KVM's comment at KVM_LPAGE_MIXED_FLAG",
        assumes=("what is allowed again was forbidden before: accounting goes by shadow pages and tracked frames",),
        state=several(_counts),
        catches=(Catch("huge-page-count-one-level", "miscounted"),),
    ),
    Theorem(
        name="slot.huge-page-avoided",
        claim="A fault that would map a huge page where a table stands for one that is not to be executed goes "
        "down one level, to the frame that the huge page has there. No other fault does.",
        source="KVM's comment in disallowed_hugepage_adjust()",
        assumes=("which page an entry leads to is for spte_to_child_sp() to say",),
        state=alone(_lowered),
        catches=(Catch("lowered-level-keeps-frame", "another-frame"),),
    ),
    Theorem(
        name="slot.index",
        claim="What a slot keeps of the page of a level around a frame is in the array of that level. It is at "
        "the number of that page from the slot's first on, and never beyond the array's end. A slot keeps "
        "the page's reverse map, and what forbids a huge page.",
        source="KVM's comments at struct kvm_lpage_info and struct kvm_rmap_head",
        assumes=(
            "the arrays are made with as many entries as __kvm_mmu_slot_lpages() says: memslot_rmap_alloc() and "
            "kvm_alloc_memslot_metadata() ask it",
            "who asks has found the slot by the frame",
        ),
        state=several(_indices),
        catches=(Catch("slot-arrays-by-size", "beyond-the-array"),),
    ),
)
