"""A fault of L2 in L1's EPT, and the other roots that shadow the same tables, in a lifted tree: ``vmx/nested.c``."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object, Pointer, pointer_to
from mmuproof.lift.machine.values import FunctionRef, Target
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import exits
from mmuproof.model.cuts import shared_epts as cuts
from mmuproof.model.invalidations import CachedRoot
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.cached_roots import roots_of
from mmuproof.model.lifted.calls_made import is_given, numbers_given
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.vmcs12 import lent_vmcs12
from mmuproof.model.named import functions, kvm_mmu, kvm_vcpu, vcpu_vmx, vmcs12_fields, x86_exception
from mmuproof.model.shared_epts import FaultForgotten, SharedEpts
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bit, bv, eq, ne, var

_VCPU = f"{kvm_vcpu.IN_VENDORS}."
_MMU = f"{_VCPU}{kvm_mmu.GUEST_MMU}"


class LiftedSharedEpts(SharedEpts, Remembers):
    """What a lifted tree does.

    Args:
        nested_vmx: ``vmx/nested.c``.
        _mmu: ``mmu.c``, in which is read what those write that are not followed.
    """

    def __init__(self, nested_vmx: Unit, _mmu: Unit) -> None:
        super().__init__()
        self._nested_vmx = nested_vmx

    @once
    def at_fault(self) -> FaultForgotten:
        """See `SharedEpts.at_fault`."""
        bench = Bench(self._nested_vmx, cuts.CUTS)
        vmx, fault = bench.add("vmx", vcpu_vmx.STRUCT), bench.add("fault", x86_exception.STRUCT)
        bench.lend_vcpu(vmx)
        vmcs12, mmus = lent_vmcs12(bench, vmx), Mmus(vmx, _VCPU)
        mmus.connect(bench.memory, nested=True, l2=True)
        _let_former_handler_be_known(bench, vmx)
        eptp, roots = bench.read(vmcs12, vmcs12_fields.EPT_POINTER), roots_of(bench, vmx, _MMU)
        address, log_full = bench.read(fault, x86_exception.ADDRESS), bench.read(vmx, vcpu_vmx.NESTED_PML_FULL)
        bench.call(functions.NESTED_EPT_INJECT_PAGE_FAULT, from_hardware=var("from_hardware", 8) & 1)
        walked = pointer_to(vmx, mmus.find(Part.NESTED_WALK).offset)
        calls = list(_before_exit(bench))
        return FaultForgotten(
            log_full=ne(log_full, 0),
            eptp=eptp,
            address=address,
            no_root=bv(-1, 64),
            kept=tuple(
                CachedRoot(
                    root=root,
                    pgd=pgd,
                    named=TRUE,
                    forgotten=any_of(*(_forgets(call, walked, address, number, root) for call in calls)),
                )
                for number, (root, pgd) in enumerate(roots[1:], start=1)
            ),
            evidence=bench.session.evidence(),
        )


def _before_exit(bench: Bench) -> Iterator[CallMade]:
    """The calls that forget an address, of those that are made before L1 is told."""
    for call in bench.session.machine.calls_made:
        if call.function == exits.VMX_EXIT.function:
            return
        if call.function in (cuts.FORGET.function, cuts.FORMER_FORGET.function):
            yield call


def _forgets(call: CallMade, walked: Pointer, address: BitVec, number: int, root: BitVec) -> Bool:
    """Whether a call has a root synchronized there."""
    told, which = numbers_given(call)
    here = all_of(call.guard, eq(told, address))
    if call.function == cuts.FORMER_FORGET.function:
        # A handler of the MMU itself is given the address of a root, and not its number.
        return all_of(here, eq(which, root))
    return all_of(here, bit(which, number), is_given(call, walked))


def _let_former_handler_be_known(bench: Bench, vmx: Object) -> None:
    """Let the MMU of L1's EPT forget addresses by its own handler, where trees have one for each MMU."""
    if bench.unit.has_member(kvm_mmu.MMU, kvm_mmu.INVLPG):
        place = bench.place(vmx, f"{_MMU}.{kvm_mmu.INVLPG}")
        this = FunctionRef(cuts.FORMER_FORGET.function, known=True)
        bench.memory.write(vmx, place.offset, place.width, Pointer((Target(guard=TRUE, function=this),)))
