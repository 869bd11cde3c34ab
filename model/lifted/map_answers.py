"""What a lifted tree answers a fault: ``tdp_mmu.c`` and ``mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.memory import NULL, Pointer, choose, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import map_answers as cuts
from mmuproof.model.cuts import stores
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.entry_bench import NEW_MMIO_SPTE, NEW_SPTE, EntryBench
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.map_answers import MapAnswered, MapAnswers, Mapper
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
            protected=any_of(*(all_of(call.guard, ne(var(call.tag, 1), 0)) for call in makes)),
            makes_mmio=of_mmio,
            is_mmio=_IS_MMIO if of_tdp else of_mmio,
            made=ite(of_mmio, NEW_MMIO_SPTE, NEW_SPTE),
            before=bench.entry(bench.before),
            after=bench.entry(bench.memory),
            fixed=says("RET_PF_FIXED"),
            spurious=says("RET_PF_SPURIOUS"),
            retries=says("RET_PF_RETRY"),
            emulates=says("RET_PF_EMULATE"),
            emulates_write=says("RET_PF_WRITE_PROTECTED", "RET_PF_EMULATE"),
            evidence=bench.session.evidence(),
        )

    @staticmethod
    def _by_tdp(bench: EntryBench) -> tuple[BitVec, Bool, BitVec]:
        """The level of the entry, whether it is a write, and the answer."""
        walk = bench.add("iter", "struct tdp_iter")
        bench.write(walk, "sptep", bench.sptep)
        level = bench.read(walk, "level")
        bench.add("vcpu", "struct kvm_vcpu")
        fault = bench.add("fault", "struct kvm_page_fault")
        writes = ne(bench.read(fault, "write"), 0)
        return level, writes, bench.integer(Mapper.TDP.value)

    @staticmethod
    def _by_shadow(bench: EntryBench) -> tuple[BitVec, Bool, BitVec]:
        for each, record in (("vcpu", "kvm_vcpu"), ("slot", "kvm_memory_slot")):
            bench.add(each, f"struct {record}")
        fault, none = bench.add("fault", "struct kvm_page_fault"), bool_var("fault == NULL")
        writes = all_of(negate(none), ne(bench.read(fault, "write"), 0))
        maybe = choose(none, NULL, pointer_to(fault))
        assert isinstance(maybe, Pointer)
        bench.objects["struct kvm_page_fault"] = maybe
        values = {"pte_access": var("pte_access", 32), "gfn": var("gfn", 64), "pfn": var("pfn", 64)}
        level = zext(bench.flag(bench.page, "role", "level"), 32)
        return level, writes, bench.integer(Mapper.SHADOW.value, {"sptep": bench.sptep}, **values)
