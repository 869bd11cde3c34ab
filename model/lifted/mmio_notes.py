"""Where a lifted tree notes that a vCPU can access MMIO of the host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import NULL, Value, pointer_to
from mmuproof.lift.machine.values import choose
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.sptes import ROOT_TO_SP
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.named import constants, functions, kvm_mmu, kvm_mmu_page, kvm_vcpu, kvm_vm, vcpu_vmx
from mmuproof.smt.terms import BitVec, Bool, bool_var, eq, ne, var


def is_mitigated(unit: Unit) -> Bool:
    """Whether the host's processor leaks what MMIO leaves in its buffers, as the kernel asks for its features."""
    feature = constant_of(unit, constants.X86_FEATURE_CLEAR_CPU_BUF_VM_MMIO)
    asked = (
        functions.STATIC_CPU_HAS
        if unit.find_function(functions.STATIC_CPU_HAS) is not None
        else functions.INNER_STATIC_CPU_HAS
    )
    return ne(var(f"{asked}({feature})", 1), 0)


class MmioNotes:
    """A vCPU, its VM and the page of its root, in which it is noted that the vCPU can access MMIO of the host.

    Args:
        unit: the code.
        cuts: the calls that are not followed.
        owner: what the object is called that holds the vCPU.
        prefix: where the vCPU is in it: of ``struct vcpu_vmx`` if this is ``vcpu.``, of ``struct kvm_vcpu`` if nothing.
    """

    def __init__(self, unit: Unit, cuts: tuple[Cut, ...], owner: str, prefix: str) -> None:
        self.with_page = bool_var("the root has a page")
        page, other = (Bench(unit, ()).add(name, kvm_mmu_page.STRUCT) for name in ("root", "another root"))
        self.bench = Bench(unit, (*cuts, replace(ROOT_TO_SP, gives=self._page_of)))
        self._vcpu = self.bench.add(owner, vcpu_vmx.STRUCT if prefix else kvm_vcpu.STRUCT)
        self.bench.objects[kvm_vcpu.STRUCT] = pointer_to(
            self._vcpu, self.bench.place(self._vcpu, prefix.rstrip(".")).offset if prefix else 0
        )
        self._vm = self.bench.add("kvm", kvm_vm.STRUCT)
        self.bench.write(self._vcpu, f"{prefix}{kvm_vcpu.KVM}", pointer_to(self._vm))
        mmu = self.bench.add("mmu", kvm_mmu.MMU)
        self.bench.write(self._vcpu, f"{prefix}{kvm_mmu.IN_USE}", pointer_to(mmu))
        self._root, self._page, self._other = self.bench.read(mmu, kvm_mmu.ROOT_HPA), page, other

    def _page_of(self, arguments: Sequence[Value | None]) -> Value:
        asked = arguments[0]
        assert isinstance(asked, BitVec)
        here = choose(self.with_page, pointer_to(self._page), NULL)
        return choose(eq(asked, self._root), here, pointer_to(self._other))

    @property
    def in_page(self) -> Bool:
        """The note in the root's page."""
        return ne(self.bench.read(self._page, kvm_mmu_page.HAS_MAPPED_HOST_MMIO), 0)

    @property
    def in_vm(self) -> Bool:
        """The note in the VM."""
        return ne(self.bench.read(self._vm, kvm_vm.HAS_MAPPED_HOST_MMIO), 0)
