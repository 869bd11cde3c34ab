"""Where walks of the guest's tables begin in a lifted tree: ``mmu.c``, and ``nested.c`` of VMX and SVM."""

from __future__ import annotations

from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.memory import Object, Pointer, pointer_to, same_place
from mmuproof.lift.machine.values import FunctionRef, Target, as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import walk_starts as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import left_by
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.vmcs12 import lent_vmcs12
from mmuproof.model.named import functions, kvm_mmu, kvm_vcpu, vcpu_svm, vcpu_vmx, vmcb_fields, vmcs12_fields
from mmuproof.model.set_ups import handler_number
from mmuproof.model.walk_starts import NestedPdpte, NestedTables, NestedWalkBegun, OwnWalkBegun, WalkStarts
from mmuproof.smt.terms import TRUE, BitVec, boolean, bv, ne, var, zext

_FAULTS = {
    NestedTables.EPT: functions.NESTED_EPT_INJECT_PAGE_FAULT,
    NestedTables.NPT: functions.NESTED_SVM_INJECT_NPF_EXIT,
}
_OWN, _PREFIX, _PAGE = "get_guest_cr3", f"{kvm_vcpu.IN_VENDORS}.", 12


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
        known = self._asked(FunctionRef(name, known=True))
        other = self._asked(FunctionRef(kvm_mmu.GET_GUEST_PGD, known=False, member=kvm_mmu.GET_GUEST_PGD))
        (call,) = other[0].session.calls(*(cut.function for cut in cuts.OTHER))
        return OwnWalkBegun(
            function=bv(handler_number(_OWN), 32),
            tables=known[1],
            cr3=known[0].read(known[2], kvm_vcpu.CR3),
            other=other[1],
            others=var(call.tag, 64),
            evidence=known[0].session.evidence(),
        )

    def _asked(self, function: FunctionRef) -> tuple[Bench, BitVec, Object]:
        """Where the tables begin, by what is left for the question."""
        bench = Bench(self._mmu, cuts.OWN)
        vcpu = bench.add("vcpu", kvm_vcpu.STRUCT)
        mmus = Mmus(vcpu)
        mmus.connect(bench.memory, nested=False, l2=False)
        walk, place = mmus.find(Part.GUEST_WALK), mmus.place(Part.GUEST_WALK, kvm_mmu.GET_GUEST_PGD)
        bench.memory.write(vcpu, place.offset, place.width, Pointer((Target(guard=TRUE, function=function),)))
        bench.objects |= dict.fromkeys(kvm_mmu.WALKERS, pointer_to(vcpu, walk.offset))
        return bench, bench.integer(functions.KVM_MMU_GET_GUEST_PGD), vcpu

    @once
    def pdpte(self) -> NestedPdpte:
        """See `WalkStarts.pdpte`."""
        bench = Bench(self._svm, cuts.PDPTE)
        svm, index = bench.add("svm", vcpu_svm.STRUCT), var("index", 32)
        bench.lend_vcpu(svm)
        answer = bench.integer("nested_svm_get_tdp_pdptr", index=index)
        session = bench.session
        call = session.only_call(cuts.READ.function)
        return NestedPdpte(
            index=index,
            nested_cr3=bench.read(svm, vcpu_svm.NESTED_CTL_NESTED_CR3),
            reads=call.guard,
            address=(session.argument(call, "gfn") << _PAGE) + zext(session.argument(call, "offset"), 64),
            length=session.argument(call, "len"),
            fails=ne(var(call.tag, 32), 0),
            content=left_by(call, cuts.READ, 64),
            answer=answer,
            evidence=session.evidence(),
        )


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
