"""From an error code to what a handler of page faults is told, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class FaultTold:
    """The members of ``struct kvm_page_fault`` that a handler is told, by the kernel's names.

    ``addr``, ``error_code`` and ``gfn`` have 64 bits, the levels 8.
    """

    addr: BitVec
    error_code: BitVec
    gfn: BitVec
    exec: Bool
    write: Bool
    present: Bool
    rsvd: Bool
    user: Bool
    prefetch: Bool
    is_tdp: Bool
    is_private: Bool
    nx_huge_page_workaround_enabled: Bool
    huge_page_disallowed: Bool
    map_writable: Bool
    write_fault_to_shadow_pgtable: Bool
    max_level: BitVec
    req_level: BitVec
    goal_level: BitVec


@dataclass(frozen=True, kw_only=True)
class FaultHandedOn:
    """A fault that ``kvm_mmu_do_page_fault()`` hands on to the MMU's handler.

    Attributes:
        addr: the address that it is given (64).
        error_code: the error code (64).
        prefetch: it is for a page that is not waited for.
        direct: the MMU's tables are made for no guest tables, ``root_role.direct``.
        alias_bits: the bits of a GFN that only choose between aliases (64).
        mitigated: the mitigation of iTLB multihit is on, by its state.
        handed_on: the MMU's handler is told of it, once.
        told: what it is told.
        slot_gfn: the GFN whose memory slot is looked up, for direct tables (64).
        looked_up: it is looked up.
        evidence: how it came about.
    """

    addr: BitVec
    error_code: BitVec
    prefetch: Bool
    direct: Bool
    alias_bits: BitVec
    mitigated: Bool
    handed_on: Bool
    told: FaultTold
    slot_gfn: BitVec = field(metadata=counts_where("looked_up"))
    looked_up: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class FaultWalked:
    """A fault of a guest whose tables are shadowed, after these have been walked: ``FNAME(page_fault)()``.

    Attributes:
        function: its name.
        present: the fault is at an entry that is present.
        write: it is a write.
        user: it is of user mode.
        reserved: it is at an entry with a reserved bit.
        cr0_wp: CR0.WP is set, by the role.
        cr4_smep: CR4.SMEP is set, by the role.
        addr: the address at which it is (64).
        error_code: what the fault's error code is (64).
        prefetch: nobody waits for the page: KVM maps it ahead.
        walk_addr: the address that is walked (64).
        walk_access: the access that it is walked for, PFERR_* bits (64).
        walked: the walk has found a frame.
        gives_up: the guest is given what the walk has left, as it is.
        gives: the guest is given a fault.
        walked_gfn: that frame (64).
        walked_level: the level at which the walk has ended (32).
        walked_access: the ACC_* bits that the guest's entries grant (32).
        slot_gfn: the frame for which a memory slot is looked up (64).
        tracked_gfn: the frame of which it is asked whether writes to it are tracked (64).
        asks: it is asked of that frame in the fault's slot.
        tracked: they are.
        searched_level: the largest level at which it may be mapped before the host's frame is looked for, as wide as
            the kernel has it.
        found_level: the same after that.
        fills: the SPTEs are filled in.
        gfn: the frame for which they are (64).
        max_level: the largest level at which it may be mapped, as wide as the kernel has it.
        has_slot: there is a memory slot.
        access: the ACC_* bits with which it is mapped (32).
        emulates: the instruction is emulated because of tracked writes.
        noted_otherwise: the SPTEs are filled in for other tables, entries or rights on the way down than the walk
            has noted.
        evidence: how it came about.
    """

    function: str
    present: Bool
    write: Bool
    user: Bool
    reserved: Bool
    cr0_wp: Bool
    cr4_smep: Bool
    addr: BitVec
    error_code: BitVec
    prefetch: Bool
    walk_addr: BitVec
    walk_access: BitVec
    walked: Bool
    gives_up: Bool
    gives: Bool
    walked_gfn: BitVec
    walked_level: BitVec
    walked_access: BitVec
    slot_gfn: BitVec = field(metadata=counts_where("walked"))
    tracked_gfn: BitVec = field(metadata=counts_where("asks"))
    asks: Bool
    tracked: Bool
    searched_level: BitVec = field(metadata=counts_where("fills"))
    found_level: BitVec
    fills: Bool
    gfn: BitVec = field(metadata=counts_where("fills"))
    max_level: BitVec = field(metadata=counts_where("fills"))
    has_slot: Bool = field(metadata=counts_where("fills"))
    access: BitVec = field(metadata=counts_where("fills"))
    emulates: Bool = field(metadata=counts_where("asks"))
    noted_otherwise: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class PreFaulted:
    """Memory that userspace has mapped ahead: ``kvm_arch_vcpu_pre_fault_memory()``.

    Attributes:
        asked: the address that userspace names (64).
        alias_bits: the bits of a GFN that only choose between aliases (64).
        private: the frame's memory is private.
        private_gfn: the frame of which that is asked (64).
        maps: a fault is made up.
        addr: its address (64).
        error_code: its error code (64).
        level: the level at which the page has then been mapped (8).
        size: how many bytes userspace names (64).
        result: what is answered to the fault (32, signed).
        answer: how many bytes have been mapped, by what is answered, or an error (64, signed).
        evidence: how it came about.
    """

    asked: BitVec
    alias_bits: BitVec
    private: Bool
    private_gfn: BitVec = field(metadata=counts_where("private"))
    maps: Bool
    addr: BitVec = field(metadata=counts_where("maps"))
    error_code: BitVec = field(metadata=counts_where("maps"))
    level: BitVec
    size: BitVec
    result: BitVec
    answer: BitVec = field(metadata=counts_where("maps"))
    evidence: Evidence


class Faults(ABC):
    """What is made of an error code."""

    @abstractmethod
    def handed_on(self, *, tdp: bool) -> FaultHandedOn:
        """``kvm_mmu_do_page_fault()``, where the MMU's handler is ``kvm_tdp_page_fault()``, or another."""

    @abstractmethod
    def walked(self, gpte_format: GpteFormat) -> FaultWalked:
        """``FNAME(page_fault)()``."""

    @abstractmethod
    def pre_faulted(self) -> PreFaulted:
        """``kvm_arch_vcpu_pre_fault_memory()``."""
