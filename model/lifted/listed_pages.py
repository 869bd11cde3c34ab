"""A list of pages that may shadow a frame, in a lifted tree, and the one that a round of a loop is at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mmuproof.lift.c_types import PointerType, StructMember
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import RoundMade
from mmuproof.lift.machine.memory import NULL, Object, ObjectKind, Pointer, choose, pointer_to
from mmuproof.lift.machine.values import as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import guest_tables as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.session import pointee
from mmuproof.model.lifted.variables import leads_to, variable_like
from mmuproof.model.listed_pages import ListedPage
from mmuproof.model.named import kvm_mmu_page, kvm_vm, list_heads, page_role
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bool_var, bv, eq, ne, negate


class PageListBench(Bench):
    """A bench with a VM that has a list of up to two pages for any frame.

    Args:
        unit: the code.
        known: the calls that are not followed.
        function: in whose loops one round stands for all.
    """

    def __init__(self, unit: Unit, known: Iterable[Cut], function: str) -> None:
        head = Object(name="sp_list", type=unit.record(list_heads.HASH_LIST), kind=ObjectKind.INPUT, by_pointer=True)
        self._finds = (replace(cuts.PAGES_OF, gives=pointer_to(head)), replace(cuts.NUMBER_OF, gives=bv(0, 32)))
        super().__init__(unit, (*known, *self._finds), any_round=frozenset({function}))
        self.function, self.kvm = function, self.add("kvm", kvm_vm.STRUCT)
        lists = self.place(self.kvm, kvm_vm.MMU_PAGE_HASH)
        if isinstance(lists.type, PointerType):
            self.memory.write(self.kvm, lists.offset, lists.width, pointer_to(head))
            self._list(head, list_heads.FIRST)
        else:
            self._list(self.kvm, kvm_vm.MMU_PAGE_HASH)

    def _list(self, owner: Object, path: str) -> None:
        """Let the list begin at a member of something."""
        first, other = (
            Object(name=name, type=self.unit.record(kvm_mmu_page.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
            for name in ("sp", "another sp")
        )
        link, into = self.place(first, kvm_mmu_page.HASH_LINK), self.place(first, kvm_mmu_page.HASH_LINK_NEXT)
        begins = _or_none("there is no page", first, link.offset)
        self.memory.write(owner, self.place(owner, path).offset, into.width, begins)
        self.memory.write(first, into.offset, into.width, _or_none("there is no other", other, link.offset))
        self.memory.write(other, into.offset, into.width, NULL)

    def page_of(self, made: RoundMade) -> Object:
        """The page at which a round is.

        Raises:
            NotThere: the loop is over no pages.
        """
        variable = self._variable(made)
        return pointee(made.head, variable, StructMember("sp", 0, variable.type)).object

    def listed(self, made: RoundMade, gfn: BitVec, kvm: Object | None = None) -> ListedPage:
        """What is known of that page, of those looked for at a frame; of another VM's if one is given."""
        page, head, variable = self.page_of(made), made.head, self._variable(made)
        pointer = as_pointer(head.read(variable, 0, variable.type.bits))
        assert pointer is not None
        return ListedPage(
            there=any_of(*(each.guard for each in pointer.targets if each.place is not None)),
            gfn=gfn,
            page_gfn=self.read(page, kvm_mmu_page.GFN, head),
            direct=ne(self.flag(page, kvm_mmu_page.ROLE, page_role.DIRECT, head), 0),
            passthrough=ne(self.flag(page, kvm_mmu_page.ROLE, page_role.PASSTHROUGH, head), 0),
            invalid=ne(self.flag(page, kvm_mmu_page.ROLE, page_role.INVALID, head), 0),
            of_tdp=ne(self.read(page, kvm_mmu_page.TDP_MMU_PAGE, head), 0),
            made_in=self.read(page, kvm_mmu_page.MMU_VALID_GEN, head),
            generation=self.read(kvm or self.kvm, kvm_vm.MMU_VALID_GEN, head),
        )

    def looked_up(self, gfn: BitVec) -> Bool:
        """Whether the list is looked up that is a frame's."""
        calls = self.session.calls(*(cut.function for cut in self._finds))
        return all_of(*(any_of(negate(call.guard), eq(self.session.argument(call, "gfn"), gfn)) for call in calls))

    def _variable(self, made: RoundMade) -> Object:
        return variable_like(made, leads_to(kvm_mmu_page.STRUCT), "sp")


def _or_none(none: str, page: Object, offset: int) -> Pointer:
    """A pointer into a page, or to nothing."""
    made = choose(bool_var(none), NULL, pointer_to(page, offset))
    assert isinstance(made, Pointer)
    return made
