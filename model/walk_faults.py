"""What KVM's software walks of guest page tables leave when they fail, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import AT_LEAST, counts_where
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class FailedWalk:
    """A walk of guest tables, ``FNAME(walk_addr_generic)()``, and its ``struct x86_exception`` if it fails.

    Attributes:
        addr: the address that is walked (64).
        access: the access that is walked for, PFERR_* bits (64).
        first: what leads to the first table that is read: CR3, EPTP, or a PDPTE (64).
        reserved: of each level, from the first on, the answer that its entry has a reserved bit, if that is asked.
        long_mode_has_pae: the vCPU's CR4.PAE is set if its EFER.LMA is.
        judgement: what ``permission_fault()`` says of what all entries grant: an error code, or 0 (8).
        happens: the walk has failed, and not because the host has no memory there or cannot read or write it.
        vector: the exception's number (8).
        has_error_code: there is an error code.
        error_code: PFERR_* bits (64).
        keeps_stage: the error code is wide enough to tell which stage the fault is of.
        address: the address that could not be translated (64).
        asynchronous: the fault is one of KVM's own that tells the guest to wait for a page.
        nested: the fault is one of L1's tables, and not of a guest's own.
        exit_qualification: of EPT's entries, what bits 12:0 of an exit qualification are to say (64); 0 of others.
        earlier_qualification: what was there before, where the walk changes it and keeps bits 8:7 (64).
        evidence: how it came about.
    """

    addr: BitVec
    access: BitVec
    first: BitVec
    reserved: tuple[Bool, ...]
    long_mode_has_pae: Bool
    judgement: BitVec
    happens: Bool = field(metadata=AT_LEAST)
    vector: BitVec = field(metadata=counts_where("happens"))
    has_error_code: Bool = field(metadata=counts_where("happens"))
    error_code: BitVec = field(metadata=counts_where("happens"))
    keeps_stage: bool
    address: BitVec = field(metadata=counts_where("happens"))
    asynchronous: Bool = field(metadata=counts_where("happens"))
    nested: Bool = field(metadata=counts_where("happens"))
    exit_qualification: BitVec = field(metadata=counts_where("happens"))
    earlier_qualification: BitVec | None
    evidence: Evidence


class WalkFaults(ABC):
    """What walks tell of a fault."""

    @abstractmethod
    def failed_walk(
        self,
        gpte_format: GpteFormat,
        levels: int,
        entries: Sequence[BitVec],
        *,
        role: BitVec,
        cr4_pse: Bool,
        accessed_dirty: Bool,
        nested: bool,
    ) -> FailedWalk:
        """A walk of tables whose addresses are L1's, so that nothing is translated on the way.

        Args:
            gpte_format: the code that walks.
            levels: ``role.level``, how many there are.
            entries: what is read, from the root's table down to the PTE; the PDPTE of PAE paging is not among them.
            role: the CPU role (64), but for what the other arguments tell; of L1's tables, its lower half is the
                role of what is built of them.
            cr4_pse: ``role.cr4_pse``.
            accessed_dirty: whether the tables have accessed and dirty flags; ordinary ones always have.
            nested: the tables are L1's EPT or nested page tables, and not a guest's own.
        """
