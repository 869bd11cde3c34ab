"""A bench for walks of guest page tables to their end: a vCPU, what walks, and what it notes."""

from __future__ import annotations

from mmuproof.lift.c_types import PointerType
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.walk_ends import CUTS, GET_PDPTR, PERMISSION_FAULT, ROOT
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.session import bit_field
from mmuproof.model.named import kvm_mmu, kvm_vcpu
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import BitVec, Bool, bv, extract, negate, resize, to_bv, var

PAE_LEVELS = 3
"""``role.level`` of PAE paging, whose PDPTEs are registers."""


class WalkOnBench:
    """A walk that begins, ``FNAME(walk_addr_generic)()``, of tables whose addresses are L1's.

    Args:
        unit: ``mmu.c``.
        gpte_format: the code that walks.
        nested: the tables are L1's EPT or nested page tables, and not a guest's own.
    """

    def __init__(self, unit: Unit, gpte_format: GpteFormat, *, nested: bool) -> None:
        self.bench, self.name = Bench(unit, CUTS), f"{gpte_format.value}_walk_addr_generic"
        self.vcpu = self.bench.add("vcpu", kvm_vcpu.STRUCT)
        self._mmus, self._part = Mmus(self.vcpu), Part.NESTED_WALK if nested else Part.GUEST_WALK
        self._mmus.connect(self.bench.memory, nested=nested, l2=nested)
        walked = self._mmus.find(self._part)
        self.bench.objects[walked.type.name] = pointer_to(self.vcpu, walked.offset)
        first = unit.function(self.name).parameters[0].type
        assert isinstance(first, PointerType)
        self.walker = self.bench.add("walker", first.target.name)

    def set_role(self, role: BitVec) -> None:
        """Give what walks a CPU role, and what is built of L1's tables its half, as ``kvm_init_shadow_*_mmu()`` do."""
        memory, cpu_role = self.bench.memory, self._mmus.place(self._part, kvm_mmu.CPU_ROLE)
        memory.write(self.vcpu, cpu_role.offset, cpu_role.width, resize(role, cpu_role.width))
        if self._part is Part.NESTED_WALK:
            root_role = self._mmus.place(Part.NESTED_MMU, kvm_mmu.ROOT_ROLE)
            memory.write(self.vcpu, root_role.offset, root_role.width, extract(role, root_role.width - 1, 0))

    def set_flags(self, levels: int, *, cr4_pse: Bool, accessed_dirty: Bool) -> None:
        """Tell in the CPU role how many levels there are, ``role.cr4_pse``, and whether entries have A and D."""
        role = self._mmus.place(self._part, kvm_mmu.CPU_ROLE)
        told = {"level": bv(levels, 32), "cr4_pse": to_bv(cr4_pse, 1), "ad_disabled": to_bv(negate(accessed_dirty), 1)}
        for each, value in told.items():
            place = bit_field(role, each)
            self.bench.memory.write(self.vcpu, place.offset, place.width, resize(value, place.width))

    def walk(self) -> BitVec:
        """Walk any address for any access; what the walk answers."""
        return self.bench.integer(self.name, addr=var("addr", 64), access=var("access", 64))

    def first_read(self, levels: int) -> CallMade:
        """The call that leads to the first table that is read: of the root, or of a PDPTE."""
        return self.bench.session.only_call(*(cut.function for cut in (GET_PDPTR if levels == PAE_LEVELS else (ROOT,))))

    @property
    def judgement(self) -> BitVec:
        """What ``permission_fault()`` answers: an error code, or 0 (8)."""
        name = PERMISSION_FAULT.function
        return resize(var(f"{name}()", self.bench.unit.function(name).result.bits), 8)
