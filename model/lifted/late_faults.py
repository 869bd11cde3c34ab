"""Faults that time overtakes in a lifted tree: ``mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import NULL, Object, Pointer, choose, pointer_to
from mmuproof.lift.machine.values import as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import late_faults as cuts
from mmuproof.model.late_faults import HandledLater, LateFaults, OutOfDate
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import numbers_given
from mmuproof.model.lifted.mmus import Mmus
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import has_member
from mmuproof.model.named import (
    functions,
    kvm_async_pf,
    kvm_mmu,
    kvm_mmu_page,
    kvm_page_fault,
    kvm_vcpu,
    kvm_vm,
    page_role,
)
from mmuproof.smt.terms import BitVec, Bool, bool_var, ne, negate, to_bv, var, zext

_WAIT, _READY, _STALE = functions.KVM_ARCH_SETUP_ASYNC_PF, "kvm_arch_async_page_ready", functions.IS_PAGE_FAULT_STALE
_DIRECT = f"{kvm_mmu.ROOT_MMU}.{kvm_mmu.ROOT_ROLE}"
_KEPT = (
    (kvm_async_pf.DIRECT_MAP, kvm_async_pf.ARCH_DIRECT_MAP),
    (kvm_async_pf.CR3, kvm_async_pf.ARCH_CR3),
    (kvm_async_pf.GFN, kvm_async_pf.ARCH_GFN),
    (kvm_async_pf.ERROR_CODE, kvm_async_pf.ARCH_ERROR_CODE),
)
"""What is kept of a fault, and where it is when the page comes."""


class LiftedLateFaults(LateFaults, Remembers):
    """What a lifted tree does about late faults.

    Args:
        unit: ``mmu.c``.
    """

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def handled_later(self) -> HandledLater:
        """See `LateFaults.handled_later`."""
        was_pgd, is_pgd = var("pgd", 64), var("pgd when the page has come", 64)
        waiting, vcpu = self._bench(was_pgd, cuts.SET_UP)
        fault = waiting.add("fault", kvm_page_fault.STRUCT)
        address, gfn = waiting.read(fault, kvm_page_fault.ADDR), waiting.read(fault, kvm_page_fault.GFN)
        error_code = zext(waiting.read(fault, kvm_page_fault.ERROR_CODE), 64)
        was_direct = ne(waiting.flag(vcpu, _DIRECT, page_role.DIRECT), 0)
        waiting.call(_WAIT, cr2_or_gpa=address, gfn=gfn)
        kept = waiting.session.only_call(cuts.WAIT.function)
        told = numbers_given(kept)
        arch = kept.arguments[-1]
        places = [target.place for target in arch.targets if target.place] if isinstance(arch, Pointer) else []
        if len(places) != 1 or kept.memory is None:
            raise Refused(f"{_WAIT}() keeps no one fault", str(kept.at))
        handling, later = self._bench(is_pgd, cuts.READY)
        handling.write(later, f"{_DIRECT}.{page_role.WORD}", var("root_role when the page has come", 32))
        work = handling.add("work", kvm_async_pf.STRUCT)
        handling.write(work, kvm_async_pf.CR2_OR_GPA, told[0])
        has_error_code = has_member(self._unit.record(kvm_async_pf.STRUCT), [kvm_async_pf.ARCH_ERROR_CODE])
        for name, place in _KEPT:
            if name != kvm_async_pf.ERROR_CODE or has_error_code:
                handling.write(work, place, waiting.read(places[0].object, name, kept.memory))
        is_direct = ne(handling.flag(later, _DIRECT, page_role.DIRECT), 0)
        handling.call(_READY)
        handled = handling.session.only_call(cuts.HANDLE.function)
        sought = waiting.session.only_call(cuts.FIND_HOST_PAGE.function)
        return HandledLater(
            address=address,
            gfn=gfn,
            waits_for=waiting.session.argument(sought, "gfn"),
            error_code=error_code,
            was_direct=was_direct,
            was_pgd=was_pgd,
            is_direct=is_direct,
            is_pgd=is_pgd,
            handled=handled.guard,
            handled_address=handling.session.argument(handled, "cr2_or_gpa"),
            handled_error_code=zext(handling.session.argument(handled, "err"), 64),
            evidence=waiting.session.evidence() + handling.session.evidence(),
        )

    def _bench(self, pgd: BitVec, known: tuple[Cut, ...]) -> tuple[Bench, Object]:
        """A bench on which the guest's tables begin somewhere, and its vCPU."""
        bench = Bench(self._unit, (replace(cuts.GUEST_PGD, gives=pgd), *known))
        vcpu = bench.add("vcpu", kvm_vcpu.STRUCT)
        Mmus(vcpu).connect(bench.memory, nested=False, l2=False)
        return bench, vcpu

    @once
    def out_of_date(self) -> OutOfDate:
        """See `LateFaults.out_of_date`."""
        has_page, asked = bool_var("the root has a page"), bool_var("the vCPU is asked to give up roots")
        page = Bench(self._unit, ()).add("root", kvm_mmu_page.STRUCT)
        found = choose(has_page, pointer_to(page), NULL)
        bench = Bench(
            self._unit,
            (
                *(replace(cut, gives=found) for cut in cuts.PAGE_OF_ROOT),
                *(replace(cut, gives=to_bv(asked, 8)) for cut in cuts.ASKED),
                *cuts.STALE,
            ),
        )
        vcpu, kvm, fault = (
            bench.add("vcpu", kvm_vcpu.STRUCT),
            bench.add("kvm", kvm_vm.STRUCT),
            bench.add("fault", kvm_page_fault.STRUCT),
        )
        bench.write(vcpu, kvm_vcpu.KVM, pointer_to(kvm))
        Mmus(vcpu).connect(bench.memory, nested=False, l2=False)
        by_frame = has_member(self._unit.record(kvm_page_fault.STRUCT), [kvm_page_fault.MMU_SEQ])
        seen = bench.read(fault, kvm_page_fault.MMU_SEQ) if by_frame else var("mmu_seq", 64)
        says = ne(bench.integer(_STALE, mmu_seq=seen), 0)
        slot = bench.place(fault, kvm_page_fault.SLOT)
        pointer = as_pointer(bench.memory.read(fault, slot.offset, slot.width))
        assert isinstance(pointer, Pointer)
        return OutOfDate(
            function=_STALE,
            has_page=has_page,
            page_invalid=ne(bench.flag(page, kvm_mmu_page.ROLE, page_role.INVALID), 0),
            page_of_tdp=self._is_of_tdp(bench, page),
            page_generation=bench.read(page, kvm_mmu_page.MMU_VALID_GEN),
            generation=bench.read(kvm, kvm_vm.MMU_VALID_GEN),
            asked_to_free=asked,
            has_slot=negate(pointer.is_null),
            place=bench.read(fault, kvm_page_fault.GFN if by_frame else kvm_page_fault.HVA),
            invalidating=bench.read(kvm, kvm_vm.MMU_INVALIDATE_IN_PROGRESS),
            start=bench.read(kvm, kvm_vm.MMU_INVALIDATE_RANGE_START),
            end=bench.read(kvm, kvm_vm.MMU_INVALIDATE_RANGE_END),
            seen=seen,
            now=bench.read(kvm, kvm_vm.MMU_INVALIDATE_SEQ),
            says=says,
            evidence=bench.session.evidence(),
        )

    def _is_of_tdp(self, bench: Bench, page: Object) -> Bool:
        return ne(bench.read(page, kvm_mmu_page.TDP_MMU_PAGE), 0)
