"""From an error code to what a handler of page faults is told, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
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


class Faults(ABC):
    """What is made of an error code."""

    @abstractmethod
    def handed_on(self, *, tdp: bool) -> FaultHandedOn:
        """``kvm_mmu_do_page_fault()``, where the MMU's handler is ``kvm_tdp_page_fault()``, or another."""
