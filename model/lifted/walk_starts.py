"""Where walks of the guest's tables begin in a lifted tree: ``mmu.c``, and ``nested.c`` of VMX and SVM."""

from __future__ import annotations

from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.memory import Object, Pointer, pointer_to, same_place
from mmuproof.lift.machine.values import FunctionRef, Target, as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import walk_starts as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.vmcs12 import lent_vmcs12
from mmuproof.model.named import functions, kvm_mmu, kvm_vcpu, vcpu_svm, vcpu_vmx, vmcb_fields, vmcs12_fields
from mmuproof.model.set_ups import handler_number
from mmuproof.model.walk_starts import NestedTables, NestedWalkBegun, OwnWalkBegun, WalkStarts
from mmuproof.smt.terms import TRUE, BitVec, boolean, bv, var

_FAULTS = {
    NestedTables.EPT: functions.NESTED_EPT_INJECT_PAGE_FAULT,
    NestedTables.NPT: functions.NESTED_SVM_INJECT_NPF_EXIT,
}
_OWN, _PREFIX = "get_guest_cr3", f"{kvm_vcpu.IN_VENDORS}."


class LiftedWalkStarts(WalkStarts, Remembers):
    """Where a lifted tree lets walks begin.

    Args:
        mmu: ``mmu.c``.
        vmx: ``nested.c`` of VMX.
        svm: ``nested.c`` of SVM.
    """

    def __init__(self, mmu: Unit, vmx: Unit, svm: Unit) -> None:
        super().__init__()
        self._mmu, self._vmx, self._svm = mmu, vmx, svm

    @once
    def nested(self, tables: NestedTables) -> NestedWalkBegun:
        """See `WalkStarts.nested`."""
        bench = Bench(self._vmx if tables is NestedTables.EPT else self._svm, cuts.NESTED, linked=(self._mmu,))
        if tables is NestedTables.EPT:
            owner = bench.add("vmx", vcpu_vmx.STRUCT)
            bench.lend_vcpu(owner)
            told = bench.read(lent_vmcs12(bench, owner), vmcs12_fields.EPT_POINTER)
        else:
            owner = bench.add("svm", vcpu_svm.STRUCT)
            bench.lend_vcpu(owner)
            bench.write(owner, vcpu_svm.VMCB01_PTR, pointer_to(bench.add("vmcb01", vmcb_fields.STRUCT)))
            told = bench.read(owner, vcpu_svm.NESTED_CTL_NESTED_CR3)
        mmus = Mmus(owner, _PREFIX)
        mmus.connect(bench.memory, nested=False, l2=False)
        bench.call(tables.value)
        begins, faults = (
            _left(bench, owner, mmus, name) for name in (kvm_mmu.GET_GUEST_PGD, kvm_mmu.INJECT_PAGE_FAULT)
        )
        place = bench.place(owner, f"{_PREFIX}{kvm_mmu.IN_USE}")
        used = as_pointer(bench.memory.read(owner, place.offset, place.width))
        wanted = pointer_to(owner, mmus.find(Part.NESTED_MMU).offset)
        return NestedWalkBegun(
            tables=bench.integer(begins),
            told=told,
            in_use=boolean(False) if used is None else same_place(used, wanted),
            faults_to_l1=boolean(faults == _FAULTS[tables]),
            evidence=bench.session.evidence(),
        )

    @once
    def own(self) -> OwnWalkBegun:
        """See `WalkStarts.own`."""
        name = self._mmu.function(_OWN).name
        own, vcpu, tables = self._asked(FunctionRef(name, known=True))
        another = FunctionRef(kvm_mmu.GET_GUEST_PGD, known=False, member=kvm_mmu.GET_GUEST_PGD)
        bench, _, other = self._asked(another)
        calls = bench.session.calls(*(cut.function for cut in cuts.OTHER))
        return OwnWalkBegun(
            function=bv(handler_number(_OWN), 32),
            tables=tables,
            cr3=own.read(vcpu, kvm_vcpu.CR3),
            other=other,
            # Of a function that nobody asks it is not known what it gives.
            others=var(calls[0].tag if calls else f"{kvm_mmu.GET_GUEST_PGD}()", 64),
            evidence=own.session.evidence(),
        )

    def _asked(self, function: FunctionRef) -> tuple[Bench, Object, BitVec]:
        """Where the tables begin, by what is left for the question."""
        bench = Bench(self._mmu, cuts.OWN)
        vcpu = bench.add("vcpu", kvm_vcpu.STRUCT)
        mmus = Mmus(vcpu)
        mmus.connect(bench.memory, nested=False, l2=False)
        walk, place = mmus.find(Part.GUEST_WALK), mmus.place(Part.GUEST_WALK, kvm_mmu.GET_GUEST_PGD)
        bench.memory.write(vcpu, place.offset, place.width, Pointer((Target(guard=TRUE, function=function),)))
        bench.objects |= dict.fromkeys(kvm_mmu.WALKERS, pointer_to(vcpu, walk.offset))
        return bench, vcpu, bench.integer(functions.KVM_MMU_GET_GUEST_PGD)


def _left(bench: Bench, owner: Object, mmus: Mmus, name: str) -> str:
    """The function that a set-up has left for a question of the walk of L1's tables.

    Raises:
        Refused: it is none that is known.
    """
    place = mmus.place(Part.NESTED_WALK, name)
    pointer = as_pointer(bench.memory.read(owner, place.offset, place.width))
    found = [each.function for each in pointer.targets] if pointer is not None else []
    if len(found) != 1 or found[0] is None or not found[0].known:
        raise Refused(f"{name} of the walk of L1's tables is left to no one function")
    return found[0].name
