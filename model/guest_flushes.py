"""What a guest has flushed by an instruction or a hypercall that names tags or addresses, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool

LISTED = 16
"""How many entries the list of a vCPU has that a hypercall of Hyper-V's fills."""


@dataclass(frozen=True, kw_only=True)
class ListedRound:
    """Any one page of any one entry of the list of addresses that a vCPU has to flush.

    Attributes:
        serves: the list is taken.
        index: the number of the entry (32).
        count: how many entries were in the list (32).
        entry: what it says (64): an address, and in the low 12 bits how many pages follow.
        page: the number of the page among those of the entry (32).
        index_first: the number of the first entry that is looked at (32).
        page_first: the number of the first page that is (32).
        told: the vendor is told to flush an address.
        address: which (64).
        enough: the vendor has said before this page that all is flushed.
        enough_before: it has said so before this entry.
        next_page: another page follows.
        page_after: its number (32).
        next_entry: another entry follows.
        index_after: its number (32).
        succeeds: all ends, and the caller is told that all is done, and flushes nothing more.
        wide_processor: KVM lets a vCPU have linear addresses of 57 bits.
        evidence: how it came about.
    """

    serves: Bool
    index: BitVec
    count: BitVec
    entry: BitVec
    page: BitVec
    index_first: BitVec
    page_first: BitVec
    told: Bool
    address: BitVec = field(metadata=counts_where("told"))
    enough: Bool
    enough_before: Bool
    next_page: Bool
    page_after: BitVec = field(metadata=counts_where("next_page"))
    next_entry: Bool
    index_after: BitVec = field(metadata=counts_where("next_entry"))
    succeeds: Bool
    wide_processor: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class VpidInvalidated:
    """What is done for L1's INVVPID, its operand being read.

    Attributes:
        may: L1 is offered VPIDs and the instruction.
        types: the types that it is offered, one bit each (64).
        type: the type that it names (64).
        vpid: the VPID that it names (64).
        address: the linear address (64).
        readable: the operand could be read, and L1 may use the instruction where it is.
        succeeds: L1 is told that it is done.
        fails: L1 is told that its operand is invalid.
        one: the processor is told to forget the address with L2's VPID.
        all: it is told to forget all with L2's VPID, or does when L2 runs next.
        shadows: EPT is off, and roots shadow the tables of L2.
        given_up: the roots of L2 are given up.
        five_level: the vCPU has CR4.LA57.
        wide_processor: KVM lets a vCPU have linear addresses of 57 bits.
        evidence: how it came about.
    """

    may: Bool
    types: BitVec
    type: BitVec
    vpid: BitVec
    address: BitVec
    readable: Bool
    succeeds: Bool
    fails: Bool
    one: Bool
    all: Bool
    shadows: Bool
    given_up: Bool
    five_level: Bool
    wide_processor: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class PcidInvalidated:
    """What is done for a guest's INVPCID where KVM shadows the guest's tables.

    Attributes:
        type: the type that it names (64).
        pcid: the PCID that it names (64).
        address: the linear address (64).
        has_pcid: the vCPU has CR4.PCIDE.
        readable: the operand could be read.
        shadowed: KVM shadows the guest's tables.
        done: the guest goes on behind the instruction.
        faults: the guest gets a #GP.
        one: what is translated of the address with the PCID is invalidated.
        context: all that is translated with the PCID is.
        all: all that the guest's tables translate is, before the guest runs.
        five_level: the vCPU has CR4.LA57.
        wide_processor: KVM lets a vCPU have linear addresses of 57 bits.
        evidence: how it came about.
    """

    type: BitVec
    pcid: BitVec
    address: BitVec
    has_pcid: Bool
    readable: Bool
    shadowed: Bool
    done: Bool
    faults: Bool
    one: Bool
    context: Bool
    all: Bool
    five_level: Bool
    wide_processor: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class ListFilled:
    """How entries are put into the list of what a vCPU has to flush.

    Attributes:
        own_list: the list is that of the vCPU, and of L2 exactly if it is L2 whose translations go.
        named: entries are named; otherwise all is meant.
        count: how many (32, signed).
        room: how many entries the list has room for (32).
        puts: they are put in, all of them.
        puts_all: an entry is put in that means all.
        evidence: how it came about.
    """

    own_list: Bool
    named: Bool
    count: BitVec
    room: BitVec
    puts: Bool
    puts_all: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class FlushAsked:
    """Which vCPUs a hypercall that flushes names, any one standing for all.

    Attributes:
        number: the number of the vCPU that runs an L2 (64).
        room: how many vCPUs the set has room for of those that are to be asked (64).
        all_at_once: where all are meant, by a hypercall that names at most 64, no set of vCPUs is gone through.
        each_filled: where all are, the list of each is filled, as L1's.
        each_asked: then all are asked to flush.
        named_found: where some are meant, it is the set of them, whole, that is gone through.
        named_filled: the list of each that there is gets filled, as L1's.
        of_l2_filled: where L2 asks, so is the list of each that runs an L2 of the same VM and is named, as L2's.
        of_l2_noted: each such vCPU is noted as one to be asked.
        noted_asked: those that are named, or noted, are asked to flush.
        entries_read: the entries with which lists are filled are those of the hypercall, as many as it says.
        evidence: how it came about.
    """

    number: BitVec
    room: BitVec
    all_at_once: Bool
    each_filled: Bool
    each_asked: Bool
    named_found: Bool
    named_filled: Bool
    of_l2_filled: Bool
    of_l2_noted: Bool
    noted_asked: Bool
    entries_read: Bool
    evidence: Evidence


class GuestFlushes(ABC):
    """What a guest has flushed."""

    @abstractmethod
    def listed(self) -> ListedRound:
        """``kvm_hv_vcpu_flush_tlb()``."""

    @abstractmethod
    def filled(self) -> ListFilled:
        """``hv_tlb_flush_enqueue()``."""

    @abstractmethod
    def asked(self) -> FlushAsked:
        """``kvm_hv_flush_tlb()``."""

    @abstractmethod
    def by_vpid(self) -> VpidInvalidated:
        """``handle_invvpid()``."""

    @abstractmethod
    def by_pcid(self) -> PcidInvalidated:
        """``kvm_handle_invpcid()``."""
