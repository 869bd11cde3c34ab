"""How entries come and go that lead to pages, or are on lists, in a lifted tree: ``mmu.c``."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import NULL, Object, ObjectKind, Pointer, choose, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import parent_links as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_called, is_given
from mmuproof.model.lifted.entry_bench import page_table
from mmuproof.model.lifted.listed_entries import listing
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import read
from mmuproof.model.named import constants, functions, kvm_memory_slot, kvm_mmu_page, kvm_vm
from mmuproof.model.parent_links import EntryGoes, EntryTakenAway, ParentLinks, ParentNoted, ParentsRound
from mmuproof.model.stores import LOOKED_AT
from mmuproof.smt.terms import all_of, any_of, bool_var, eq, negate

_NOTES, _GO = "mmu_page_add_parent_pte", functions.KVM_MMU_UNLINK_PARENTS
_NAMES = ("parent_pte", "sptep", "spte")
"""What parameters are called that lead to an entry."""


class LiftedParentLinks(ParentLinks, Remembers):
    """The entries of a lifted tree.

    Args:
        unit: ``mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _spte: Unit) -> None:
        super().__init__()
        self._unit = unit

    def _bench(self, known: tuple[Cut, ...], *rounds: str) -> tuple[Bench, Object, Object, Pointer]:
        """A bench with a page and a table, and a pointer to an entry of that."""
        bench, table = Bench(self._unit, known, any_round=frozenset(rounds)), page_table("table")
        bench.add("kvm", kvm_vm.STRUCT)
        page = bench.add("sp", kvm_mmu_page.STRUCT)
        page.settled = table.settled = True
        return bench, page, table, pointer_to(table, LOOKED_AT * 64)

    @staticmethod
    def _list_of(bench: Bench, page: Object) -> Pointer:
        """The list of the entries that lead to a page."""
        return pointer_to(page, bench.place(page, kvm_mmu_page.PARENT_PTES).offset)

    @once
    def noted(self) -> ParentNoted:
        """See `ParentLinks.noted`."""
        bench, page, _, entry = self._bench(cuts.NOTES)
        cache = Object(name="cache", type=self._unit.record(kvm_vm.CACHE), kind=ObjectKind.INPUT, by_pointer=True)
        bench.objects[kvm_vm.CACHE] = pointer_to(cache)
        none = bool_var("parent_pte == NULL")
        given = choose(none, NULL, entry)
        assert isinstance(given, Pointer)
        bench.session.call(bench.memory, _NOTES, objects=bench.objects, pointers={_NAMES[0]: given})
        return ParentNoted(
            some=negate(none),
            listed=is_called(bench.session.calls(cuts.LIST.function), entry, self._list_of(bench, page)),
            evidence=bench.session.evidence(),
        )

    @once
    def parents_gone(self) -> ParentsRound:
        """See `ParentLinks.parents_gone`."""
        table = page_table("table")
        entry = pointer_to(table, LOOKED_AT * 64)
        bench, page, _, _ = self._bench(listing(cuts.GO, entry), _GO)
        bench.call(_GO)
        session = bench.session
        made = session.round(_GO)
        finds, takes = session.calls(functions.RMAP_GET_FIRST), session.calls(functions.DROP_PARENT_PTE)
        return ParentsRound(
            there=negate(bool_var(f"{functions.RMAP_GET_FIRST}() finds none")),
            of_page=is_called(finds, self._list_of(bench, page)),
            taken_away=is_called(takes, entry, pointer_to(page)),
            goes_on=made.goes_on,
            evidence=session.evidence(),
        )

    @once
    def taken_away(self, which: EntryGoes) -> EntryTakenAway:
        """See `ParentLinks.taken_away`."""
        bench, page, table, entry = self._bench(cuts.GOES)
        head = bench.add("rmap_head", kvm_memory_slot.RMAP_HEAD)
        session = bench.session
        session.call(bench.memory, which.value, objects=bench.objects, pointers=dict.fromkeys(_NAMES, entry))
        own = pointer_to(head) if which is EntryGoes.SPTE else self._list_of(bench, page)
        empty = self._unit.constant(constants.SHADOW_NONPRESENT_VALUE)
        cleared = [all_of(call.guard, is_given(call, entry)) for call in session.calls(cuts.CLEAR.function)]
        return EntryTakenAway(
            emptied=any_of(*cleared, eq(read(bench.memory, table, LOOKED_AT * 64, 64), 0 if empty is None else empty)),
            unlisted=is_called(session.calls(cuts.UNLIST.function), entry, own),
            evidence=session.evidence(),
        )
