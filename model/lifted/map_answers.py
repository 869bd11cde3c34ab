"""What a lifted tree answers a fault: ``tdp_mmu.c`` and ``mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.memory import NULL, Pointer, choose, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import map_answers as cuts
from mmuproof.model.cuts import stores
from mmuproof.model.lifted.calls_made import is_answered_yes
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.entry_bench import NEW_MMIO_SPTE, NEW_SPTE, EntryBench
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.map_answers import MapAnswered, MapAnswers, Mapper
from mmuproof.model.named import constants, kvm_memory_slot, kvm_mmu_page, kvm_page_fault, kvm_vcpu, page_role, tdp_iter
from mmuproof.model.stores import LOOKED_AT
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bool_var, eq, ite, ne, negate, to_bv, var, zext

_IS_MMIO = bool_var("what was made is an MMIO SPTE")


class LiftedMapAnswers(MapAnswers, Remembers):
    """What a lifted tree answers.

    Args:
        mmu: ``mmu.c``.
        tdp: ``tdp_mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, mmu: Unit, tdp: Unit, _spte: Unit) -> None:
        super().__init__()
        self._mmu, self._tdp = mmu, tdp

    @once
    def answered(self, mapper: Mapper) -> MapAnswered:
        """See `MapAnswers.answered`."""
        of_tdp = mapper is Mapper.TDP
        unit, known = (self._tdp, stores.TDP) if of_tdp else (self._mmu, stores.SHADOW)
        is_mmio = replace(cuts.IS_MMIO, gives=to_bv(_IS_MMIO, 8))
        bench = EntryBench(unit, (*known, is_mmio), LOOKED_AT)
        level, writes, answer = self._by_tdp(bench) if of_tdp else self._by_shadow(bench)
        makes, makes_mmio = (bench.session.calls(cut.function) for cut in (stores.MAKE_SPTE, stores.MAKE_MMIO_SPTE))
        of_mmio = any_of(*(call.guard for call in makes_mmio))

        def says(*names: str) -> Bool:
            return eq(answer, constant_of(unit, *names))

        return MapAnswered(
            function=mapper.value,
            level=level,
            writes=writes,
            makes=any_of(of_mmio, *(call.guard for call in makes)),
            protected=is_answered_yes(makes),
            makes_mmio=of_mmio,
            is_mmio=_IS_MMIO if of_tdp else of_mmio,
            made=ite(of_mmio, NEW_MMIO_SPTE, NEW_SPTE),
            before=bench.entry(bench.before),
            after=bench.entry(bench.memory),
            fixed=says(constants.RET_PF_FIXED),
            spurious=says(constants.RET_PF_SPURIOUS),
            retries=says(constants.RET_PF_RETRY),
            emulates=says(constants.RET_PF_EMULATE),
            emulates_write=says(constants.RET_PF_WRITE_PROTECTED, constants.RET_PF_EMULATE),
            evidence=bench.session.evidence(),
        )

    @staticmethod
    def _by_tdp(bench: EntryBench) -> tuple[BitVec, Bool, BitVec]:
        """The level of the entry, whether it is a write, and the answer."""
        walk = bench.add("iter", tdp_iter.STRUCT)
        bench.write(walk, tdp_iter.SPTEP, bench.sptep)
        level = bench.read(walk, tdp_iter.LEVEL)
        bench.add("vcpu", kvm_vcpu.STRUCT)
        fault = bench.add("fault", kvm_page_fault.STRUCT)
        writes = ne(bench.read(fault, kvm_page_fault.WRITE), 0)
        return level, writes, bench.integer(Mapper.TDP.value)

    @staticmethod
    def _by_shadow(bench: EntryBench) -> tuple[BitVec, Bool, BitVec]:
        for each, record in (("vcpu", kvm_vcpu.STRUCT), ("slot", kvm_memory_slot.STRUCT)):
            bench.add(each, record)
        fault, none = bench.add("fault", kvm_page_fault.STRUCT), bool_var("fault == NULL")
        writes = all_of(negate(none), ne(bench.read(fault, kvm_page_fault.WRITE), 0))
        maybe = choose(none, NULL, pointer_to(fault))
        assert isinstance(maybe, Pointer)
        bench.objects[kvm_page_fault.STRUCT] = maybe
        values = {"pte_access": var("pte_access", 32), "gfn": var("gfn", 64), "pfn": var("pfn", 64)}
        level = zext(bench.flag(bench.page, kvm_mmu_page.ROLE, page_role.LEVEL), 32)
        return level, writes, bench.integer(Mapper.SHADOW.value, {"sptep": bench.sptep}, **values)
