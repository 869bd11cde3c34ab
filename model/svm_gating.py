"""What decides whether GMET is on for L1 and for L2, as a proof sees it.

``misc_ctl`` is the control word at offset 090h of a VMCB, 64 bits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class SvmSettings:
    """The module's settings after ``svm_hardware_setup()``.

    Attributes:
        succeeds: it returns 0; what follows counts only then.
        npt_enabled: the variable of that name.
        gmet_enabled: the variable of that name.
        has_gmet: the processor has GMET, free.
    """

    succeeds: Bool
    npt_enabled: Bool = field(metadata=counts_where("succeeds"))
    gmet_enabled: Bool = field(metadata=counts_where("succeeds"))
    has_gmet: Bool
    evidence: Evidence


@dataclass(frozen=True)
class SvmCapabilities:
    """Whether KVM tells userspace that a guest may have GMET, after and before ``svm_set_cpu_caps()``."""

    gmet: Bool
    before: Bool
    evidence: Evidence


@dataclass(frozen=True)
class CachedVmcb12:
    """KVM's copy of L1's VMCB.

    Attributes:
        misc_ctl: of the copy.
        guest_has_gmet: L1 was given GMET in its CPUID, free.
        guest_has_npt: the same for nested paging.
    """

    misc_ctl: BitVec
    guest_has_gmet: Bool
    guest_has_npt: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class Vmcb02:
    """The VMCB that L2 runs with, and the MMU that goes with it.

    Attributes:
        misc_ctl: of that VMCB.
        shadows: an MMU is set up that shadows L1's nested page tables; otherwise L2 runs on L1's own.
        shadow_misc_ctl: the control word that this MMU is told.
        shadow_cr4: the CR4 that it is told, 64 bits.
        shadow_efer: the EFER that it is told, 64 bits.
        l1_cr4: L1's CR4, in VMCB 01, 64 bits, free.
        l1_efer: the same for EFER.
    """

    misc_ctl: BitVec
    shadows: Bool
    shadow_misc_ctl: BitVec = field(metadata=counts_where("shadows"))
    shadow_cr4: BitVec = field(metadata=counts_where("shadows"))
    shadow_efer: BitVec = field(metadata=counts_where("shadows"))
    l1_cr4: BitVec
    l1_efer: BitVec
    evidence: Evidence


class SvmGating(ABC):
    """The way of GMET from the processor to L2; all raise `NotThere` where a tree knows no GMET."""

    @abstractmethod
    def hardware_setup(self, asked_for: Bool) -> SvmSettings:
        """``svm_hardware_setup()``; ``asked_for`` is ``gmet_enabled`` before, the module's parameter."""

    @abstractmethod
    def set_cpu_caps(self, nested: Bool, gmet_enabled: Bool) -> SvmCapabilities:
        """``svm_set_cpu_caps()``; both arguments are the module's variables of these names."""

    @abstractmethod
    def copy_vmcb_control_to_cache(self, misc_ctl: BitVec, gmet_enabled: Bool) -> CachedVmcb12:
        """``__nested_copy_vmcb_control_to_cache()``; ``misc_ctl`` is that of L1's VMCB."""

    @abstractmethod
    def vmcb02_prepare_control(self, vmcb01: BitVec, cached: BitVec) -> Vmcb02:
        """``nested_vmcb02_prepare_control()``; the arguments are ``misc_ctl`` of VMCB 01 and of the cached VMCB 12."""
