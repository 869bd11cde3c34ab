"""The registers that Linux 7.2.13 lets the processor run a guest with."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.guest_registers import Register
from mmuproof.model.hardware_registers import OF_PAGING, HardwareRegisters, RegisterRun
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, bit, bv, ite, ne, negate, var

_U64, _PG_BIT, _PG, _WP, _PSE, _PAE, _NXE = 64, 31, 1 << 31, 1 << 16, 1 << 4, 1 << 5, 1 << 11
_PAE_BIT = 5
_RIGHTS = 7 << 20
"""CR4.SMEP, SMAP and PKE."""


class ReferenceHardwareRegisters(ReferenceArea, HardwareRegisters):
    """``vmx_set_cr0()``, ``vmx_set_cr4()``, ``update_transition_efer()``, and the same of SVM."""

    def run(self, vendor: Vendor, register: Register) -> RegisterRun:
        """See `HardwareRegisters.run`."""
        owner = "vmx" if vendor is Vendor.INTEL else "svm"
        with_tdp = ne(var("enable_ept" if vendor is Vendor.INTEL else "npt_enabled", 1), 0)
        any_mode = ne(var("enable_unrestricted_guest", 1), 0) if vendor is Vendor.INTEL else with_tdp
        name = register.value.lower()
        held = vendor is Vendor.INTEL and register is Register.EFER
        asked = var(f"vmx->vcpu.arch.{name}" if held else name, _U64)
        cr0 = asked if register is Register.CR0 else var(f"{owner}->vcpu.arch.cr0", _U64)
        paging = bit(cr0, _PG_BIT)
        if register is Register.CR0:
            value = self._cr0(asked, with_tdp, any_mode)
        elif register is Register.CR4:
            value = self._cr4(asked, with_tdp, any_mode, paging)
        else:
            value = asked | ite(with_tdp, bv(0, _U64), bv(self._efer_of_tables(), _U64))
        return RegisterRun(
            asked=asked & OF_PAGING[register],
            paging=paging,
            with_tdp=with_tdp,
            any_mode=any_mode,
            told=TRUE,
            hardware=value & OF_PAGING[register],
            evidence=Evidence(),
        )

    def _cr0(self, asked: BitVec, with_tdp: Bool, any_mode: Bool) -> BitVec:
        own = bv(self._cr0_of_tables(), _U64)
        return ite(any_mode, asked, asked | ite(with_tdp, bv(_PG, _U64), own))

    def _cr4(self, asked: BitVec, with_tdp: Bool, any_mode: Bool, paging: Bool) -> BitVec:
        """CR4: paging goes on where the guest has it off and the processor cannot run without."""
        flat = asked & ~bv(_PAE, _U64) | _PSE
        as_asked = all_of(paging, negate(bit(asked, _PAE_BIT)))
        with_ept = ite(paging, ite(as_asked, asked & ~bv(_PAE, _U64), asked | _PAE), flat)
        base = ite(with_tdp, with_ept, asked | _PAE)
        return ite(any_mode, asked, ite(paging, base, base & ~bv(self._without_paging(), _U64)))

    def _cr0_of_tables(self) -> int:
        """What of CR0 KVM's own tables need."""
        return _PG | _WP

    def _efer_of_tables(self) -> int:
        """What of EFER KVM's own tables need."""
        return _NXE

    def _without_paging(self) -> int:
        """What of CR4 does not count for a guest without paging."""
        return _RIGHTS
