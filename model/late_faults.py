"""Faults that time overtakes, as a proof sees it: handled when the page has come, or found to be out of date."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class HandledLater:
    """A fault that waits for its page, and what is handled when that has come.

    Attributes:
        address: that of the fault (64).
        gfn: its frame (64).
        waits_for: the frame that it is to wait for (64).
        error_code: its error code (64).
        was_direct: no guest's tables stood behind the root then.
        was_pgd: where the guest's tables began then (64).
        is_direct: the same when the page has come.
        is_pgd: and where they begin then (64).
        handled: a fault is handled then.
        handled_address: for this address (64).
        handled_error_code: with this error code (64).
        evidence: how it came about.
    """

    address: BitVec
    gfn: BitVec
    waits_for: BitVec
    error_code: BitVec
    was_direct: Bool
    was_pgd: BitVec
    is_direct: Bool
    is_pgd: BitVec
    handled: Bool
    handled_address: BitVec = field(metadata=counts_where("handled"))
    handled_error_code: BitVec = field(metadata=counts_where("handled"))
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class OutOfDate:
    """Whether what has been found for a fault may still be mapped.

    Attributes:
        function: what says so.
        has_page: the root in use is a page of SPTEs.
        page_invalid: that page is marked as one that is not to be used.
        page_of_tdp: the page is the TDP MMU's.
        page_generation: the generation of tables that it was made in (8).
        generation: the one of now (8).
        asked_to_free: the vCPU is asked to give up roots.
        has_slot: the fault is one of a memory slot.
        place: its frame, or its address in the host's process, by which ranges are told (64).
        invalidating: how many ranges are being taken away (64).
        start: where the first of them begins (64).
        end: where the last of them ends (64).
        seen: how many had been taken away when the frame was looked for (64).
        now: how many have been (64).
        says: the fault counts as out of date.
        evidence: how it came about.
    """

    function: str
    has_page: Bool
    page_invalid: Bool
    page_of_tdp: Bool
    page_generation: BitVec
    generation: BitVec
    asked_to_free: Bool
    has_slot: Bool
    place: BitVec
    invalidating: BitVec
    start: BitVec
    end: BitVec
    seen: BitVec
    now: BitVec
    says: Bool
    evidence: Evidence


class LateFaults(ABC):
    """What becomes of faults that time overtakes."""

    @abstractmethod
    def handled_later(self) -> HandledLater:
        """``kvm_arch_setup_async_pf()``, and ``kvm_arch_async_page_ready()`` of what it has kept."""

    @abstractmethod
    def out_of_date(self) -> OutOfDate:
        """``is_page_fault_stale()``."""
