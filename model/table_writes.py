"""What becomes of the pages that shadow a frame when the guest writes to it, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.listed_pages import ListedPage
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class EntryDropped:
    """Any one round at the SPTEs of a page that are for what is written.

    Attributes:
        begins: there is such a round.
        from_first: the first round is at the first of them, and all of them are to come.
        there: the round is at an SPTE, as each is by `from_first` and `next_entry`.
        left: how many are to come (32).
        drops: the SPTE is dropped.
        own_entry: it is the one at which the round is, of this page.
        goes_on: another round follows.
        next_entry: it is at the next SPTE, and one less is to come.
        present: the SPTE led to or mapped something.
        due: a flush is due before the round.
        due_after: a flush is due after it.
    """

    begins: Bool
    from_first: Bool = field(metadata=counts_where("begins"))
    there: Bool
    left: BitVec
    drops: Bool
    own_entry: Bool = field(metadata=counts_where("drops"))
    goes_on: Bool
    next_entry: Bool = field(metadata=counts_where("goes_on"))
    present: Bool
    due: Bool
    due_after: Bool = field(metadata=counts_where("goes_on"))


@dataclass(frozen=True, kw_only=True)
class WriteFollowed:
    """A write of the guest's, ``kvm_mmu_track_write()``: any page that is met of those that may shadow its frame.

    Attributes:
        function: who follows it.
        shadowed: some table is shadowed.
        gpa: where the write begins (64).
        length: how many bytes it has (32).
        pae: the guest uses PAE.
        of_vm: the vCPU is one of a VM, as it is at first.
        looks: the pages are gone through of the write's frame.
        page: the page, if there is one.
        judged: the page is judged, of itself.
        judged_gpa: by a write that begins there (64).
        judged_length: and has so many bytes (32).
        unfit: it is none of whole entries, by what is asked, or one of too many.
        gives_up: the page is taken apart.
        none: no SPTE of it is for what is written.
        entry: its SPTEs for what is written.
        goes_on: further pages are looked at; not after a round at an SPTE that is not the last.
        due: a flush is due before the page is looked at.
        flushed: at the end it is made if it is due, and if pages were taken apart.
        evidence: how it came about.
    """

    function: str
    shadowed: Bool
    gpa: BitVec
    length: BitVec
    pae: Bool
    of_vm: Bool
    looks: Bool
    page: ListedPage
    judged: Bool
    judged_gpa: BitVec = field(metadata=counts_where("judged"))
    judged_length: BitVec = field(metadata=counts_where("judged"))
    unfit: Bool = field(metadata=counts_where("judged"))
    gives_up: Bool
    none: Bool
    entry: EntryDropped
    goes_on: Bool
    due: Bool
    flushed: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class FrameUnprotected:
    """A frame is to be writable again: any page that is met of those that may shadow it.

    Attributes:
        function: what lets it be.
        begins: pages are gone through.
        of_frame: they are those of the frame, which is found if it is asked for by a linear address.
        page: the page, if there is one.
        gives_up: the page is taken apart.
        goes_on: further pages are looked at.
        frees: at the end those that were taken apart are flushed and freed.
        answer: the frame may be written to now.
        evidence: how it came about.
    """

    function: str
    begins: Bool
    of_frame: Bool
    page: ListedPage
    gives_up: Bool
    goes_on: Bool
    frees: Bool
    answer: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class ProtectedWritten:
    """A write to a protected page, ``kvm_mmu_write_protect_fault()``.

    Attributes:
        again: it is the write, at the same instruction and address, for which a frame was made writable last.
        in_mmio: the address is remembered as one of MMIO.
        direct: no tables of the guest's are shadowed.
        error_code: of the fault (64).
        reinjects: an event waits to be delivered again.
        unprotects: the frame is made writable, of this address.
        unprotected: that has succeeded.
        in_guest: the vCPU runs an L2.
        may_retry: if it cannot be emulated, the frame may be made writable.
        retries: the write is tried again.
        emulates: it is emulated.
        evidence: how it came about.
    """

    again: Bool
    in_mmio: Bool
    direct: Bool
    error_code: BitVec
    reinjects: Bool
    unprotects: Bool
    unprotected: Bool
    in_guest: Bool
    may_retry: Bool
    retries: Bool
    emulates: Bool
    evidence: Evidence


class TableWrites(ABC):
    """What becomes of pages whose tables are written to."""

    @abstractmethod
    def followed(self) -> WriteFollowed:
        """``kvm_mmu_track_write()``."""

    @abstractmethod
    def unprotected(self) -> FrameUnprotected:
        """``__kvm_mmu_unprotect_gfn_and_retry()``."""

    @abstractmethod
    def protected(self) -> ProtectedWritten | None:
        """``kvm_mmu_write_protect_fault()``; None where no function has that to itself."""
