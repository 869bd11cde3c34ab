"""The registers that choose a guest's paging mode, as Linux 7.2.13 lets them into a vCPU."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.model.evidence import CheckKind
from mmuproof.model.guest_registers import GuestRegisters, LetIn, Register, Registers
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bit, bool_var, eq, iff, implies, ite, ne, negate, var

_PG, _PE, _NW, _CD, _PAE, _LA57 = 31, 0, 29, 30, 5, 12
_LME, _LMA, _SVME = 8, 10, 12
_ET, _CR0_KNOWN = 1 << 4, 0xE005003F
_IA32E_MODE, _LOAD_EFER = 9, 15
OTHERS_PASS = bool_var("every other check of what is asked for passes")
"""Stands for what the model leaves open of whether registers are let in."""


class ReferenceGuestRegisters(ReferenceArea, GuestRegisters):
    """What KVM checks of long mode, and how a vendor's functions then follow EFER.LMA."""

    def enter_l2(self, vendor: Vendor) -> LetIn:
        """See `GuestRegisters.enter_l2`."""
        return self._vmlaunch() if vendor is Vendor.INTEL else self._vmrun()

    def _vmrun(self) -> LetIn:
        trace, before = Trace("nested_vmcb02_prepare_save"), _held(Vendor.AMD)
        asked = Registers(*(var(f"svm->nested.save.{name}", 64) for name in ("cr0", "cr4", "efer")))
        cr0 = asked.cr0
        accepted = all_of(
            bit(asked.efer, _SVME),
            any_of(bit(cr0, _CD), negate(bit(cr0, _NW))),
            eq(cr0 >> 32, 0),
            self.vmcb_in_long_mode(asked),
            OTHERS_PASS,
        )
        after = self._load(Vendor.AMD, before, replace(asked, efer=self.vmcb_efer(asked.efer)))
        trace.step("vcpu->arch.efer", after.efer)
        return LetIn(accepted=accepted, before=before, asked=asked, after=after, evidence=trace.evidence)

    def vmcb_in_long_mode(self, asked: Registers) -> Bool:
        """Whether ``nested_vmcb_check_save()`` takes a vmcb12 for one that can be in long mode, or is not."""
        in_long_mode = all_of(bit(asked.efer, _LME), bit(asked.cr0, _PG))
        return implies(in_long_mode, all_of(bit(asked.cr4, _PAE), bit(asked.cr0, _PE)))

    def vmcb_efer(self, efer: BitVec) -> BitVec:
        """What ``nested_vmcb02_prepare_save()`` loads, of the EFER of a vmcb12."""
        return efer

    def _vmlaunch(self) -> LetIn:
        trace, before = Trace("prepare_vmcs02"), _held(Vendor.INTEL)
        asked = Registers(*(var(f"vmcs12->guest_{name}", 64) for name in ("cr0", "cr4", "ia32_efer")))
        controls = var("vmcs12->vm_entry_controls", 32)
        ia32e = bit(controls, _IA32E_MODE)
        own_efer = all_of(ne(var("vmx->vcpu.arch.nested_run_pending", 8), 0), bit(controls, _LOAD_EFER))
        same = all_of(
            iff(ia32e, bit(asked.efer, _LMA)), implies(bit(asked.cr0, _PG), iff(ia32e, bit(asked.efer, _LME)))
        )
        accepted = all_of(self.vmcs_in_long_mode(ia32e, asked), implies(own_efer, same), OTHERS_PASS)
        both = 1 << _LMA | 1 << _LME
        followed = self._follow_paging(Vendor.INTEL, before.efer, before.cr0, asked.cr0)
        efer = ite(own_efer, asked.efer, ite(ia32e, followed | both, followed & ~both))
        trace.step("vcpu->arch.efer", efer)
        after = replace(asked, efer=efer)
        return LetIn(accepted=accepted, before=before, asked=asked, after=after, evidence=trace.evidence)

    def vmcs_in_long_mode(self, ia32e: Bool, asked: Registers) -> Bool:
        """Whether ``nested_vmx_check_guest_state()`` takes a vmcs12 for one that can be in long mode, or is not."""
        return implies(ia32e, all_of(bit(asked.cr4, _PAE), bit(asked.cr0, _PG)))

    def set_sregs(self, vendor: Vendor) -> LetIn:
        """See `GuestRegisters.set_sregs`."""
        trace, before = Trace("__set_sregs_common"), _held(vendor)
        asked = Registers(*(var(f"sregs->{name}", 64) for name in ("cr0", "cr4", "efer")))
        after = self._load(vendor, before, asked)
        trace.step("vcpu->arch.efer", after.efer)
        accepted = all_of(self.valid_sregs(asked), OTHERS_PASS)
        return LetIn(accepted=accepted, before=before, asked=asked, after=after, evidence=trace.evidence)

    def valid_sregs(self, asked: Registers) -> Bool:
        """What ``kvm_is_valid_sregs()`` says of long mode."""
        in_long_mode, active = all_of(bit(asked.efer, _LME), bit(asked.cr0, _PG)), bit(asked.efer, _LMA)
        return ite(in_long_mode, all_of(bit(asked.cr4, _PAE), active), negate(active))

    def write(self, vendor: Vendor, register: Register) -> LetIn:
        """See `GuestRegisters.write`."""
        before = _held(vendor)
        if register is Register.CR0:
            name, asked = "kvm_set_cr0", replace(before, cr0=var("cr0", 64))
            paging = all_of(negate(bit(before.cr0, _PG)), bit(asked.cr0, _PG))
            accepted = implies(all_of(bit(before.efer, _LME), paging), bit(before.cr4, _PAE))
            cr0 = (asked.cr0 | _ET) & _CR0_KNOWN
            after = replace(before, cr0=cr0, efer=self._follow_paging(vendor, before.efer, before.cr0, cr0))
        elif register is Register.CR4:
            name, asked = "kvm_set_cr4", replace(before, cr4=var("cr4", 64))
            accepted, after = implies(bit(before.efer, _LMA), self.stays_in_long_mode(before.cr4, asked.cr4)), asked
        else:
            name, asked = "set_efer", replace(before, efer=var("msr_info->data", 64))
            same = iff(bit(before.efer, _LME), bit(asked.efer, _LME))
            accepted = implies(bit(before.cr0, _PG), same)
            after = replace(before, efer=self.written_efer(before.efer, asked.efer))
        trace = Trace(name)
        if register is Register.EFER and vendor is Vendor.AMD:
            trace.check(CheckKind.WARN, TRUE)
        trace.step("vcpu->arch.efer", after.efer)
        accepted = all_of(accepted, OTHERS_PASS)
        return LetIn(accepted=accepted, before=before, asked=asked, after=after, evidence=trace.evidence)

    def stays_in_long_mode(self, before: BitVec, cr4: BitVec) -> Bool:
        """Whether ``kvm_set_cr4()`` lets a CR4 be written in long mode."""
        return all_of(bit(cr4, _PAE), iff(bit(before, _LA57), bit(cr4, _LA57)))

    def written_efer(self, before: BitVec, efer: BitVec) -> BitVec:
        """What ``set_efer()`` makes of a guest's write."""
        return efer & ~(1 << _LMA) | before & (1 << _LMA)

    def _load(self, vendor: Vendor, before: Registers, asked: Registers) -> Registers:
        """EFER, CR0 and CR4, by a vendor's functions one after the other."""
        return replace(asked, efer=self._follow_paging(vendor, asked.efer, before.cr0, asked.cr0))

    def _follow_paging(self, vendor: Vendor, efer: BitVec, before: BitVec, cr0: BitVec) -> BitVec:
        """EFER after a CR0 has been loaded: with LME, LMA follows what changes of PG."""
        was, is_on = bit(before, _PG), bit(cr0, _PG)
        on, off = all_of(negate(was), is_on), all_of(was, negate(is_on), self.leaves_long_mode(vendor))
        followed = ite(on, efer | 1 << _LMA, ite(off, efer & ~(1 << _LMA), efer))
        return ite(bit(efer, _LME), followed, efer)

    def leaves_long_mode(self, vendor: Vendor) -> Bool:
        """Whether a vendor's function leaves long mode when paging is turned off."""
        return TRUE


def _held(vendor: Vendor) -> Registers:
    owner = "vmx" if vendor is Vendor.INTEL else "svm"
    return Registers(*(var(f"{owner}->vcpu.arch.{name}", 64) for name in ("cr0", "cr4", "efer")))
