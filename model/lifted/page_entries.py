"""What a lifted tree does to each entry of a page of the shadow MMU: ``mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.c_types import IntType
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object, ObjectKind, Pointer, pointer_to
from mmuproof.lift.machine.values import Dimension, Place, Target
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import page_entries as cuts
from mmuproof.model.cuts.kept_roots import CHILD
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import answer_of, answered_last, is_given, is_nonzero, numbers_given
from mmuproof.model.lifted.entry_bench import page_table
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import read
from mmuproof.model.lifted.variables import NUMBER, variable_like, variable_told
from mmuproof.model.named import functions, kvm_mmu_page, kvm_vcpu, kvm_vm, list_heads, page_role
from mmuproof.model.page_entries import EntryReached, EntrySynced, EntryTaken, PageEntries, PageSynced, Sweep
from mmuproof.model.stores import ENTRIES, LOOKED_AT
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bool_var, bv, eq, ite, negate, to_bv, zext

_IS_MMIO = bool_var("the entry is an MMIO SPTE")
_FRAME = (1 << 52) - (1 << 12)
_DOES = {Sweep.EMPTY: cuts.TAKE, Sweep.SYNC: cuts.SYNC_ENTRY}


class LiftedPageEntries(PageEntries, Remembers):
    """The part of a lifted tree that goes through the entries of a page.

    Args:
        unit: ``mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _spte: Unit) -> None:
        super().__init__()
        self._unit = unit

    @property
    def by_entry(self) -> bool:
        """See `PageEntries.by_entry`."""
        return self._unit.has_function(cuts.SYNC_ALL.function)

    def _object(self, name: str, record: str = "") -> Object:
        type_ = self._unit.record(record) if record else IntType(64, False, "u64")
        return Object(name=name, type=type_, kind=ObjectKind.INPUT, by_pointer=True, settled=True)

    def _bench(self, known: tuple[Cut, ...], *rounds: str) -> tuple[Bench, Object, Object]:
        """A bench with a page and its table."""
        bench = Bench(self._unit, known, any_round=frozenset(rounds))
        page, table = self._object("sp", kvm_mmu_page.STRUCT), page_table("sp->spt")
        bench.objects[kvm_mmu_page.STRUCT] = pointer_to(page)
        bench.write(page, kvm_mmu_page.SPT, pointer_to(table))
        for name, record in (("vcpu", kvm_vcpu.STRUCT), ("kvm", kvm_vm.STRUCT), ("invalid_list", list_heads.LIST)):
            bench.add(name, record)
        return bench, page, table

    @once
    def taken(self) -> EntryTaken:
        """See `PageEntries.taken`."""
        child = self._object("child", kvm_mmu_page.STRUCT)
        leads = {cut: replace(cut, gives=pointer_to(child)) for cut in CHILD}
        leads[cuts.IS_MMIO] = replace(cuts.IS_MMIO, gives=to_bv(_IS_MMIO, 8))
        bench, page, _ = self._bench(tuple(leads.get(cut, cut) for cut in cuts.TAKES))
        sptep = self._object("spte")
        entry = read(bench.memory, sptep, 0, 64)
        says = bench.integer(functions.MMU_PAGE_ZAP_PTE, {"spte": pointer_to(sptep)})
        session = bench.session
        done = {cut: session.calls(cut.function) for cut in (cuts.DROP, cuts.UNLINK[0], cuts.CLEAR)}
        looks = session.calls(*(cut.function for cut in CHILD))
        asked = session.calls(cuts.IS_MMIO.function)
        gives = session.calls(cuts.GIVE_UP.function)
        elsewhere = [
            all_of(call.guard, negate(is_given(call, pointer_to(sptep)))) for calls in done.values() for call in calls
        ]
        elsewhere += [
            all_of(call.guard, negate(is_given(call, pointer_to(child)))) for call in (*done[cuts.UNLINK[0]], *gives)
        ]
        elsewhere += [all_of(call.guard, negate(_is_of(call, entry))) for call in asked]
        # Some kernels ask by the address in the entry.
        elsewhere += [all_of(call.guard, negate(_is_of(call, entry, _FRAME))) for call in looks]
        gave_up = bv(0, 32)
        for call in gives:
            gave_up = ite(call.guard, to_bv(is_nonzero(call), 32), gave_up)
        return EntryTaken(
            entry=entry,
            level=zext(bench.flag(page, kvm_mmu_page.ROLE, page_role.LEVEL), 32),
            mmio=_IS_MMIO,
            dropped=_made(done[cuts.DROP]),
            unlinked=_made(done[cuts.UNLINK[0]]),
            cleared=_made(done[cuts.CLEAR]),
            elsewhere=any_of(*elsewhere),
            gives_up=_made(gives),
            gave_up=gave_up,
            says=says,
            evidence=session.evidence(),
        )

    @once
    def reached(self, sweep: Sweep) -> EntryReached:
        """See `PageEntries.reached`."""
        bench, page, table = self._bench(cuts.SWEEPS, sweep.value)
        says, session = bench.integer(sweep.value), bench.session
        made = session.round(sweep.value)
        if made.end is None:
            raise NotThere([f"a second round of {sweep.value}()"])
        call = session.only_call(_DOES[sweep].function)
        counter = variable_told(made, NUMBER, call, "i")
        total = variable_like(made, NUMBER, "zapped" if sweep is Sweep.EMPTY else "flush", [counter])
        number = read(made.head, counter, 0, 32)
        if sweep is Sweep.EMPTY:
            entry = Place(table, 0, (Dimension(index=zext(number, 64), stride=64, count=ENTRIES),))
            own = is_given(call, Pointer((Target(guard=TRUE, place=entry),)))
        else:
            own = eq(numbers_given(call)[-1], number)
        refused = any_of(*(all_of(each.guard, negate(is_nonzero(each))) for each in session.calls(cuts.CHECK.function)))
        return EntryReached(
            first=read(made.entered, counter, 0, 32),
            begins_with=read(made.entered, total, 0, 32),
            number=number,
            before=read(made.head, total, 0, 32),
            asks=call.guard,
            own_entry=all_of(own, is_given(call, pointer_to(page))),
            found=answer_of(call, 32),
            goes_on=made.goes_on,
            following=read(made.end, counter, 0, 32),
            after=read(made.end, total, 0, 32),
            refused=refused,
            says=says,
            evidence=session.evidence(),
        )

    @once
    def synced(self) -> EntrySynced:
        """See `PageEntries.synced`."""
        bench, page, table = self._bench(cuts.SYNCS)
        says = bench.integer(cuts.SYNC_ENTRY.function, i=bv(LOOKED_AT, 32))
        calls = bench.session.calls(cuts.SYNC_IN_FORMAT.function)
        own = []
        for call in calls:
            of_entry = all_of(is_given(call, pointer_to(page)), _is_of(call, bv(LOOKED_AT, 32)))
            own.append(any_of(negate(call.guard), of_entry))
        return EntrySynced(
            entry=read(bench.memory, table, LOOKED_AT * 64, 64),
            asks=_made(calls),
            own_entry=all_of(*own),
            found=answered_last(calls, 32)[1],
            says=says,
            evidence=bench.session.evidence(),
        )

    @once
    def page_synced(self) -> PageSynced:
        """See `PageEntries.page_synced`."""
        bench, page, _ = self._bench(cuts.PAGES)
        says = bench.integer(functions.KVM_SYNC_PAGE)
        call = bench.session.only_call(cuts.SYNC_ALL.function)
        gives = bench.session.calls(cuts.GIVE_UP.function)
        given = (all_of(each.guard, is_given(each, pointer_to(page))) for each in gives)
        found = ite(all_of(call.guard, is_given(call, pointer_to(page))), answer_of(call, 32), bv(-1, 32))
        return PageSynced(found=found, gives_up=any_of(*given), says=says, evidence=bench.session.evidence())


def _made(calls: tuple[CallMade, ...]) -> Bool:
    return any_of(*(call.guard for call in calls))


def _is_of(call: CallMade, number: BitVec, bits: int = -1) -> Bool:
    """Whether a call is given a number, or some bits of it, as the last that it is given."""
    return eq((numbers_given(call)[-1] ^ number) & bits, 0)
