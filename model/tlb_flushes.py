"""Flushing the processor's TLB, as a proof sees it: which tag is flushed."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


class VmxFlush(enum.Enum):
    """What is flushed on a processor with VMX."""

    CURRENT = "vmx_flush_tlb_current"
    """What KVM's own tables translate."""
    GUEST = "vmx_flush_tlb_guest"
    """What the guest's tables translate."""


@dataclass(frozen=True, kw_only=True)
class VmxFlushed:
    """What a flush on a processor with VMX forgets.

    Attributes:
        function: what flushes.
        has_ept: KVM uses EPT.
        root: the root of KVM's own tables (64).
        no_root: the address that is no root's (64).
        l2: the vCPU runs L2.
        l2_has_vpid: L1 gives L2 a VPID.
        vpid: that of L1 (16).
        vpid_of_l2: that which KVM has for L2, 0 if it has none (16).
        by_tables: what is cached of some tables of EPT is forgotten.
        eptp: the pointer to them that the processor is told (64).
        own_eptp: the pointer to the tables of the root in use that VM entry has (64).
        of_all_tables: what is cached of any tables of EPT is forgotten.
        by_vpid: what is cached with some VPID is forgotten.
        flushed_vpid: this VPID (16).
        evidence: how it came about.
    """

    function: str
    has_ept: Bool
    root: BitVec
    no_root: BitVec
    l2: Bool
    l2_has_vpid: Bool
    vpid: BitVec
    vpid_of_l2: BitVec
    by_tables: Bool
    eptp: BitVec = field(metadata=counts_where("by_tables"))
    own_eptp: BitVec = field(metadata=counts_where("by_tables"))
    of_all_tables: Bool
    by_vpid: Bool
    flushed_vpid: BitVec = field(metadata=counts_where("by_vpid"))
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class GuestFlushed:
    """What is done so that a guest sees nothing of older translations.

    Attributes:
        function: what does it.
        tdp: nothing shadows the guest's tables.
        syncs_root: the SPTEs of the root in use are made what the guest's entries are.
        syncs_kept: so are those of the roots that the vCPU had before.
        flushes: the processor is told, after that.
        evidence: how it came about.
    """

    function: str
    tdp: Bool
    syncs_root: Bool
    syncs_kept: Bool
    flushes: Bool
    evidence: Evidence


class OwnVmcb(enum.Enum):
    """Which VMCB a vCPU runs with."""

    OF_L1 = "vmcb01"
    OF_L2 = "vmcb02"


@dataclass(frozen=True, kw_only=True)
class VcpuMoved:
    """What is forgotten of another processor before a vCPU runs, where it has two VMCBs, which share one ASID.

    Attributes:
        processor: that which it runs on (32).
        former: that which the VMCB in use has run on last (32).
        clean: what the processor need not read again of that VMCB (32).
        noted: that which the VMCB in use is said to have run on, afterwards (32).
        generation: that of the ASID of the VMCB in use, afterwards (64); 0 where it gets a new one.
        other_generation: the same of the other VMCB.
        evidence: how it came about.
    """

    processor: BitVec
    former: BitVec
    clean: BitVec
    noted: BitVec
    generation: BitVec
    other_generation: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class VmcsMoved:
    """What is asked of a vCPU whose VMCS is loaded by a processor.

    Attributes:
        processor: that which loads it (32).
        former: that which has had it before (32).
        flushes: the vCPU is asked to flush all before its guest runs.
        noted: the processor that is said to have it, afterwards (32).
        evidence: how it came about.
    """

    processor: BitVec
    former: BitVec
    flushes: Bool
    noted: BitVec
    evidence: Evidence


class TlbFlushes(ABC):
    """What flushes the processor's TLB."""

    @abstractmethod
    def vmx(self, flush: VmxFlush) -> VmxFlushed:
        """``vmx_flush_tlb_current()`` or ``vmx_flush_tlb_guest()``."""

    @abstractmethod
    def moved(self, used: OwnVmcb) -> VcpuMoved:
        """``pre_svm_run()``, up to where the VMCB in use gets an ASID."""

    @abstractmethod
    def moved_vmcs(self) -> VmcsMoved:
        """``vmx_vcpu_load_vmcs()``."""

    @abstractmethod
    def guest(self) -> GuestFlushed:
        """``kvm_vcpu_flush_tlb_guest()``."""
