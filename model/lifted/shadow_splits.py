"""How a lifted tree splits huge pages of the shadow MMU: ``mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.c_types import ArrayType, IntType
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, Value, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import flush_ranges, stores
from mmuproof.model.cuts import shadow_splits as cuts
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import answered_last, any_before, is_called, is_given, numbers_given
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.entry_bench import EntryBench
from mmuproof.model.lifted.listed_entries import content, entry_of, is_there, over_list
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import bit_field, read
from mmuproof.model.lifted.variables import FLAG, NUMBER, variable_like
from mmuproof.model.named import functions, kvm_memory_slot, kvm_mmu_page, kvm_vm, page_role
from mmuproof.model.shadow_splits import LOOKED_AT, ListedSplit, ShadowSplits, SplitEntry, SplitPage, SplitTried
from mmuproof.model.stores import LOOKED_AT as AT
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bv,
    eq,
    extract,
    iff,
    ite,
    ne,
    negate,
    resize,
    ult,
    var,
    zext,
)

_SPLITS, _CHOOSES = functions.SHADOW_MMU_SPLIT_HUGE_PAGE, functions.SHADOW_MMU_GET_SP_FOR_SPLIT
_TRIES, _PASSES = functions.SHADOW_MMU_TRY_SPLIT_HUGE_PAGE, functions.SHADOW_MMU_TRY_SPLIT_HUGE_PAGES
_LOCKS, _UNLOCKS = functions.RAW_WRITE_LOCK, (functions.RAW_WRITE_UNLOCK, functions.INNER_RAW_WRITE_UNLOCK)
_PRESENT, _LARGE = "SPTE_MMU_PRESENT_MASK", 7
_ENTRY = IntType(64, False, "u64")
_NEW, _FRAME, _ACCESS = var("new SPTE", 64), var("the entry's frame", 64), var("the entry's access", 32)


class LiftedShadowSplits(ShadowSplits, Remembers):
    """How a lifted tree splits.

    Args:
        unit: ``mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _spte: Unit) -> None:
        super().__init__()
        self._unit = unit

    def _object(self, name: str, record: str = "") -> Object:
        type_ = self._unit.record(record) if record else _ENTRY
        made = Object(name=name, type=type_, kind=ObjectKind.INPUT, by_pointer=True)
        made.settled = True
        return made

    @once
    def entry(self) -> SplitEntry:
        """See `ShadowSplits.entry`."""
        page, huge = self._object("sp", kvm_mmu_page.STRUCT), self._object("huge_sptep")
        type_ = ArrayType(_ENTRY, LOOKED_AT, f"u64[{LOOKED_AT}]")
        table = Object(name="sp->spt", type=type_, kind=ObjectKind.INPUT, by_pointer=True)
        given: dict[str, Value] = {cuts.PAGE.function: pointer_to(page), cuts.FRAME.function: _FRAME}
        given |= {cut.function: _NEW for cut in cuts.MAKE}
        known = tuple(replace(cut, gives=given[cut.function]) if cut.function in given else cut for cut in cuts.SPLITS)
        bench = Bench(self._unit, known, any_round=frozenset({_SPLITS}))
        bench.write(page, kvm_mmu_page.SPT, pointer_to(table))
        kvm, slot = bench.add("kvm", kvm_vm.STRUCT), bench.add("slot", kvm_memory_slot.STRUCT)
        kvm.settled = slot.settled = True
        session, huge_spte, role = bench.session, read(bench.memory, huge, 0, 64), bench.read(page, kvm_mmu_page.ROLE)
        session.call(bench.memory, _SPLITS, objects=bench.objects, pointers={"huge_sptep": pointer_to(huge)})
        made = session.round(_SPLITS)
        if made.end is None:
            raise NotThere([f"a second round of {_SPLITS}()"])
        number, due = variable_like(made, NUMBER, "index"), variable_like(made, FLAG, "flush")
        index = read(made.head, number, 0, 32)

        def held(memory: Memory) -> BitVec:
            value = bv(0, 64)
            for each in range(LOOKED_AT):
                value = ite(eq(index, each), read(memory, table, each * 64, 64), value)
            return value

        looked_at = ult(index, LOOKED_AT)
        before, stale = held(made.head), ne(read(made.head, due, 0, 8), 0)
        level, access = (
            zext(bench.flag(page, kvm_mmu_page.ROLE, name), 32) for name in (page_role.LEVEL, page_role.ACCESS)
        )
        makes = session.calls(*(cut.function for cut in cuts.MAKE))
        frames, lists, links = (session.calls(cut.function) for cut in (cuts.FRAME, cuts.LIST, cuts.LINK))
        wanted = {"huge_spte": huge_spte, "role": role, "index": index}
        of_frame = all_of(
            *(
                any_of(negate(call.guard), all_of(is_given(call, pointer_to(page)), eq(numbers_given(call)[0], index)))
                for call in frames
            )
        )

        def is_for_entry(call: CallMade) -> Bool:
            """Whether a call is given the entry of this round."""
            return any_of(
                *(all_of(eq(index, each), is_given(call, pointer_to(table, each * 64))) for each in range(LOOKED_AT))
            )

        return SplitEntry(
            index=index,
            here=all_of(made.goes_on, looked_at),
            present=ne(before & constant_of(self._unit, _PRESENT), 0),
            table=all_of(ne(level, 1), eq(before & 1 << _LARGE, 0)),
            before=before,
            after=held(made.end),
            made=_NEW,
            made_right=any_of(
                *(
                    all_of(
                        looked_at,
                        call.guard,
                        *(eq(session.argument(call, name), each) for name, each in wanted.items()),
                    )
                    for call in makes
                )
            ),
            listed=all_of(
                looked_at,
                of_frame,
                any_of(
                    *(
                        all_of(
                            call.guard,
                            is_given(call, pointer_to(slot)),
                            is_for_entry(call),
                            eq(numbers_given(call)[0], _FRAME),
                            eq(resize(numbers_given(call)[1], 32), access),
                        )
                        for call in lists
                    )
                ),
            ),
            due=stale,
            due_after=ne(read(made.end, due, 0, 8), 0),
            next_index=read(made.end, number, 0, 32),
            linked=any_of(
                *(
                    all_of(
                        call.guard,
                        is_given(call, pointer_to(huge)),
                        is_given(call, pointer_to(page)),
                        iff(ne(numbers_given(call)[-1], 0), stale),
                    )
                    for call in links
                )
            ),
            ends=any_of(*(call.guard for call in links)),
            evidence=session.evidence(),
        )

    @once
    def page(self) -> SplitPage:
        """See `ShadowSplits.page`."""
        page, huge = self._object("sp", kvm_mmu_page.STRUCT), self._object("huge_sptep")
        given: dict[str, Value] = {
            stores.SPTEP_TO_SP.function: pointer_to(page),
            flush_ranges.SPTE_INDEX.function: bv(AT, 32),
            cuts.FRAME.function: _FRAME,
            cuts.ACCESS.function: _ACCESS,
        }
        known = tuple(replace(cut, gives=given[cut.function]) if cut.function in given else cut for cut in cuts.CHOOSES)
        bench = Bench(self._unit, known)
        bench.add("kvm", kvm_vm.STRUCT).settled = True
        session = bench.session
        session.call(bench.memory, _CHOOSES, objects=bench.objects, pointers={"huge_sptep": pointer_to(huge)})
        frame, role = numbers_given(session.only_call(cuts.GET.function))
        place = bench.place(page, kvm_mmu_page.ROLE)

        def of_role(name: str) -> BitVec:
            member = bit_field(place, name)
            low = member.offset - place.offset
            return zext(extract(role, low + (member.bit_width or 1) - 1, low), 32)

        asked = session.calls(cuts.FRAME.function, cuts.ACCESS.function)
        return SplitPage(
            level=zext(bench.flag(page, kvm_mmu_page.ROLE, page_role.LEVEL), 32),
            frame=_FRAME,
            access=_ACCESS,
            right_entry=all_of(
                *(all_of(is_given(call, pointer_to(page)), eq(numbers_given(call)[0], AT)) for call in asked)
            ),
            told_frame=frame,
            told_level=of_role(page_role.LEVEL),
            told_access=of_role(page_role.ACCESS),
            told_direct=ne(of_role(page_role.DIRECT), 0),
            evidence=session.evidence(),
        )

    @once
    def tried(self) -> SplitTried:
        """See `ShadowSplits.tried`."""
        desk = EntryBench(self._unit, cuts.TRIES, AT)
        desk.add("kvm", kvm_vm.STRUCT)
        slot = desk.add("slot", kvm_memory_slot.STRUCT)
        answer = desk.integer(_TRIES, {"huge_sptep": desk.sptep})
        session = desk.session
        splits, locks = session.calls(cuts.SPLIT.function), session.calls(*_UNLOCKS, _LOCKS)
        made, locked, unlocked = session.machine.calls_made, TRUE, [call for call in locks if call.function in _UNLOCKS]
        for call in locks:
            locked = ite(call.guard, FALSE if call in unlocked else TRUE, locked)
        return SplitTried(
            ready=negate(session.says(cuts.PREPARE.function)),
            unlocked=any_of(*(call.guard for call in unlocked)),
            locked=locked,
            splits=any_of(*(call.guard for call in splits)),
            split_before=all_of(*(negate(all_of(call.guard, any_before(made, call, unlocked))) for call in splits)),
            split_right=is_called(splits, desk.sptep, pointer_to(slot)),
            answer=answer,
            evidence=session.evidence(),
        )

    @once
    def listed(self) -> ListedSplit:
        """See `ShadowSplits.listed`."""
        desk = EntryBench(self._unit, cuts.PASSES, AT)
        desk.session = over_list(desk, cuts.PASSES, _PASSES, anew=True)
        desk.add("kvm", kvm_vm.STRUCT)
        slot = desk.add("slot", kvm_memory_slot.STRUCT)
        desk.add("rmap_head", kvm_memory_slot.RMAP_HEAD)
        for each in (slot, desk.page, desk.table):
            each.settled = True
        role = {
            name: ne(desk.flag(desk.page, kvm_mmu_page.ROLE, name), 0)
            for name in (page_role.GUEST_MODE, page_role.INVALID)
        }
        unsync = ne(desk.read(desk.page, kvm_mmu_page.UNSYNC), 0)
        desk.call(_PASSES)
        session = desk.session
        made, tries = session.round(_PASSES), session.calls(cuts.TRY.function)
        entry = entry_of(made, "huge_sptep")
        _, said = answered_last(tries, 32)
        return ListedSplit(
            here=is_there(self._unit, made.head, entry),
            huge=ne(content(made.head, entry) & 1 << _LARGE, 0),
            shadows=role[page_role.GUEST_MODE],
            unsync=unsync,
            invalid=role[page_role.INVALID],
            tried=any_of(*(call.guard for call in tries)),
            tried_right=is_called(tries, entry, pointer_to(slot)),
            said=said,
            restarts=any_of(*(back.guard for back in session.machine.went_back)),
            goes_on=made.goes_on,
            evidence=session.evidence(),
        )
