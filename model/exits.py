"""Exits for page faults of the second level, as a proof sees them: what KVM makes of them, and what L1 is told."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import FUNCTION, counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True)
class ErrorCodeHandedOn:
    """The call of ``kvm_mmu_page_fault()``: whether it is reached, and its arguments (64 bits each).

    ``place`` is the file and the function that calls, ``file:function``.
    """

    reached: Bool
    gpa: BitVec = field(metadata=counts_where("reached"))
    error_code: BitVec = field(metadata=counts_where("reached"))
    place: str = field(metadata=FUNCTION)


@dataclass(frozen=True, kw_only=True)
class EptViolationExit:
    """An EPT violation on its way to the MMU.

    Attributes:
        qualification: the exit qualification in the VMCS, 64 bits, free.
        guest_physical_address: the field of that name in the VMCS, 64 bits, free.
        has_mbec: ``mmu_has_mbec()`` of the MMU in use; false where the tree knows no MBEC.
        plain_vm: the VM is no trust domain, and no address bit of its marks private memory.
        emulates_illegal_gpa: ``allow_smaller_maxphyaddr``.
        illegal_gpa: the address is wider than those of the guest's processor.
        handed_on: what the MMU is asked.
    """

    qualification: BitVec
    guest_physical_address: BitVec
    has_mbec: Bool
    plain_vm: Bool
    emulates_illegal_gpa: Bool
    illegal_gpa: Bool
    handed_on: ErrorCodeHandedOn
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class NpfExit:
    """A nested page fault on its way to the MMU.

    Attributes:
        exit_info_1: ``vmcb->control.exit_info_1``, 64 bits, free.
        exit_info_2: ``vmcb->control.exit_info_2``, 64 bits, free.
        gmet: the VMCB in use has GMET enabled; false where the tree knows no GMET.
        cpl: ``vmcb->save.cpl``, 8 bits, free.
        handed_on: what the MMU is asked.
    """

    exit_info_1: BitVec
    exit_info_2: BitVec
    gmet: Bool
    cpl: BitVec
    handed_on: ErrorCodeHandedOn
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class DeviceAsked:
    """An exit of a page that is kept for a device, and the devices that are asked by the exit's address alone.

    Attributes:
        function: which handler it is.
        in_guest_mode: L2 runs, so the address is one of L1's making.
        marked: the exit says that a reserved bit was set, as in SPTEs that are kept for devices.
        address: the address that the exit tells, 64 bits, free.
        asked: the devices are asked whether one takes a write.
        asked_address: at which address, 64 bits.
        handed_on: what the MMU is asked.
    """

    function: str = field(metadata=FUNCTION)
    in_guest_mode: Bool
    marked: Bool
    address: BitVec
    asked: Bool
    asked_address: BitVec = field(metadata=counts_where("asked"))
    handed_on: ErrorCodeHandedOn
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class InjectedEptViolation:
    """What L1 is told of a fault that KVM has found in L1's EPT.

    Attributes:
        from_hardware: KVM handles an EPT violation of L2, and passes it on; otherwise KVM has made the access itself.
        qualification: the exit qualification in the VMCS, 64 bits, free; of that EPT violation, or stale.
        walked: what the walk of L1's EPT says the exit qualification is, 64 bits, free.
        walk_knows_stage: the walk itself says whether the access was to a paging structure; otherwise bits 8:7 of
            ``walked`` are those of the last EPT violation.
        error_code: of the fault, 64 bits, free.
        address: of the fault, 64 bits, free.
        plain_vm: the VM is no trust domain.
        pml_full: L1's page-modification log is full, which is told instead.
        ept_caps: what L1 reads in the low half of IA32_VMX_EPT_VPID_CAP, 64 bits, free.
        others_forget: what other roots for the same tables of L1's have of the address is forgotten.
        exit_reason: what L1 is told, 32 bits.
        exit_qualification: what L1 is told, 64 bits.
        guest_physical_address: what L1 is told, 64 bits.
    """

    from_hardware: Bool
    qualification: BitVec
    walked: BitVec
    walk_knows_stage: bool
    error_code: BitVec
    address: BitVec
    plain_vm: Bool
    pml_full: Bool
    ept_caps: BitVec
    others_forget: Bool
    exit_reason: BitVec
    exit_qualification: BitVec
    guest_physical_address: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class InjectedNpf:
    """What L1 is told of a fault that KVM has found in L1's nested page tables.

    Attributes:
        from_hardware: KVM handles a nested page fault of L2, and passes it on; otherwise KVM has made the access
            itself.
        last_exit_code: ``vmcb->control.exit_code`` of the last exit, 32 bits, free.
        last_exit_info_1: the same for ``exit_info_1``, 64 bits.
        last_exit_info_2: the same for ``exit_info_2``, 64 bits.
        error_code: of the fault, 64 bits, free.
        fault_knows_stage: the error code of a fault has room for the stage of the guest's translation.
        address: of the fault, 64 bits, free.
        exit_code: what L1 is told, 32 bits.
        exit_info_1: what L1 is told, 64 bits.
        exit_info_2: what L1 is told, 64 bits.
    """

    from_hardware: Bool
    last_exit_code: BitVec
    last_exit_info_1: BitVec
    last_exit_info_2: BitVec
    error_code: BitVec
    fault_knows_stage: bool
    address: BitVec
    exit_code: BitVec
    exit_info_1: BitVec
    exit_info_2: BitVec
    evidence: Evidence


class Exits(ABC):
    """What KVM makes of exits for page faults of the second level."""

    @abstractmethod
    def ept_violation(self) -> EptViolationExit:
        """``handle_ept_violation()`` of VMX."""

    @abstractmethod
    def npf(self) -> NpfExit:
        """``npf_interception()`` of SVM."""

    @abstractmethod
    def ept_misconfiguration(self) -> DeviceAsked:
        """``handle_ept_misconfig()`` of VMX."""

    @abstractmethod
    def npf_of_device(self) -> DeviceAsked:
        """``npf_interception()`` of SVM."""

    @abstractmethod
    def injected_ept_violation(self) -> InjectedEptViolation:
        """``nested_ept_inject_page_fault()``, up to the nested VM exit."""

    @abstractmethod
    def injected_npf(self) -> InjectedNpf:
        """``nested_svm_inject_npf_exit()``, up to the nested VM exit."""
