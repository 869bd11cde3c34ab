"""Memory whose attributes are mixed is not mapped by a huge page: the notes of where it is, and what goes before."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.mixed_attributes import FrameRound, LevelRound, PageCompared, PageMarked, RangeMarked, RangeReadied
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, alone, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, boolean, eq, iff, ne, negate, ule, ult
from mmuproof.spec import table_numbers

_LOWEST, _HUGEST, _FRAMES = 2, 3, 1 << 52
_NOTE = 1 << 31
"""KVM_LPAGE_MIXED_FLAG; what is below counts."""
_NOTED = "KVM's comment at KVM_LPAGE_MIXED_FLAG: whether all frames of the page have one set of attributes"
_ORDER = "KVM's comment in it: upper levels consume the result of the scanning of lower ones"


def _size(level: int) -> int:
    """How many frames a page of a level has."""
    return 1 << (level - 1) * 9


def _is_first(frame: BitVec, level: int) -> Bool:
    return eq(frame, table_numbers.first(frame, level))


def _in_slot(frame: BitVec, level: int, base: BitVec, pages: BitVec) -> Bool:
    """Whether a page lies in a slot as a whole."""
    return all_of(ule(base, frame), ule(frame + _size(level), base + pages))


def _at(levels: LevelRound, level: int) -> Assumption:
    return Assumption(f"the round is that of level {level}", eq(levels.level, level))


def _of_slot(base: BitVec, pages: BitVec) -> Assumption:
    sizes = all_of(ult(base, _FRAMES), ult(pages - 1, _FRAMES), ule(base + pages, _FRAMES))
    return Assumption("a slot has frames, each of which 52 bits can name", sizes)


def _of_range(start: BitVec, end: BitVec, base: BitVec, pages: BitVec) -> Assumption:
    return Assumption(
        "the range has frames, and all of them are the slot's: kvm_handle_gfn_range() makes it so",
        all_of(ule(base, start), ult(start, end), ule(end, base + pages)),
    )


def _over_levels(levels: LevelRound, name: str) -> tuple[Wrong, ...]:
    missing = any_of(
        all_of(levels.has_private, negate(levels.runs)),
        all_of(levels.runs, ne(levels.first, _LOWEST)),
        all_of(levels.goes_on, ne(levels.after, levels.level + 1)),
    )
    return (
        Wrong("level-passed-over", missing, f"{name} passes over a level of huge pages, or begins above the lowest."),
    )


def _shown(marked: PageMarked, *others: Shown) -> tuple[Shown, ...]:
    return (
        Shown("first frame of the page", marked.page),
        Shown("the note is taken away", marked.cleared),
        Shown("it is made", marked.noted),
        *others,
    )


def _range_shown(made: RangeReadied | RangeMarked) -> tuple[Shown, ...]:
    return (
        Shown("range.start", made.start),
        Shown("range.end", made.end),
        Shown("slot.base_gfn", made.base),
        Shown("slot.npages", made.pages),
    )


def _notes(name: str, marked: PageMarked, *, covered: Bool, fit: Bool, decided: Bool) -> tuple[Wrong, ...]:
    """How notes can be wrong.

    Args:
        name: the function.
        marked: what becomes of the note of any page.
        covered: all of the page has the attributes that count.
        fit: it is a page of the slot.
        decided: its note has to be made or taken away now.
    """
    changed = any_of(marked.cleared, marked.noted)
    return (
        Wrong(
            "mixed-forgotten",
            all_of(marked.cleared, negate(any_of(covered, marked.same))),
            f"{name} takes away the note that a huge page's attributes are mixed, and has not found them to be one.",
        ),
        Wrong(
            "mixed-made-up",
            all_of(marked.noted, negate(marked.differs)),
            f"{name} notes that a huge page's attributes are mixed, and has not found that they are.",
        ),
        Wrong("left-out", all_of(decided, negate(changed)), f"{name} leaves the note of a page as it was."),
        Wrong(
            "not-of-the-slot",
            any_of(all_of(changed, negate(fit)), marked.elsewhere),
            f"{name} changes the note of a page that is not all the slot's, or of another slot or level.",
        ),
    )


def _whole_pages(
    name: str, frames: FrameRound, level: int, first: BitVec, wanted: Bool, again: Bool
) -> Iterator[Wrong]:
    """How a loop over pages can be wrong, by where it is to begin, whether that is now, and when it is to go on."""
    step = frames.frame + _size(level)
    yield Wrong(
        "page-passed-over",
        any_of(
            all_of(wanted, negate(all_of(frames.runs, eq(frames.first, first)))),
            all_of(frames.runs, again, negate(frames.goes_on)),
            all_of(frames.goes_on, ne(frames.after, step)),
        ),
        f"{name} passes over a page of the level.",
    )


def _around(frame: BitVec, level: int) -> BitVec:
    return table_numbers.first(frame, level)


def _before(kvm: Kvm, level: int) -> Claim:
    made, name = kvm.mixed_attributes.readied(), "kvm_arch_pre_set_memory_attributes()"
    here = all_of(made.levels.has_private, _is_first(made.page, level))
    behind = made.page + _size(level)
    touches = all_of(ult(made.page, made.end), ult(made.start, behind))
    straddles = negate(all_of(ule(made.start, made.page), ule(behind, made.end)))
    wanted = all_of(here, _in_slot(made.page, level, made.base, made.pages), touches, straddles, negate(made.mixed))
    symptoms = (
        *_over_levels(made.levels, name),
        Wrong(
            "page-not-invalidated",
            all_of(made.levels.goes_on, wanted, negate(made.invalidated)),
            f"{name} lets a fault map a huge page that the range holds in part.",
        ),
    )
    return never(
        given(
            _at(made.levels, level),
            _of_slot(made.base, made.pages),
            _of_range(made.start, made.end, made.base, made.pages),
            Assumption("the page is one that 52 bits can name", ult(made.page, _FRAMES)),
            shown=(Shown("first frame of the page", made.page), *_range_shown(made)),
            evidence=made.evidence,
            part=f"{name}, level {level}",
        ),
        *(
            each.told(
                "the page is not among them", "KVM's comment in it: add each huge page to the ongoing invalidation"
            )
            for each in symptoms
        ),
        Wrong(
            "level-not-looked-at",
            all_of(made.levels.runs, negate(made.levels.goes_on)),
            f"{name} ends before the highest level of huge pages.",
        ).told("the level is left out", "KVM: pages are huge up to 1 GByte"),
    )


def _last(kvm: Kvm) -> Claim:
    """What is done before the attributes change when all levels are looked at."""
    made, name = kvm.mixed_attributes.readied(), "kvm_arch_pre_set_memory_attributes()"
    return never(
        given(
            _at(made.levels, _HUGEST + 1),
            _of_slot(made.base, made.pages),
            _of_range(made.start, made.end, made.base, made.pages),
            shown=(Shown("range.start", made.start), Shown("range.end", made.end)),
            evidence=made.evidence,
            part=f"{name}, at the end",
        ),
        Wrong(
            "not-unmapped",
            all_of(made.levels.has_private, negate(made.unmapped)),
            f"{name} leaves the range mapped, or takes another away.",
        ).told("the range stays mapped", "KVM's comment in it: the guest must not access the memory as it was"),
        Wrong(
            "another-kind-unmapped",
            all_of(
                made.unmapped,
                negate(
                    all_of(
                        iff(made.of_shared, made.becomes_private), iff(made.of_private, negate(made.becomes_private))
                    )
                ),
            ),
            f"{name} takes away the wrong kind of memory: what becomes private was shared, and the other way round.",
        ).told("another kind", "KVM's comment in it: unmap the old attribute page"),
        Wrong(
            "flush-forgotten",
            negate(iff(made.answer, made.due)),
            f"{name} does not tell its caller whether a flush is due.",
        ).told("another answer", "KVM: whoever is told flushes"),
    )


def _after(kvm: Kvm, level: int) -> Claim:
    made, name = kvm.mixed_attributes.of_range(), "kvm_arch_post_set_memory_attributes()"
    size, page, whole = _size(level), made.marked.page, made.whole
    head = _around(made.start, level)
    partly = any_of(ne(head, made.start), ult(made.end, head + size))
    covered = all_of(ule(made.start, page), ule(page + size, made.end))
    fit = all_of(_is_first(page, level), _in_slot(page, level, made.base, made.pages))
    again = all_of(ule(whole.frame + size, made.end))
    at_head = all_of(eq(page, head), partly, whole.runs)
    at_tail = all_of(eq(page, whole.frame), whole.runs, negate(whole.goes_on), ult(whole.frame, made.end))
    decided = all_of(fit, any_of(at_head, at_tail, all_of(whole.goes_on, eq(page, whole.frame))))
    begin = head + size
    symptoms = (
        *_over_levels(made.levels, name),
        *_notes(name, made.marked, covered=covered, fit=fit, decided=decided),
        *_whole_pages(name, whole, level, begin, all_of(made.levels.runs, partly), again),
        *_whole_pages(name, whole, level, head, all_of(made.levels.runs, negate(partly)), again),
    )
    return never(
        given(
            _at(made.levels, level),
            _of_slot(made.base, made.pages),
            _of_range(made.start, made.end, made.base, made.pages),
            Assumption(
                "the loop over whole pages has come from the first to one of the next, and to none beyond the range",
                all_of(_is_first(whole.frame, level), ule(made.start, whole.frame), ult(whole.frame, made.end + size)),
            ),
            Assumption("the page is one that 52 bits can name", ult(page, _FRAMES)),
            shown=_shown(made.marked, *_range_shown(made)),
            evidence=made.evidence,
            part=f"{name}, level {level}",
        ),
        *(each.told("another note", _ORDER if each.name.endswith("passed-over") else _NOTED) for each in symptoms),
    )


def _begun(kvm: Kvm, level: int) -> Claim:
    made, name = kvm.mixed_attributes.of_slot(), "kvm_mmu_init_memslot_memory_attributes()"
    size, page, frames = _size(level), made.marked.page, made.frames
    head, end = _around(made.base, level), _around(made.base + made.pages, level)
    inside = eq(head, made.base)
    fit = all_of(_is_first(page, level), _in_slot(page, level, made.base, made.pages))
    again = ult(frames.frame, end)
    symptoms = (
        *_over_levels(made.levels, name),
        *_notes(
            name,
            made.marked,
            covered=boolean(False),
            fit=fit,
            decided=all_of(fit, frames.goes_on, eq(page, frames.frame)),
        ),
        *_whole_pages(name, frames, level, head, all_of(made.levels.runs, inside), again),
        *_whole_pages(name, frames, level, head + size, all_of(made.levels.runs, negate(inside)), again),
    )
    return never(
        given(
            _at(made.levels, level),
            _of_slot(made.base, made.pages),
            Assumption(
                "the loop over pages has come from the first of the slot to one of the next",
                all_of(_is_first(frames.frame, level), ule(made.base, frames.frame), ult(frames.frame, _FRAMES + size)),
            ),
            Assumption("the page is one that 52 bits can name", ult(page, _FRAMES)),
            shown=_shown(made.marked, Shown("slot.base_gfn", made.base), Shown("slot.npages", made.pages)),
            evidence=made.evidence,
            part=f"{name}, level {level}",
        ),
        *(each.told("another note", _ORDER if each.name.endswith("passed-over") else _NOTED) for each in symptoms),
    )


def _of_comparison(made: PageCompared) -> Claim:
    name, parts = "hugepage_has_attrs()", made.parts
    end, step = made.gfn + _size(made.level), parts.frame + _size(made.level - 1)
    inside = all_of(parts.runs, ult(parts.frame, end))
    fits = all_of(made.unmixed, eq(made.part_attributes, made.attributes))
    passed = any_of(
        all_of(parts.runs, ne(parts.first, made.gfn)),
        all_of(parts.goes_on, negate(all_of(inside, eq(parts.after, step)))),
        all_of(inside, fits, negate(parts.goes_on)),
    )
    agreed = any_of(all_of(made.asked, made.same), all_of(parts.runs, negate(inside)))
    return never(
        given(
            Assumption("the page is one that 52 bits can name", ult(made.gfn, _FRAMES)),
            Assumption("and is the first of its level", _is_first(made.gfn, made.level)),
            shown=(
                Shown("gfn", made.gfn),
                Shown("attributes", made.attributes),
                Shown("part", parts.frame),
                Shown("attributes of the part", made.part_attributes),
            ),
            evidence=made.evidence,
            part=f"{name}, level {made.level}",
        ),
        Wrong("part-passed-over", passed, f"{name} does not look at each part of the page.").told(
            "a part is passed over", _NOTED
        ),
        Wrong(
            "small-page-asked",
            made.asks_small,
            f"{name} asks for the note of a small page, and looks before the first of the slot's notes.",
        ).told("a note of level 1", "KVM: notes of mixed attributes are kept of huge pages"),
        Wrong(
            "other-part-taken",
            all_of(parts.goes_on, negate(fits)),
            f"{name} goes on where a part of the page has mixed or other attributes.",
        ).told("the next part is looked at", _NOTED),
        Wrong(
            "another-answer",
            all_of(made.answer, negate(agreed)),
            f"{name} says that a page has attributes that not all of it has.",
        ).told("yes", _NOTED),
        Wrong(
            "needlessly-mixed",
            all_of(agreed, negate(made.answer)),
            f"{name} says that a page has other attributes, and all of it has these.",
        ).told("no", _NOTED),
    )


def _readied(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield from (_before(kvm, level) for level in range(_LOWEST, _HUGEST + 1))
    yield _last(kvm)


def _marked(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for level in range(_LOWEST, _HUGEST + 1):
        yield _after(kvm, level)
        yield _begun(kvm, level)


def _compared(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield from (_of_comparison(kvm.mixed_attributes.compared(level)) for level in range(_LOWEST, _HUGEST + 1))


def _noted(kvm: Kvm, _vendor: Vendor) -> Claim:
    made, name = kvm.mixed_attributes.noted(), "hugepage_test_mixed()"
    counts = [each & (_NOTE - 1) for each in (made.before, made.set, made.unset)]
    return never(
        given(
            shown=(
                Shown("disallow_lpage", made.before),
                Shown("disallow_lpage once it is noted", made.set),
                Shown("disallow_lpage once that is taken back", made.unset),
            ),
            evidence=made.evidence,
        ),
        Wrong("note-lost", negate(made.noted), f"{name} says no of a page that has been noted as mixed.").told(
            "no", _NOTED
        ),
        Wrong("note-stays", made.cleared, f"{name} says yes of a page that is noted as mixed no more.").told(
            "yes", _NOTED
        ),
        Wrong("of-another-page", negate(made.of_page), "The note is that of another page.").told(
            "another page", _NOTED
        ),
        Wrong(
            "count-changed",
            any_of(*(ne(each, counts[0]) for each in counts[1:])),
            "A note changes how often huge pages are ruled out for other reasons.",
        ).told("another count", "KVM's comment at KVM_LPAGE_MIXED_FLAG: the other bits count"),
    )


_NEEDS = (Need(Feature.MIXED_ATTRIBUTES),)
THEOREMS = (
    Theorem(
        name="slot.attributes-mixed",
        claim="After the attributes of a range are set, and when a slot is made, each huge page of it is looked at, at "
        "each level from the lowest on. It is noted as mixed exactly if its frames do not all have one set of "
        "attributes. No note is made of a page that is not all the slot's.",
        source="KVM's comments at KVM_LPAGE_MIXED_FLAG, in kvm_arch_post_set_memory_attributes() and in "
        "kvm_mmu_init_memslot_memory_attributes()",
        assumes=(
            "the range is one of the slot's: kvm_handle_gfn_range()",
            "what is noted of lower levels is right: they are looked at first",
        ),
        vendors=(Vendor.INTEL, Vendor.AMD),
        needs=_NEEDS,
        state=several(_marked),
        catches=(
            Catch("attributes-head-beyond-slot", "not-of-the-slot"),
            Catch("attributes-mixed-not-noted", "left-out"),
            Catch("attributes-slot-first-page", "page-passed-over"),
        ),
    ),
    Theorem(
        name="slot.attributes-compared",
        claim="A huge page counts as one of some attributes exactly if each of its frames has just these, and none of "
        "the huge pages that it is made of is noted as mixed.",
        source="KVM's comments at KVM_LPAGE_MIXED_FLAG",
        assumes=("what is noted of lower levels is right, by slot.attributes-mixed",),
        vendors=(Vendor.INTEL, Vendor.AMD),
        needs=_NEEDS,
        state=several(_compared),
        catches=(
            Catch("attributes-parts-unasked", "other-part-taken"),
            Catch("attributes-small-parts-asked", "small-page-asked"),
        ),
    ),
    Theorem(
        name="slot.attributes-set",
        claim="Before the attributes of a range are set, faults in each huge page are invalidated that the range holds "
        "in part and that could be mapped. What maps the range is taken away: as shared memory if it becomes private, "
        "else as private memory.",
        source="KVM's comments in kvm_arch_pre_set_memory_attributes()",
        assumes=("the range is one of the slot's: kvm_handle_gfn_range()",),
        vendors=(Vendor.INTEL, Vendor.AMD),
        needs=_NEEDS,
        state=several(_readied),
        catches=(
            Catch("attributes-tail-not-invalidated", "page-not-invalidated"),
            Catch("attributes-same-kind-unmapped", "another-kind-unmapped"),
        ),
    ),
    Theorem(
        name="slot.attributes-noted",
        claim="A huge page that is noted as mixed counts as mixed until the note is taken away, and only then not. "
        "How often huge pages are ruled out there for other reasons stays as it is.",
        source="KVM's comment at KVM_LPAGE_MIXED_FLAG",
        assumes=("which entry is for a page is slot.index",),
        vendors=(Vendor.INTEL, Vendor.AMD),
        needs=_NEEDS,
        state=alone(_noted),
        catches=(Catch("attributes-any-count-mixed", "note-stays"), Catch("attributes-note-counted", "note-lost")),
    ),
)
