"""Looking for pages of SPTEs in a lifted tree: ``mmu.c``."""

from __future__ import annotations

from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.memory import NULL, Object, ObjectKind, Place, Pointer, choose, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import found_pages as cuts
from mmuproof.model.found_pages import FoundPage, FoundPages
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import answer_of
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import functions, kvm_mmu_page, kvm_vcpu, kvm_vm, list_heads, page_role
from mmuproof.smt.terms import all_of, any_of, bool_var, bv, ne, negate, sle, slt, var

_FINDS = functions.KVM_MMU_FIND_SHADOW_PAGE


class LiftedFoundPages(FoundPages, Remembers):
    """What looks for pages in a lifted tree.

    Args:
        unit: ``mmu.c``.
    """

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def found(self) -> FoundPage:
        """See `FoundPages.found`."""
        name = _FINDS
        self._unit.function(cuts.SYNC.function)
        bench = Bench(self._unit, cuts.CUTS, any_round=frozenset({name}))
        bench.add("vcpu", kvm_vcpu.STRUCT)
        kvm = bench.add("kvm", kvm_vm.STRUCT)
        role, pages = (
            Object(name=each, type=self._unit.record(record), kind=ObjectKind.INPUT, by_pointer=each == "sp_list")
            for each, record in (("role", page_role.UNION), ("sp_list", list_heads.HASH_LIST))
        )
        # What is passed by value is nobody else's.
        role.settled = True
        first = Object(name="sp", type=self._unit.record(kvm_mmu_page.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        link, into = bench.place(first, kvm_mmu_page.HASH_LINK), bench.place(first, kvm_mmu_page.HASH_LINK_NEXT)
        bench.write(pages, list_heads.FIRST, self._or_none("there is no page", first, link.offset))
        other = Object(name="another sp", type=first.type, kind=ObjectKind.INPUT, by_pointer=True)
        bench.memory.write(first, into.offset, into.width, self._or_none("there is no other", other, link.offset))
        bench.memory.write(other, into.offset, into.width, NULL)
        gfn = var("gfn", 64)
        result = bench.session.call(
            bench.memory,
            name,
            objects=bench.objects | {list_heads.HASH_LIST: pointer_to(pages)},
            values={"gfn": gfn},
            records={page_role.UNION: Place(role, 0)},
        )
        if not isinstance(result, Pointer):
            raise Refused(f"{name}() gives no page")
        targets = [(each.guard, each.place.object) for each in result.targets if each.place is not None]
        if len(targets) != 1:
            raise Refused(f"{name}() gives a page of several kinds")
        (found, page), made = targets[0], bench.session.round(name)
        syncs = [
            call
            for call in bench.session.calls(cuts.SYNC.function)
            if any(
                isinstance(each, Pointer) and any(of.place == Place(page, 0) for of in each.targets)
                for each in call.arguments
            )
        ]
        results = [(call.guard, answer_of(call, 32)) for call in syncs]
        return FoundPage(
            function=name,
            gfn=gfn,
            role=bench.read(role, page_role.WORD),
            found=all_of(found, negate(made.goes_on)),
            found_gfn=bench.read(page, kvm_mmu_page.GFN, made.head),
            found_role=bench.read(page, kvm_mmu_page.ROLE_WORD, made.head),
            direct=ne(bench.flag(page, kvm_mmu_page.ROLE, page_role.DIRECT, made.head), 0),
            of_tdp=ne(bench.read(page, kvm_mmu_page.TDP_MMU_PAGE, made.head), 0),
            made_in=bench.read(page, kvm_mmu_page.MMU_VALID_GEN, made.head),
            generation=bench.read(kvm, kvm_vm.MMU_VALID_GEN, made.head),
            unsync=ne(bench.read(page, kvm_mmu_page.UNSYNC, made.head), 0),
            synced=any_of(*(all_of(guard, negate(slt(said, bv(0, 32)))) for guard, said in results)),
            changed=any_of(*(all_of(guard, negate(sle(said, bv(0, 32)))) for guard, said in results)),
            flushed=bench.session.called(cuts.FLUSH.function),
            evidence=bench.session.evidence(),
        )

    def _or_none(self, none: str, page: Object, offset: int) -> Pointer:
        """A pointer into a page, or to nothing."""
        made = choose(bool_var(none), NULL, pointer_to(page, offset))
        assert isinstance(made, Pointer)
        return made
