"""What the MMU of a VM has that Linux 7.2.13 has just made."""

from __future__ import annotations

from mmuproof.model.created_vms import CreatedVms, VmCreated
from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import TRUE, BitVec, Bool, any_of, boolean, eq, ne, var

_STOCKS, _LISTS = 3, 3


class ReferenceCreatedVms(ReferenceArea, CreatedVms):
    """``kvm_mmu_init_vm()``."""

    def created(self) -> VmCreated:
        """See `CreatedVms.created`."""
        tdp_mmu, value = ne(var("tdp_mmu_enabled", 1), 0), var("shadow_mmio_value", 64)
        return VmCreated(
            done=any_of(tdp_mmu, eq(var("kvm_mmu_alloc_page_hash()", 32), 0)),
            tdp_mmu=tdp_mmu,
            begins_tdp=tdp_mmu,
            mmio_value=value,
            own_mmio_value=self._mmio_value(value),
            zeroed=tuple(self._is_zeroed(number) for number in range(_STOCKS)),
            empty=(TRUE,) * _LISTS,
            evidence=Evidence(),
        )

    def _mmio_value(self, value: BitVec) -> BitVec:
        """What tells SPTEs of MMIO in this VM, by what does in all."""
        return value

    def _is_zeroed(self, _number: int) -> Bool:
        """Whether a stock of what splitting takes gives zeros: headers, tables, records of lists."""
        return boolean(True)
