"""What Linux 7.2.13 tells MMUs of system-management mode and of CPUID."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.mode_changes import CpuidSet, ModeChanges, SmmChanged, SmmEntered
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bv, eq, ite, ne, negate, slt, var, zext

_ALL, _GONE = (1 << 64) - 1, 0x8000000D
"""Of CR0, what is left of it in system-management mode: not PG, TS, EM and PE."""


class ReferenceModeChanges(ReferenceArea, ModeChanges):
    """``kvm_smm_changed()``, ``enter_smm()`` and ``kvm_vcpu_after_set_cpuid()``."""

    def smm_changed(self, begins: bool) -> SmmChanged:
        """See `ModeChanges.smm_changed`."""
        kept = ne(var("vcpu->arch.pdptrs_from_userspace", 1), 0)
        return SmmChanged(
            begins=begins,
            in_smm=TRUE if begins else self._stays(),
            resets=self._resets(),
            ready=TRUE if begins else negate(self._stays()),
            own_pdptes=kept if begins or self._keeps_pdptes() else FALSE,
            evidence=Evidence(),
        )

    def _stays(self) -> Bool:
        """Whether the mode goes on where it ends."""
        return FALSE

    def _resets(self) -> Bool:
        """Whether MMUs are set up anew."""
        return TRUE

    def _keeps_pdptes(self) -> bool:
        """Whether what userspace has set of PDPTEs is used behind the mode."""
        return False

    def smm_entered(self) -> SmmEntered:
        """See `ModeChanges.smm_entered`."""
        told, long_mode = eq(var("kvm_x86_enter_smm()", 32), 0), ne(var("guest_cpu_cap_has()#2", 1), 0)
        saved = all_of(told, eq(var("kvm_vcpu_write_guest()", 32), 0))
        segments = all_of(saved, eq(var("kvm_set_dr()", 32), 0))
        succeeds = all_of(segments, any_of(negate(long_mode), eq(var("kvm_x86_set_efer()", 32), 0)))
        return SmmEntered(
            succeeds=succeeds,
            told=told,
            long_mode=long_mode,
            cr0=var("vcpu->arch.cr0", 64) & self._kept_of_cr0(),
            cr4=bv(0, 64),
            efer=bv(0, 64),
            loads=all_of(saved, any_of(negate(long_mode), segments)),
            resets=succeeds,
            evidence=Evidence(),
        )

    def _kept_of_cr0(self) -> int:
        """Which flags of CR0 are left as they are."""
        return _ALL & ~_GONE

    def cpuid_set(self) -> CpuidSet:
        """See `ModeChanges.cpuid_set`."""
        width = var("cpuid_query_maxphyaddr()", 32)
        wide = zext(width, 64)
        return CpuidSet(
            asked=width,
            told=TRUE,
            width=width,
            reserved=self._reserved(ite(slt(bv(63, 32), width), bv(0, 64), ((bv(2, 64) << (63 - wide)) - 1) << wide)),
            vendor_before=TRUE,
            evidence=Evidence(),
        )

    def _reserved(self, now: BitVec) -> BitVec:
        """The reserved bits of an address, given those of the new CPUID."""
        return now
