"""SPTEs, as a proof sees them: predicates, make_spte(), access tracking."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class SpteRequest:
    """The arguments of ``make_spte()``; widths in bits: level 4, access 32, gfn, pfn and old_spte 64."""

    level: BitVec
    ad_disabled: Bool
    pte_access: BitVec
    gfn: BitVec
    pfn: BitVec
    old_spte: BitVec
    prefetch: Bool
    synchronizing: Bool
    host_writable: Bool


@dataclass(frozen=True)
class Told:
    """What ``make_spte()`` tells another function of its page: ``called`` whether it does, the rest what it says then.

    ``gfn`` has 64 bits.
    """

    called: Bool
    gfn: BitVec = field(metadata=counts_where("called"))


@dataclass(frozen=True)
class AskedToUnsync(Told):
    """What ``mmu_try_to_unsync_pages()`` is told."""

    synchronizing: Bool = field(metadata=counts_where("called"))
    prefetch: Bool = field(metadata=counts_where("called"))


@dataclass(frozen=True)
class AskedMemoryType(Told):
    """What ``get_mt_mask()`` is told."""

    maps_mmio: Bool = field(metadata=counts_where("called"))


@dataclass(frozen=True)
class AskedToNote:
    """Whether ``make_spte()`` has it noted that a vCPU can access MMIO of the host.

    Attributes:
        mitigated: whether the host needs it, since its processor leaks what MMIO leaves in its buffers.
        noted: what ``kvm_vcpu_can_access_host_mmio()`` says before: the note is there already.
        notes: whether ``kvm_track_host_mmio_mapping()`` is called.
    """

    mitigated: Bool
    noted: Bool
    notes: Bool


@dataclass(frozen=True, kw_only=True)
class MadeSpte:
    """The results of ``make_spte()``: the SPTE (64 bits), whether it had to be write-protected.

    ``nx_huge_pages`` tells whether the iTLB-multihit mitigation was on, ``unsync_refused`` what
    ``mmu_try_to_unsync_pages()`` says if it is asked: the page has to stay write-protected.  ``logged`` tells
    whether the memory slot logs writes, ``reserved`` whether the SPTE has a bit that the MMU's
    ``shadow_zero_check`` reserves, whatever that holds.  ``memory_type`` (64 bits) is what ``get_mt_mask()``
    says, nothing where there is none, ``maps_mmio`` what ``kvm_is_mmio_pfn()`` says.  ``to_unsync`` and
    ``about_memory_type`` tell what these functions are asked, ``marked_dirty`` what ``mark_page_dirty_in_slot()``
    is told, ``mmio`` what becomes of the note about the host's MMIO, of which a kernel without one makes none.
    """

    spte: BitVec
    wrprot: Bool
    nx_huge_pages: Bool
    unsync_refused: Bool
    logged: Bool
    reserved: Bool
    memory_type: BitVec
    maps_mmio: Bool
    to_unsync: AskedToUnsync
    about_memory_type: AskedMemoryType
    marked_dirty: Told
    mmio: AskedToNote
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class MmioNote:
    """The note that a vCPU can access MMIO of the host, before and after ``kvm_track_host_mmio_mapping()``.

    Attributes:
        with_page: whether the vCPU's root has a ``struct kvm_mmu_page``, in which the note is then; otherwise it is
            in the VM.
        page_before: the note in the root's page.
        vm_before: the note in the VM.
        page_after: the note in the root's page afterwards.
        vm_after: the note in the VM afterwards.
        said_before: what ``kvm_vcpu_can_access_host_mmio()`` says first.
        said_after: what it says afterwards.
        requested: whether all vCPUs are asked to leave the guest.
        evidence: how this came about.
    """

    with_page: Bool
    page_before: Bool
    vm_before: Bool
    page_after: Bool
    vm_after: Bool
    said_before: Bool
    said_after: Bool
    requested: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class MmioAnswers:
    """What ``kvm_is_mmio_pfn()`` says of a frame, asked twice with one cache.

    Attributes:
        is_mmio: what ``__kvm_is_mmio_pfn()`` says of that frame.
        first: the answer of the first call.
        second: that of the second.
        evidence: how this came about.
    """

    is_mmio: Bool
    first: Bool
    second: Bool
    evidence: Evidence


@dataclass(frozen=True)
class Predicates:
    """What KVM's own predicates say of one SPTE."""

    is_frozen: Bool
    is_mmio: Bool
    is_shadow_present: Bool


@dataclass(frozen=True, kw_only=True)
class Tracked:
    """An SPTE after ``mark_spte_for_access_track()`` and after ``restore_acc_track_spte()`` on that.

    ``is_access_track`` is KVM's own predicate on the marked SPTE, ``twice`` the SPTE marked twice.
    """

    marked: BitVec
    restored: BitVec
    twice: BitVec
    is_access_track: Bool
    was_access_track: Bool
    evidence: Evidence


class Sptes(ABC):
    """KVM's predicates on SPTEs, and how it makes and tracks one."""

    @abstractmethod
    def predicates(self, masks: ShadowMasks, spte: BitVec) -> Predicates:
        """KVM's predicates on an SPTE of 64 bits."""

    @abstractmethod
    def make_spte(self, masks: ShadowMasks, request: SpteRequest) -> MadeSpte:
        """``make_spte()``."""

    @abstractmethod
    def note_mmio(self) -> MmioNote:
        """``kvm_track_host_mmio_mapping()``; raises `mmuproof.model.kvm.NotThere` where nothing is noted."""

    @abstractmethod
    def ask_mmio(self, pfn: BitVec) -> MmioAnswers:
        """``kvm_is_mmio_pfn()`` of a frame of 64 bits; raises `mmuproof.model.kvm.NotThere` where it has no cache."""

    @abstractmethod
    def access_track(self, masks: ShadowMasks, spte: BitVec) -> Tracked:
        """``mark_spte_for_access_track()`` and ``restore_acc_track_spte()`` on an SPTE of 64 bits."""
