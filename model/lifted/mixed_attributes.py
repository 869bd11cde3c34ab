"""What a lifted tree notes of mixed attributes: ``mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade, RoundMade
from mmuproof.lift.machine.memory import Object, ObjectKind, pointer_to, same_place
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import mixed_attributes as cuts
from mmuproof.model.cuts.guest_tables import INFO
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import answer_of, is_given, is_nonzero
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import read
from mmuproof.model.lifted.variables import NUMBER, WIDE, variable_like
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
from mmuproof.model.named import functions, kvm_gfn_range, kvm_memory_slot, kvm_vm
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bit, bv, eq, iff, ite, ne, negate, var, zext

_READIES, _MARKS = "kvm_arch_pre_set_memory_attributes", "kvm_arch_post_set_memory_attributes"
_BEGINS, _COMPARES = functions.KVM_MMU_INIT_MEMSLOT_MEMORY_ATTRIBUTES, functions.HUGEPAGE_HAS_ATTRS

_LEVEL, _FRAME = "level", "gfn"
"""The variables of the loops."""

_PRIVATE = 3
"""The bit of KVM_MEMORY_ATTRIBUTE_PRIVATE."""
_OF_SHARED, _OF_PRIVATE = 0, 1
"""The bits of a filter."""
_PAGE_BITS = 9
"""By how many bits the number of frames grows from level to level."""
_NO_FRAME = bv(0, 64)
_NO_PARTS = FrameRound(runs=FALSE, frame=_NO_FRAME, first=_NO_FRAME, goes_on=FALSE, after=_NO_FRAME)


class _Desk(Bench):
    """A bench with a VM, a slot of it, and a range of that."""

    def __init__(self, unit: Unit, known: tuple[Cut, ...], function: str) -> None:
        super().__init__(unit, known, any_round=frozenset({function}))
        self.function = function
        self.kvm, self.slot = self.add("kvm", kvm_vm.STRUCT), self.add("slot", kvm_memory_slot.STRUCT)
        self.range = self.add("range", kvm_gfn_range.STRUCT)
        self.write(self.range, kvm_gfn_range.SLOT, pointer_to(self.slot))
        # Nobody changes the VM's kind, a slot's frames, or a range that a caller has on its stack.
        for each in (self.kvm, self.slot, self.range):
            each.settled = True
        self.base, self.pages = (
            self.read(self.slot, name) for name in (kvm_memory_slot.BASE_GFN, kvm_memory_slot.NPAGES)
        )
        self.start, self.end = (self.read(self.range, name) for name in (kvm_gfn_range.START, kvm_gfn_range.END))
        self.attributes = self.read(self.range, kvm_gfn_range.ARG_ATTRIBUTES)
        self.page = var("page", 64)

    def levels(self, made: RoundMade) -> LevelRound:
        """The loop over levels."""
        level = variable_like(made, NUMBER, _LEVEL)
        return LevelRound(
            has_private=ne(self.read(self.kvm, kvm_vm.HAS_PRIVATE_MEM, made.head), 0),
            runs=made.begins,
            level=read(made.head, level, 0, 32),
            first=read(made.entered, level, 0, 32),
            goes_on=made.goes_on,
            after=read(made.end or made.head, level, 0, 32),
        )

    def frames(self, made: RoundMade) -> FrameRound:
        """A loop over frames."""
        frame = variable_like(made, WIDE, _FRAME)
        return FrameRound(
            runs=made.begins,
            frame=read(made.head, frame, 0, 64),
            first=read(made.entered, frame, 0, 64),
            goes_on=made.goes_on,
            after=read(made.end or made.head, frame, 0, 64),
        )

    def marked(self, level: BitVec, attributes: BitVec) -> PageMarked:
        """What becomes of the note of any page of a level."""
        same, differs = (
            any_of(
                *(
                    all_of(right, eq(self.session.argument(call, "attrs"), attributes), iff(is_nonzero(call), yes))
                    for call, right in self.of_page(cuts.HAS, level)
                )
            )
            for yes in (TRUE, FALSE)
        )
        cleared, noted = (any_of(*(right for _, right in self.of_page(cut, level))) for cut in (cuts.CLEAR, cuts.NOTE))
        elsewhere = any_of(
            *(
                all_of(call.guard, negate(all_of(self._is_slot(call), eq(self.session.argument(call, "level"), level))))
                for call in self.session.calls(cuts.CLEAR.function, cuts.NOTE.function)
            )
        )
        return PageMarked(page=self.page, same=same, differs=differs, cleared=cleared, noted=noted, elsewhere=elsewhere)

    def of_page(self, cut: Cut, level: BitVec) -> list[tuple[CallMade, Bool]]:
        """The calls of a function, each with when it is made for the page."""
        return [
            (
                call,
                all_of(
                    call.guard,
                    self._is_slot(call),
                    eq(self.session.argument(call, "gfn"), self.page),
                    eq(self.session.argument(call, "level"), level),
                ),
            )
            for call in self.session.calls(cut.function)
        ]

    def _is_slot(self, call: CallMade) -> Bool:
        return same_place(self.session.pointer_argument(call, "slot"), pointer_to(self.slot))


class LiftedMixedAttributes(MixedAttributes, Remembers):
    """What a lifted tree notes.

    Args:
        unit: ``mmu.c``.
    """

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def readied(self) -> RangeReadied:
        """See `MixedAttributes.readied`."""
        desk = _Desk(self._unit, cuts.CUTS, _READIES)
        answer = desk.integer(_READIES)
        made = desk.session.round(_READIES)
        levels, session = desk.levels(made), desk.session
        end = desk.page + _frames(levels.level)
        unmaps = session.only_call(cuts.UNMAP.function)
        memory = unmaps.memory
        assert memory is not None
        told = session.pointer_argument(unmaps, "range")
        same = [
            eq(desk.read(desk.range, name, memory), was)
            for name, was in ((kvm_gfn_range.START, desk.start), (kvm_gfn_range.END, desk.end))
        ]
        kinds = desk.read(desk.range, kvm_gfn_range.ATTR_FILTER, memory)
        return RangeReadied(
            levels=levels,
            page=desk.page,
            mixed=any_of(
                *(all_of(right, is_nonzero(call)) for call, right in desk.of_page(cuts.IS_MIXED, levels.level))
            ),
            invalidated=any_of(
                *(
                    all_of(
                        call.guard,
                        eq(session.argument(call, "start"), desk.page),
                        eq(session.argument(call, "end"), end),
                    )
                    for call in session.calls(cuts.INVALIDATE.function)
                )
            ),
            start=desk.start,
            end=desk.end,
            base=desk.base,
            pages=desk.pages,
            becomes_private=bit(desk.attributes, _PRIVATE),
            unmapped=all_of(unmaps.guard, same_place(told, pointer_to(desk.range)), *same),
            of_shared=bit(kinds, _OF_SHARED),
            of_private=bit(kinds, _OF_PRIVATE),
            due=all_of(unmaps.guard, is_nonzero(unmaps)),
            answer=all_of(ne(answer, 0), negate(made.goes_on)),
            evidence=session.evidence(),
        )

    @once
    def noted(self) -> MixedNoted:
        """See `MixedAttributes.noted`."""
        record = self._unit.record(kvm_memory_slot.LPAGE_INFO)
        info = Object(name="info", type=record, kind=ObjectKind.INPUT, by_pointer=True)
        bench = Bench(
            self._unit, tuple(replace(each, gives=pointer_to(info)) if each is INFO else each for each in cuts.NOTES)
        )
        slot, gfn, level = bench.add("slot", kvm_memory_slot.STRUCT), var("gfn", 64), var("level", 32)

        def held() -> BitVec:
            return bench.read(info, kvm_memory_slot.DISALLOW_LPAGE)

        def says() -> Bool:
            return ne(bench.integer(cuts.IS_MIXED.function, gfn=gfn, level=level), 0)

        before = held()
        bench.call(cuts.NOTE.function, gfn=gfn, level=level)
        noted, after_note = says(), held()
        bench.call(cuts.CLEAR.function, gfn=gfn, level=level)
        cleared, after_all = says(), held()
        session = bench.session
        return MixedNoted(
            noted=noted,
            cleared=cleared,
            of_page=all_of(
                *(
                    all_of(
                        is_given(call, pointer_to(slot)),
                        eq(session.argument(call, "gfn"), gfn),
                        eq(session.argument(call, "level"), level),
                    )
                    for call in session.calls(INFO.function)
                )
            ),
            before=before,
            set=after_note,
            unset=after_all,
            evidence=session.evidence(),
        )

    @once
    def of_range(self) -> RangeMarked:
        """See `MixedAttributes.of_range`."""
        desk = _Desk(self._unit, cuts.CUTS, _MARKS)
        desk.call(_MARKS)
        whole, made = desk.session.rounds(_MARKS, 2)
        levels = desk.levels(made)
        return RangeMarked(
            levels=levels,
            whole=desk.frames(whole),
            marked=desk.marked(levels.level, desk.attributes),
            start=desk.start,
            end=desk.end,
            base=desk.base,
            pages=desk.pages,
            evidence=desk.session.evidence(),
        )

    @once
    def of_slot(self) -> SlotMarked:
        """See `MixedAttributes.of_slot`."""
        desk = _Desk(self._unit, cuts.CUTS, _BEGINS)
        desk.call(_BEGINS)
        frames, made = desk.session.rounds(_BEGINS, 2)
        levels, attributes = desk.levels(made), var("no attributes", 64)
        for call in desk.session.calls(cuts.OF_FRAME.function):
            asked = all_of(call.guard, eq(desk.session.argument(call, "gfn"), desk.page))
            attributes = ite(asked, answer_of(call, 64), attributes)
        return SlotMarked(
            levels=levels,
            frames=desk.frames(frames),
            marked=desk.marked(levels.level, attributes),
            base=desk.base,
            pages=desk.pages,
            evidence=desk.session.evidence(),
        )

    @once
    def compared(self, level: int) -> PageCompared:
        """See `MixedAttributes.compared`."""
        desk = _Desk(self._unit, cuts.COMPARES, _COMPARES)
        gfn, attributes = desk.page, var("attributes", 64)
        answer = desk.integer(_COMPARES, gfn=gfn, level=bv(level, 32), attrs=attributes)
        session, end = desk.session, gfn + (1 << (level - 1) * _PAGE_BITS)
        rounds = [each for each in session.machine.rounds_made if each.function == _COMPARES]
        parts = desk.frames(rounds[0]) if rounds else _NO_PARTS
        asked, same = FALSE, FALSE
        for call in session.calls(cuts.WHOLE.function):
            wanted = {"start": gfn, "end": end, "mask": bv(-1, 64), "attrs": attributes}
            right = all_of(call.guard, *(eq(session.argument(call, name), value) for name, value in wanted.items()))
            asked, same = any_of(asked, right), any_of(same, all_of(right, is_nonzero(call)))
        part = var("attributes of no part", 64)
        for call in session.calls(cuts.OF_FRAME.function):
            of_part = all_of(call.guard, eq(session.argument(call, "gfn"), parts.frame))
            part = ite(of_part, answer_of(call, 64), part)
        notes = [(call, session.argument(call, "level")) for call in session.calls(cuts.IS_MIXED.function)]
        unmixed = any_of(
            *(
                all_of(
                    call.guard,
                    eq(session.argument(call, "gfn"), parts.frame),
                    eq(asked_of, level - 1),
                    negate(is_nonzero(call)),
                )
                for call, asked_of in notes
            )
        )
        return PageCompared(
            level=level,
            gfn=gfn,
            attributes=attributes,
            asked=asked,
            same=same,
            parts=parts,
            unmixed=unmixed,
            asks_small=any_of(*(all_of(call.guard, eq(asked_of, 1)) for call, asked_of in notes)),
            part_attributes=part,
            answer=all_of(ne(answer, 0), negate(parts.goes_on)),
            evidence=session.evidence(),
        )


def _frames(level: BitVec) -> BitVec:
    """How many frames a page of a level has."""
    return bv(1, 64) << zext((level - 1) * _PAGE_BITS, 64)
