"""The PDPTEs of PAE paging in a lifted tree: where registers are set, ``vmx.c``, and ``svm/nested.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.c_types import RecordType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import page_directory_pointers as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import answer_of, is_nonzero, left_at
from mmuproof.model.lifted.mmus import Mmus
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import has_member
from mmuproof.model.lifted.vmcs_writes import written
from mmuproof.model.named import functions, kvm_mmu, kvm_vcpu, switches, vcpu_svm, vcpu_vmx
from mmuproof.model.page_directory_pointers import (
    POINTERS,
    PageDirectoryPointers,
    PointerFetched,
    PointersGiven,
    PointersLoaded,
)
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bit, ne, resize, var

_FIRST_FIELD = 0x280A
"""Where a VMCS has the guest's PDPTEs, each two behind the one before: SDM B.2.3."""
_FRAME, _INTO, _OFFSET, _SIZE = 1, 2, 3, 4
"""What a read of guest memory is given."""


class LiftedPageDirectoryPointers(PageDirectoryPointers, Remembers):
    """What a lifted tree does with PDPTEs.

    Args:
        registers: the unit that sets a guest's registers.
        vmx: ``vmx.c``.
        nested_svm: ``svm/nested.c``.
    """

    def __init__(self, registers: Unit, vmx: Unit, nested_svm: Unit) -> None:
        super().__init__()
        self._registers, self._vmx, self._nested_svm = registers, vmx, nested_svm

    @once
    def loaded(self) -> PointersLoaded:
        """See `PageDirectoryPointers.loaded`."""
        cr3, reserved = var("cr3", 64), var(f"{cuts.RESERVED.function}()", 64)
        known = tuple(replace(cut, gives=reserved) if cut is cuts.RESERVED else cut for cut in cuts.LOADED)
        bench = Bench(self._registers, known)
        vcpu = bench.add("vcpu", kvm_vcpu.STRUCT)
        Mmus(vcpu).connect(bench.memory, nested=False, l2=False)
        before = _held(bench, vcpu, "")
        accepted = ne(bench.integer(functions.LOAD_PDPTRS, cr3=cr3), 0)
        session = bench.session
        call, translates = session.only_call(cuts.READ.function), session.only_call(cuts.TRANSLATE.function)
        found = tuple(left_at(call, _INTO, 64, f"[{index}]") for index in range(POINTERS))
        return PointersLoaded(
            cr3=cr3,
            reads=call.guard,
            failed=bit(answer_of(call, 32), 31),
            frame=_number(call, _FRAME, 64),
            real=answer_of(translates, 64),
            offset=_number(call, _OFFSET, 32),
            size=_number(call, _SIZE, 64),
            read=found,
            refused=any_of(*(all_of(bit(each, 0), ne(each & reserved, 0)) for each in found)),
            accepted=accepted,
            kept=_held(bench, vcpu, ""),
            before=before,
            with_tdp=bench.setting(switches.TDP_ENABLED),
            gives_up=session.called(cuts.GIVE_UP.function),
            evidence=session.evidence(),
        )

    @once
    def fetched(self) -> PointerFetched:
        """See `PageDirectoryPointers.fetched`."""
        bench, index = Bench(self._nested_svm, cuts.FETCHED), var("index", 32) & (POINTERS - 1)
        svm = bench.add("svm", vcpu_svm.STRUCT)
        bench.lend_vcpu(svm)
        answer = bench.integer("nested_svm_get_tdp_pdptr", index=index)
        call = bench.session.only_call(cuts.READ.function)
        return PointerFetched(
            nested_cr3=bench.read(svm, vcpu_svm.NESTED_CTL_NESTED_CR3),
            index=index,
            frame=_number(call, _FRAME, 64),
            offset=_number(call, _OFFSET, 32),
            size=_number(call, _SIZE, 32),
            failed=is_nonzero(call),
            read=left_at(call, _INTO, 64),
            answer=answer,
            evidence=bench.session.evidence(),
        )

    @once
    def given(self) -> PointersGiven:
        """See `PageDirectoryPointers.given`."""
        bench = Bench(self._vmx, cuts.GIVEN)
        vmx = bench.add("vmx", vcpu_vmx.STRUCT)
        bench.lend_vcpu(vmx)
        Mmus(vmx, "vcpu.").connect(bench.memory, nested=False, l2=False)
        bench.call(functions.VMX_EPT_LOAD_PDPTRS)
        calls = bench.session.calls(cuts.GIVE.function)
        told, given = zip(*(written(calls, _FIRST_FIELD + 2 * index) for index in range(POINTERS)), strict=True)
        return PointersGiven(
            changed=_is_answered(bench, cuts.IS_DIRTY.function),
            used=_is_answered(bench, cuts.IN_PAE.function),
            held=_held(bench, vmx, "vcpu."),
            told=told,
            given=given,
            evidence=bench.session.evidence(),
        )


def _held(bench: Bench, owner: Object, prefix: str) -> tuple[BitVec, ...]:
    """The PDPTEs of a vCPU that runs no L2, by either place that kernels have for them."""
    assert isinstance(owner.type, RecordType)
    own = f"{prefix}{kvm_vcpu.PDPTRS}"
    path = own if has_member(owner.type, [own]) else f"{prefix}{kvm_mmu.ROOT_MMU}.{kvm_mmu.PDPTRS}"
    return tuple(bench.read(owner, f"{path}[{index}]") for index in range(POINTERS))


def _number(call: CallMade, position: int, width: int) -> BitVec:
    value = call.arguments[position]
    if not isinstance(value, BitVec):
        raise Refused(f"{call.function}(): argument {position} is no number", str(call.at))
    return resize(value, width)


def _is_answered(bench: Bench, function: str) -> Bool:
    return is_nonzero(bench.session.only_call(function))
