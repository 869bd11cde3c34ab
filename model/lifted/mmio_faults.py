"""Faults on MMIO SPTEs, and faults as a whole, in a lifted tree: ``mmu.c`` and ``x86.h``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import NULL, Object, ObjectKind, Value, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import mmio_faults as cuts
from mmuproof.model.cuts.mmio import MEMSLOTS
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.mmio import give_masks, give_mmio_value
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import bit_field, read_member
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.mmio_faults import FaultAnswered, Handled, MmioCache, MmioFaults, MmioHandled, MmioRemembered
from mmuproof.model.named import constants, functions, kvm_memory_slot, kvm_mmu, kvm_vcpu, kvm_vm, page_role
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, bool_var, bv, eq, ite, ne, resize, slt, to_bv, var

_INVALID_PAGE, _PAGE_SHIFT = (1 << 64) - 1, 12


class LiftedMmioFaults(MmioFaults, Remembers):
    """The part of a lifted tree that handles faults on MMIO SPTEs (``mmu.c``)."""

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def handled(self, masks: ShadowMasks, spte: BitVec, generation: BitVec, *, nested: bool) -> MmioHandled:
        """See `MmioFaults.handled`."""
        broken, addr, direct = bool_var(f"{cuts.FIND_SPTE.function}()"), var("addr", 64), bool_var("direct")
        found = replace(cuts.FIND_SPTE, gives=to_bv(broken, 8), stores=((2, "", spte),))
        bench, vcpu = self._bench((found, *cuts.HANDLED), generation, nested=nested)
        give_masks(bench.session, bench.memory, masks)
        give_mmio_value(self._unit, bench.memory, bench.pointee(vcpu, kvm_vcpu.KVM), masks)
        before = _cache(bench, vcpu)
        result = bench.integer(functions.HANDLE_MMIO_PAGE_FAULT, addr=addr, direct=to_bv(direct, 8))
        asked = bench.session.calls(cuts.FIND_SPTE.function)
        return MmioHandled(
            addr=addr,
            direct=direct,
            before=before,
            after=_cache(bench, vcpu),
            asked=bench.session.called(cuts.FIND_SPTE.function),
            asked_addr=bench.session.argument(asked[0], "addr") if asked else bv(0, 64),
            broken=broken,
            emulates=self._is(result, constants.RET_PF_EMULATE),
            invalid=self._is(result, constants.RET_PF_INVALID),
            retries=self._is(result, constants.RET_PF_RETRY),
            fails=slt(result, 0),
            evidence=masks.evidence + bench.session.evidence(),
        )

    @once
    def remembered(self, *, nested: bool) -> MmioRemembered:
        """See `MmioFaults.remembered`."""
        generation, gva, gpa = (var(name, 64) for name in ("slots->generation", "gva", "gpa"))
        gfn, access = var("gfn", 64), var("access", 32)
        bench, vcpu = self._bench(cuts.HANDLED, generation, nested=nested)
        before, start = _cache(bench, vcpu), bench.memory.copy()
        by_gva = ne(bench.integer(functions.VCPU_MATCH_MMIO_GVA, gva=gva), 0)
        by_gpa = ne(bench.integer("vcpu_match_mmio_gpa", gpa=gpa), 0)
        bench.call(functions.VCPU_CACHE_MMIO_INFO, gva=gva, gfn=gfn, access=access)
        filled, bench.memory = _cache(bench, vcpu), start
        bench.call(functions.VCPU_CLEAR_MMIO_INFO, gva=gva)
        return MmioRemembered(
            before=before,
            generation=generation,
            gva=gva,
            gpa=gpa,
            by_gva=by_gva,
            by_gpa=by_gpa,
            gfn=gfn,
            access=access,
            filled=filled,
            forgotten=_cache(bench, vcpu),
            evidence=bench.session.evidence(),
        )

    @once
    def answered(self) -> FaultAnswered:
        """See `MmioFaults.answered`."""
        answers = {cut: var(f"{cut.function}()", 32) for cut in (cuts.MMIO, cuts.FAULT, cuts.WRITE, cuts.EMULATE)}
        addr, error_code = var("cr2_or_gpa", 64), var("error_code", 64)
        private = bool_var(f"{cuts.IS_PRIVATE.function}()")

        def is_private(arguments: Sequence[Value | None]) -> Value:
            gfn = arguments[1]
            assert isinstance(gfn, BitVec)
            of_another = bool_var(f"{cuts.IS_PRIVATE.function}() of another frame")
            return to_bv(ite(eq(gfn, addr >> _PAGE_SHIFT), private, of_another), 8)

        known = (*(replace(cut, gives=answer) for cut, answer in answers.items()),)
        bench = Bench(self._unit, (*known, replace(cuts.IS_PRIVATE, gives=is_private), *cuts.ANSWERED))
        vcpu, kvm = bench.add("vcpu", kvm_vcpu.STRUCT), bench.add("kvm", kvm_vm.STRUCT)
        bench.write(vcpu, kvm_vcpu.KVM, bench.objects[kvm_vm.STRUCT])
        mmus = Mmus(vcpu)
        mmus.connect(bench.memory, nested=False, l2=False)
        flag = bit_field(mmus.place(Part.ROOT_MMU, kvm_mmu.ROOT_ROLE), page_role.DIRECT)
        direct = ne(read_member(bench.memory, vcpu, flag), 0)
        root = bench.read(vcpu, f"{kvm_mmu.ROOT_MMU}.{kvm_mmu.ROOT_HPA}")
        result = bench.integer(
            functions.KVM_MMU_PAGE_FAULT,
            {"insn": NULL},
            cr2_or_gpa=addr,
            error_code=error_code,
            insn_len=var("insn_len", 32),
        )
        emulations = bench.session.calls(cuts.EMULATE.function)
        if not emulations:
            raise NotThere([f"{cuts.EMULATE.function}()"])
        mmio = self._told(bench, cuts.MMIO, answers[cuts.MMIO])
        mmio_calls = bench.session.calls(cuts.MMIO.function)
        return FaultAnswered(
            addr=addr,
            error_code=error_code,
            root=ne(root, _INVALID_PAGE),
            direct=direct,
            private=all_of(self._is_protected(bench, kvm), private),
            mmio=mmio,
            mmio_direct=ne(bench.session.argument(mmio_calls[0], "direct"), 0) if mmio_calls else FALSE,
            fault=self._told(bench, cuts.FAULT, answers[cuts.FAULT]),
            write=self._told(bench, cuts.WRITE, answers[cuts.WRITE]),
            unprotects=bench.session.called(cuts.UNPROTECT.function),
            emulated=bench.session.called(cuts.EMULATE.function),
            emulated_addr=bench.session.argument(emulations[0], "cr2_or_gpa"),
            emulation=answers[cuts.EMULATE],
            result=result,
            evidence=bench.session.evidence(),
        )

    def _bench(self, known: tuple[Cut, ...], generation: BitVec, *, nested: bool) -> tuple[Bench, Object]:
        """A vCPU and its VM, whose memslots are of some generation."""
        slots = Object(
            name="slots", type=self._unit.record(kvm_memory_slot.SLOTS), kind=ObjectKind.INPUT, by_pointer=True
        )
        found = (replace(cut, gives=pointer_to(slots)) for cut in (MEMSLOTS, cuts.FORMER_MEMSLOTS))
        bench = Bench(self._unit, (*found, *known))
        bench.write(slots, kvm_memory_slot.GENERATION, generation)
        vcpu = bench.add("vcpu", kvm_vcpu.STRUCT)
        bench.write(vcpu, kvm_vcpu.KVM, pointer_to(bench.add("kvm", kvm_vm.STRUCT)))
        Mmus(vcpu).connect(bench.memory, nested=nested, l2=nested)
        return bench, vcpu

    def _told(self, bench: Bench, cut: Cut, answer: BitVec) -> Handled:
        """What one of those is told that decide about a fault."""
        calls = bench.session.calls(cut.function)
        has = self._unit.parameter_names(cut.function) if calls else ()
        code = next((name for name in ("err", "error_code") if name in has), None)
        return Handled(
            told=bench.session.called(cut.function),
            addr=resize(bench.session.argument(calls[0], "cr2_or_gpa", "addr"), 64) if calls else bv(0, 64),
            error_code=resize(bench.session.argument(calls[0], code), 64) if code else bv(0, 64),
            answer=answer,
            emulate=self._is(answer, constants.RET_PF_EMULATE),
            invalid=self._is(answer, constants.RET_PF_INVALID),
            protected=self._is(answer, constants.RET_PF_WRITE_PROTECTED)
            if self._unit.constant(constants.RET_PF_WRITE_PROTECTED) is not None
            else FALSE,
        )

    def _is_protected(self, bench: Bench, kvm: Object) -> Bool:
        """Whether the VM is protected by software; where there are no such VMs none is (``kvm_arch_init_vm()``)."""
        if any(
            self._unit.constant(name) is None
            for name in (constants.KVM_X86_SW_PROTECTED_VM, constants.CONFIG_KVM_SW_PROTECTED_VM)
        ):
            return FALSE
        return eq(bench.read(kvm, kvm_vm.VM_TYPE), constant_of(self._unit, constants.KVM_X86_SW_PROTECTED_VM))

    def _is(self, answer: BitVec, name: str) -> Bool:
        return eq(answer, constant_of(self._unit, name))


_REMEMBERED = (kvm_vcpu.MMIO_GVA, kvm_vcpu.MMIO_GFN, kvm_vcpu.MMIO_ACCESS, kvm_vcpu.MMIO_GEN)


def _cache(bench: Bench, vcpu: Object) -> MmioCache:
    """What a vCPU remembers."""
    gva, gfn, access, generation = (bench.read(vcpu, name) for name in _REMEMBERED)
    return MmioCache(gva=gva, gfn=gfn, access=resize(access, 32), generation=generation)
