"""What a lifted tree keeps of SPTEs beside them: ``mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.c_types import ArrayType, IntType
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import RoundMade
from mmuproof.lift.machine.memory import Object, ObjectKind, Value, pointer_to, same_place
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import common, flush_ranges, stores
from mmuproof.model.cuts import reverse_maps as cuts
from mmuproof.model.cuts.guest_tables import SLOT_OF, SPACE
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.address_spaces import space_of
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_answered_yes, is_called, is_given, is_nonzero, numbers_given
from mmuproof.model.lifted.entry_bench import EntryBench
from mmuproof.model.lifted.listed_entries import content, entry_of, is_there, over_list
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import read
from mmuproof.model.lifted.variables import FLAG, NUMBER, variable_like
from mmuproof.model.named import constants, functions, kvm_memory_slot, kvm_mmu_page, kvm_vcpu, kvm_vm, page_role
from mmuproof.model.reverse_maps import (
    CollapseRound,
    ListRound,
    MappingNoted,
    ReverseMaps,
    SpteListed,
    SpteUnlisted,
    TranslationNoted,
)
from mmuproof.model.stores import LOOKED_AT
from mmuproof.smt.terms import (
    FALSE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bv,
    eq,
    iff,
    implies,
    ite,
    ne,
    negate,
    resize,
    var,
    zext,
)

_NOTES, _READS_FRAME, _READS_ACCESS = (f"kvm_mmu_page_{name}" for name in ("set_translation", "get_gfn", "get_access"))
_ADDS, _DROPS, _COLLAPSES = functions.INNER_RMAP_ADD, functions.DROP_SPTE, functions.KVM_MMU_ZAP_COLLAPSIBLE_SPTE
_DUE, _FLUSH = "need_tlb_flush", "flush"
_WRITABLE = 1 << 1
"""The bit of an SPTE that permits writes, of every vendor."""
_AT, _BESIDE, _ROOM = 2, 1, 4
"""The entry that is noted, another one, and how many there are to look at."""
_RECORDS = {"vcpu": kvm_vcpu.STRUCT, "kvm": kvm_vm.STRUCT, "slot": kvm_memory_slot.STRUCT}
_PRESENT, _LARGE = constants.SPTE_MMU_PRESENT_MASK, 7
"""What marks an SPTE that is there, and the bit by which one above level 1 maps a page."""


class LiftedReverseMaps(ReverseMaps, Remembers):
    """What a lifted tree keeps.

    Args:
        unit: ``mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _spte: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def noted(self) -> TranslationNoted:
        """See `ReverseMaps.noted`."""
        bench = Bench(self._unit, common.CUTS)
        page = bench.add("sp", kvm_mmu_page.STRUCT)
        array = ArrayType(IntType(64, False, "u64"), _ROOM, f"u64[{_ROOM}]")
        notes = Object(name="translations", type=array, kind=ObjectKind.INPUT, by_pointer=True)
        bench.write(page, kvm_mmu_page.SHADOWED_TRANSLATION, pointer_to(notes))
        direct, through = (
            ne(bench.flag(page, kvm_mmu_page.ROLE, name), 0) for name in (page_role.DIRECT, page_role.PASSTHROUGH)
        )
        gfn, access, beside = var("gfn", 64), var("access", 32), read(bench.memory, notes, _BESIDE * 64, 64)
        bench.call(_NOTES, index=bv(_AT, 32), gfn=gfn, access=access)
        return TranslationNoted(
            shadows=negate(any_of(direct, through)),
            gfn=gfn,
            access=access,
            gfn_after=bench.integer(_READS_FRAME, index=bv(_AT, 32)),
            access_after=bench.integer(_READS_ACCESS, index=bv(_AT, 32)),
            beside=ne(read(bench.memory, notes, _BESIDE * 64, 64), beside),
            evidence=bench.session.evidence(),
        )

    def _entry(self, known: tuple[Cut, ...]) -> EntryBench:
        """A bench with an entry, whose number is known."""
        index = replace(flush_ranges.SPTE_INDEX, gives=bv(LOOKED_AT, 32))
        others = tuple(cut for cut in known if cut.function != index.function)
        return EntryBench(self._unit, (*others, index), LOOKED_AT)

    @once
    def mapped(self) -> MappingNoted:
        """See `ReverseMaps.mapped`."""
        desk = self._entry(cuts.MAPS)
        before = desk.entry(desk.before)
        desk.set_by_shadow_mmu()
        session = desk.session
        gfn, access, pfn = var("gfn", 64), var("pte_access", 32), var("pfn", 64)
        adds = [
            (
                call,
                all_of(
                    is_given(call, desk.sptep),
                    eq(session.argument(call, "gfn"), gfn),
                    eq(session.argument(call, "access", "pte_access"), access),
                ),
            )
            for call in session.calls(cuts.ADD.function)
        ]
        notes = [
            (
                call,
                all_of(
                    same_place(session.pointer_argument(call, "sp"), pointer_to(desk.page)),
                    eq(session.argument(call, "index"), LOOKED_AT),
                    eq(session.argument(call, "access"), access),
                ),
            )
            for call in session.calls(cuts.RENOTE.function)
        ]
        level = zext(desk.flag(desk.page, kvm_mmu_page.ROLE, page_role.LEVEL), 32)
        leaf = any_of(eq(level, 1), ne(before & 1 << _LARGE, 0))
        frame = desk.integer(functions.SPTE_TO_PFN, pte=before)
        present = ne(before & self._unit_constant(_PRESENT), 0)
        return MappingNoted(
            level=level,
            makes=session.called(stores.MAKE_SPTE.function),
            kept=all_of(present, leaf, eq(frame, pfn)),
            added=any_of(*(all_of(call.guard, right) for call, right in adds)),
            renoted=any_of(*(all_of(call.guard, right) for call, right in notes)),
            otherwise=any_of(*(all_of(call.guard, negate(right)) for call, right in (*adds, *notes))),
            evidence=session.evidence(),
        )

    def _unit_constant(self, name: str) -> int:
        found = self._unit.constant(name)
        if found is None:
            raise NotThere([name])
        return found

    @once
    def added(self) -> SpteListed:
        """See `ReverseMaps.added`."""
        head = Object(
            name="rmap_head", type=self._unit.record(kvm_memory_slot.RMAP_HEAD), kind=ObjectKind.INPUT, by_pointer=True
        )
        desk = self._entry(
            tuple(replace(cut, gives=pointer_to(head)) if cut is cuts.RMAP else cut for cut in cuts.ADDS)
        )
        for name, record in (*_RECORDS.items(), ("cache", kvm_vm.CACHE)):
            desk.add(name, record)
        session, gfn, access = desk.session, var("gfn", 64), var("access", 32)
        level = zext(desk.flag(desk.page, kvm_mmu_page.ROLE, page_role.LEVEL), 32)
        values = {"gfn": gfn, "access": access}
        session.call(desk.memory, _ADDS, objects=desk.objects, values=values, pointers={"spte": desk.sptep})
        noted = any_of(
            *(
                all_of(
                    call.guard,
                    same_place(session.pointer_argument(call, "sp"), pointer_to(desk.page)),
                    eq(session.argument(call, "index"), LOOKED_AT),
                    eq(session.argument(call, "gfn"), gfn),
                    eq(session.argument(call, "access"), access),
                )
                for call in session.calls(cuts.NOTE.function)
            )
        )
        found = any_of(
            *(
                all_of(
                    call.guard,
                    eq(session.argument(call, "gfn"), gfn),
                    eq(session.argument(call, "level"), level),
                    is_given(call, desk.objects[kvm_memory_slot.STRUCT]),
                )
                for call in session.calls(cuts.RMAP.function)
            )
        )
        put = is_called(session.calls(cuts.LIST.function), desk.sptep, pointer_to(head))
        flushed: list[Bool] = []
        for call in session.calls(*(cut.function for cut in cuts.FLUSH)):
            told = numbers_given(call)
            size = level if call.function == cuts.FLUSH[0].function else bv(1, 64) << zext((level - 1) * 9, 64)
            flushed.append(all_of(call.guard, eq(told[0], gfn), eq(resize(told[1], size.width), size)))
        return SpteListed(
            level=level,
            noted=noted,
            listed=all_of(found, put),
            dropped=session.called(*(cut.function for cut in cuts.DROP_ALL)),
            flushed=any_of(*flushed),
            evidence=session.evidence(),
        )

    @once
    def dropped(self) -> SpteUnlisted:
        """See `ReverseMaps.dropped`."""
        gfn = var("the entry's frame", 64)
        slots, slot, head = (
            Object(name=name, type=self._unit.record(record), kind=ObjectKind.INPUT, by_pointer=True)
            for name, record in (
                ("slots", kvm_memory_slot.SLOTS),
                ("slot", kvm_memory_slot.STRUCT),
                ("rmap_head", kvm_memory_slot.RMAP_HEAD),
            )
        )
        given: dict[Cut, Value] = {
            cuts.FRAME: gfn,
            cuts.RMAP: pointer_to(head),
            SPACE: pointer_to(slots),
            SLOT_OF: pointer_to(slot),
        }
        desk = self._entry(tuple(replace(cut, gives=given[cut]) if cut in given else cut for cut in cuts.DROPS))
        desk.add("kvm", kvm_vm.STRUCT)
        before, session = desk.entry(desk.before), desk.session
        level = zext(desk.flag(desk.page, kvm_mmu_page.ROLE, page_role.LEVEL), 32)
        space = space_of(desk, desk.page)
        session.call(desk.memory, _DROPS, objects=desk.objects, pointers={"sptep": desk.sptep, "spte": desk.sptep})
        steps = (
            all_of(
                *(
                    any_of(
                        negate(call.guard),
                        all_of(
                            same_place(session.pointer_argument(call, "sp"), pointer_to(desk.page)),
                            eq(session.argument(call, "index"), LOOKED_AT),
                        ),
                    )
                    for call in session.calls(cuts.FRAME.function)
                )
            ),
            any_of(*(all_of(c.guard, eq(session.argument(c, "as_id"), space)) for c in session.calls(SPACE.function))),
            any_of(
                *(
                    all_of(call.guard, is_given(call, pointer_to(slots)), eq(session.argument(call, "gfn"), gfn))
                    for call in session.calls(SLOT_OF.function)
                )
            ),
            any_of(
                *(
                    all_of(
                        call.guard,
                        eq(session.argument(call, "gfn"), gfn),
                        eq(session.argument(call, "level"), level),
                        is_given(call, pointer_to(slot)),
                    )
                    for call in session.calls(cuts.RMAP.function)
                )
            ),
        )
        off = session.calls(cuts.UNLIST.function)
        right = (all_of(call.guard, is_given(call, desk.sptep), is_given(call, pointer_to(head))) for call in off)
        value = self._unit.constant(constants.SHADOW_NONPRESENT_VALUE)
        return SpteUnlisted(
            present=ne(before & self._unit_constant(_PRESENT), 0),
            emptied=eq(desk.entry(desk.memory), 0 if value is None else value),
            unlisted=all_of(any_of(*right), *steps),
            asked=any_of(*(call.guard for call in off)),
            evidence=session.evidence(),
        )

    @once
    def write_protected(self) -> ListRound:
        """See `ReverseMaps.write_protected`."""
        wanted = var("pt_protect", 8) & 1
        desk, answer = self._through_list(functions.RMAP_WRITE_PROTECT, cuts.PROTECTS, pt_protect=wanted)
        made = desk.session.round(functions.RMAP_WRITE_PROTECT)
        entry = entry_of(made)
        protects = [call for call in desk.session.calls(cuts.PROTECT.function) if is_given(call, entry) is not FALSE]
        due, due_after = _due(made)
        return ListRound(
            here=is_there(self._unit, made.head, entry),
            changes=is_called(protects, entry),
            as_asked=all_of(
                *(implies(call.guard, eq(resize(each, 8), wanted)) for call in protects for each in numbers_given(call))
            ),
            owes=is_answered_yes(protects),
            due=due,
            due_after=due_after,
            answer=iff(ne(answer, 0), due),
            evidence=desk.session.evidence(),
        )

    @once
    def dirty_cleared(self) -> ListRound:
        """See `ReverseMaps.dirty_cleared`."""
        name = functions.INNER_RMAP_CLEAR_DIRTY
        desk, answer = self._through_list(name, cuts.CLEARS)
        made = desk.session.round(name)
        entry = entry_of(made)
        held = content(made.head, entry)
        left = held if made.end is None else content(made.end, entry)
        protects = any_of(*(is_nonzero(call) for call in desk.session.calls(cuts.BY_WRITES.function)))
        clears = [call for call in desk.session.calls(cuts.CLEAR.function) if is_given(call, entry) is not FALSE]
        due, due_after = _due(made)
        here, cleared = is_there(self._unit, made.head, entry), any_of(*(call.guard for call in clears))
        return ListRound(
            here=here,
            changes=all_of(here, ite(protects, eq(left & _WRITABLE, 0), cleared)),
            as_asked=eq((held ^ left) & ~bv(_WRITABLE, 64), 0),
            owes=any_of(ne(held & ~left & _WRITABLE, 0), *(all_of(call.guard, is_nonzero(call)) for call in clears)),
            due=due,
            due_after=due_after,
            answer=iff(ne(answer, 0), due),
            evidence=desk.session.evidence(),
        )

    def _through_list(self, name: str, known: tuple[Cut, ...], **values: BitVec) -> tuple[EntryBench, BitVec]:
        """A bench on which a function has gone through a list, and what that answers."""
        desk = self._entry(known)
        desk.session = over_list(desk, known, name)
        head = desk.add("rmap_head", kvm_memory_slot.RMAP_HEAD)
        for each, record in (("kvm", kvm_vm.STRUCT), ("slot", kvm_memory_slot.STRUCT)):
            desk.add(each, record)
        for owner in (desk.page, desk.table, head):
            owner.settled = True
        return desk, desk.integer(name, None, **values)

    @once
    def collapsed(self) -> CollapseRound:
        """See `ReverseMaps.collapsed`."""
        desk = self._entry(cuts.COLLAPSES)
        desk.session = over_list(desk, cuts.COLLAPSES, _COLLAPSES, anew=True)
        kvm, slot = desk.add("kvm", kvm_vm.STRUCT), desk.add("slot", kvm_memory_slot.STRUCT)
        desk.add("rmap_head", kvm_memory_slot.RMAP_HEAD)
        for each in (kvm, slot, desk.page, desk.table):
            each.settled = True
        role = {name: desk.flag(desk.page, kvm_mmu_page.ROLE, name) for name in (page_role.DIRECT, page_role.LEVEL)}
        gfn, level = desk.read(desk.page, kvm_mmu_page.GFN), zext(role[page_role.LEVEL], 32)
        desk.call(_COLLAPSES)
        session = desk.session
        made = session.round(_COLLAPSES)
        entry, due = entry_of(made), variable_like(made, NUMBER, _DUE)
        asks, drops = session.calls(cuts.LARGEST.function), session.calls(cuts.DROP.function)
        flushes = session.called(cuts.FLUSH_ENTRY.function, *(cut.function for cut in cuts.FLUSH))
        return CollapseRound(
            here=is_there(self._unit, made.head, entry),
            direct=ne(role[page_role.DIRECT], 0),
            gfn=gfn,
            base=desk.read(slot, kvm_memory_slot.BASE_GFN),
            pages=desk.read(slot, kvm_memory_slot.NPAGES),
            level=level,
            asked=any_of(*(call.guard for call in asks)),
            asked_right=any_of(
                *(
                    all_of(
                        call.guard,
                        eq(session.argument(call, "gfn"), gfn),
                        is_given(call, desk.objects[kvm_memory_slot.STRUCT]),
                    )
                    for call in asks
                )
            ),
            max_level=var(f"{cuts.LARGEST.function}()", 32),
            dropped=is_called(drops, entry),
            flushed=flushes,
            due=any_of(
                *(all_of(back.guard, ne(read(back.memory, due, 0, 32), 0)) for back in session.machine.went_back),
                *([] if made.end is None else [all_of(made.goes_on, ne(read(made.end, due, 0, 32), 0))]),
            ),
            restarts=any_of(*(back.guard for back in session.machine.went_back)),
            evidence=session.evidence(),
        )


def _due(made: RoundMade) -> tuple[Bool, Bool]:
    """Whether a flush is due when a round begins, and when it ends."""
    flag = variable_like(made, FLAG, _FLUSH)
    before, after = (FALSE if memory is None else ne(read(memory, flag, 0, 8), 0) for memory in (made.head, made.end))
    return before, after
