"""What Linux 7.2.13 notes of mixed attributes."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.mixed_attributes import (
    FrameRound,
    LevelRound,
    MixedAttributes,
    MixedNoted,
    PageCompared,
    PageMarked,
    RangeMarked,
    RangeReadied,
    SlotMarked,
)
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bv,
    eq,
    ite,
    ne,
    negate,
    slt,
    ule,
    ult,
    var,
    zext,
)

_PRIVATE = ne(var("kvm->arch.has_private_mem", 1), 0)
_LEVEL, _HUGEST = var("level after some rounds", 32), 3
_MIXED = 31
"""KVM_LPAGE_MIXED_FLAG."""
_START, _END = var("range->start", 64), var("range->end", 64)
_BASE, _PAGES = var("slot->base_gfn", 64), var("slot->npages", 64)
_PAGE = var("page", 64)
_IS_LEVEL = negate(slt(bv(_HUGEST, 32), _LEVEL))


def _frames(level: BitVec | int) -> BitVec:
    """How many frames a page of a level has."""
    wide = bv(level, 32) if isinstance(level, int) else level
    return bv(1, 64) << zext((wide - 1) * 9, 64)


def _around(frame: BitVec) -> BitVec:
    """The first frame of the page around a frame, at the level of the round."""
    return frame & -_frames(_LEVEL)


def _says(name: str, number: int = 1) -> Bool:
    return eq(var(f"{name}()" if number == 1 else f"{name}()#{number}", 1), 1)


class ReferenceMixedAttributes(ReferenceArea, MixedAttributes):
    """``kvm_arch_pre_set_memory_attributes()``, ``kvm_arch_post_set_memory_attributes()`` and the like."""

    def _levels(self, runs: Bool, goes_on: Bool) -> LevelRound:
        return LevelRound(
            has_private=_PRIVATE, runs=runs, level=_LEVEL, first=bv(2, 32), goes_on=goes_on, after=_LEVEL + 1
        )

    def readied(self) -> RangeReadied:
        """See `MixedAttributes.readied`."""
        runs = all_of(_PRIVATE, ult(_START, _END))
        here, size, last = all_of(runs, _IS_LEVEL), _frames(_LEVEL), _BASE + _PAGES
        head, tail = _around(_START), _around(_END - 1)
        straddles = any_of(ne(head, _START), ult(_END, head + size))
        asks_head = all_of(here, straddles, ule(_BASE, head), ule(head + size, last))
        asks_tail = all_of(here, ne(tail, head), ult(_END, tail + size), ule(tail + size, last), self._readies_tail())
        mixed, tail_mixed = _says("hugepage_test_mixed"), _says("hugepage_test_mixed", 2)
        of_head, of_tail = all_of(asks_head, eq(_PAGE, head)), all_of(asks_tail, eq(_PAGE, tail))
        ends = all_of(runs, negate(_IS_LEVEL))
        private = bit(var("range->arg", 64), 3)
        return RangeReadied(
            levels=self._levels(runs, here),
            page=_PAGE,
            mixed=any_of(all_of(of_head, mixed), all_of(of_tail, tail_mixed)),
            invalidated=any_of(all_of(of_head, negate(mixed)), all_of(of_tail, negate(tail_mixed))),
            start=_START,
            end=_END,
            base=_BASE,
            pages=_PAGES,
            becomes_private=private,
            unmapped=ends,
            of_shared=self._unmaps_shared(private),
            of_private=negate(self._unmaps_shared(private)),
            due=all_of(ends, _says("kvm_unmap_gfn_range")),
            answer=all_of(ends, _says("kvm_unmap_gfn_range")),
            evidence=Evidence(),
        )

    def _readies_tail(self) -> Bool:
        """Whether the last page of a level is looked at that the range holds in part."""
        return negate(FALSE)

    def _unmaps_shared(self, becomes_private: Bool) -> Bool:
        """Whether it is the shared memory of the range that is taken away."""
        return becomes_private

    def noted(self) -> MixedNoted:
        """See `MixedAttributes.noted`."""
        before, flag = var("info->disallow_lpage", 32), bv(1 << _MIXED, 32)
        after_note = self._with_note(before, flag)
        after_all = after_note & ~flag
        return MixedNoted(
            noted=self._has_note(after_note),
            cleared=self._has_note(after_all),
            of_page=TRUE,
            before=before,
            set=after_note,
            unset=after_all,
            evidence=Evidence(),
        )

    def _has_note(self, held: BitVec) -> Bool:
        """Whether a slot says of a page that its attributes are mixed."""
        return bit(held, _MIXED)

    def _with_note(self, held: BitVec, flag: BitVec) -> BitVec:
        """What it holds once that is noted."""
        return held | flag

    def of_range(self) -> RangeMarked:
        """See `MixedAttributes.of_range`."""
        frame, size, last = var("gfn after some rounds#2", 64), _frames(_LEVEL), _BASE + _PAGES
        here, head = all_of(_PRIVATE, _IS_LEVEL), _around(_START)
        straddles = any_of(ne(head, _START), ult(_END, head + size))
        asks_head = all_of(here, straddles, self._in_slot(head, size))
        whole = all_of(here, ule(frame + size, _END))
        asks_tail = all_of(here, negate(whole), ult(frame, _END), ule(frame + size, last))
        head_same, tail_same = _says("hugepage_has_attrs"), _says("hugepage_has_attrs", 2)
        of_head, of_tail = all_of(asks_head, eq(_PAGE, head)), all_of(asks_tail, eq(_PAGE, frame))
        same = any_of(all_of(of_head, head_same), all_of(of_tail, tail_same))
        differs = any_of(all_of(of_head, negate(head_same)), all_of(of_tail, negate(tail_same)))
        return RangeMarked(
            levels=self._levels(_PRIVATE, all_of(here, negate(whole))),
            whole=FrameRound(
                runs=here, frame=frame, first=ite(straddles, head + size, head), goes_on=whole, after=frame + size
            ),
            marked=PageMarked(
                page=_PAGE,
                same=same,
                differs=differs,
                cleared=any_of(same, all_of(whole, eq(_PAGE, frame))),
                noted=any_of(
                    all_of(of_head, negate(head_same), self._notes_head()), all_of(of_tail, negate(tail_same))
                ),
                elsewhere=FALSE,
            ),
            start=_START,
            end=_END,
            base=_BASE,
            pages=_PAGES,
            evidence=Evidence(),
        )

    def _in_slot(self, head: BitVec, size: BitVec) -> Bool:
        """Whether the first page is one of the slot as a whole."""
        return all_of(ule(_BASE, head), ule(head + size, _BASE + _PAGES))

    def _notes_head(self) -> Bool:
        """Whether it is noted that the attributes of the first page are mixed."""
        return negate(FALSE)

    def of_slot(self) -> SlotMarked:
        """See `MixedAttributes.of_slot`."""
        frame, size = var("gfn after some rounds#2", 64), _frames(_LEVEL)
        here, head, end = all_of(_PRIVATE, _IS_LEVEL), _around(_BASE), _around(_BASE + _PAGES)
        looks = all_of(here, ult(frame, end))
        same = _says("hugepage_has_attrs")
        of_page = all_of(looks, eq(_PAGE, frame))
        return SlotMarked(
            levels=self._levels(_PRIVATE, all_of(here, negate(looks))),
            frames=FrameRound(
                runs=here,
                frame=frame,
                first=self._first(ite(ult(head, _BASE), head + size, head), size),
                goes_on=looks,
                after=frame + size,
            ),
            marked=PageMarked(
                page=_PAGE,
                same=all_of(of_page, same),
                differs=all_of(of_page, negate(same)),
                cleared=all_of(of_page, same),
                noted=all_of(of_page, negate(same)),
                elsewhere=FALSE,
            ),
            base=_BASE,
            pages=_PAGES,
            evidence=Evidence(),
        )

    def _first(self, first: BitVec, _size: BitVec) -> BitVec:
        """The first page of a new slot that is looked at."""
        return first

    def compared(self, level: int) -> PageCompared:
        """See `MixedAttributes.compared`."""
        attributes, part = var("attributes", 64), var("kvm_get_memory_attributes()", 64)
        frame, none = var("gfn after some rounds", 64), bv(0, 64)
        if level == 2:
            same = _says("kvm_range_has_memory_attributes")
            return PageCompared(
                level=level,
                gfn=_PAGE,
                attributes=attributes,
                asked=negate(FALSE),
                same=same,
                parts=FrameRound(runs=FALSE, frame=none, first=none, goes_on=FALSE, after=none),
                unmixed=FALSE,
                asks_small=self._goes_by_parts(),
                part_attributes=var("attributes of no part", 64),
                answer=same,
                evidence=Evidence(),
            )
        inside = ult(frame, _PAGE + _frames(level))
        mixed = all_of(inside, self._asks_parts(), _says("hugepage_test_mixed"))
        looks = all_of(inside, negate(mixed))
        other = all_of(looks, ne(attributes, part))
        return PageCompared(
            level=level,
            gfn=_PAGE,
            attributes=attributes,
            asked=FALSE,
            same=FALSE,
            parts=FrameRound(
                runs=negate(FALSE),
                frame=frame,
                first=_PAGE,
                goes_on=all_of(looks, negate(other)),
                after=frame + _frames(level - 1),
            ),
            asks_small=FALSE,
            unmixed=all_of(inside, self._asks_parts(), negate(_says("hugepage_test_mixed"))),
            part_attributes=ite(looks, part, var("attributes of no part", 64)),
            answer=negate(inside),
            evidence=Evidence(),
        )

    def _asks_parts(self) -> Bool:
        """Whether it is asked of a part whether it is noted as mixed."""
        return negate(FALSE)

    def _goes_by_parts(self) -> Bool:
        """Whether a page of 2 MBytes is looked at part by part, each with its note."""
        return FALSE
