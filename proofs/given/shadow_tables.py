"""KVM's own page tables: what its check and the hardware hold reserved in their entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mmuproof.model.evidence import Evidence
from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reserved_bits import MmuKind, ShadowCheck
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.given.requested_mmu import Requested, requested
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bool_var, bv, eq, ite, sle, zext
from mmuproof.spec import ept
from mmuproof.spec.entry_layout import Control, EntryFormat
from mmuproof.spec.npt_layout import NPT_LONG_MODE
from mmuproof.spec.paging_layout import AMD_LONG_MODE, INTEL_LONG_MODE, PAE, PRESENT_BIT
from mmuproof.spec.reserved import reserved_bit_set

LARGEST_PAGE = 3
_PAE_ROOT = 3
_PAE_LEVELS = 2
# Which MMUs have SPTEs, and the levels that their roots can have.
_ROOTS: Mapping[Vendor, tuple[tuple[MmuKind, tuple[int, ...]], ...]] = MappingProxyType(
    {
        Vendor.INTEL: ((MmuKind.TDP, (4, 5)), (MmuKind.NESTED_EPT, (4, 5))),
        Vendor.AMD: ((MmuKind.TDP, (4, 5)), (MmuKind.NESTED_NPT, (4, 5))),
        Vendor.SHADOW: ((MmuKind.SHADOW, (_PAE_ROOT,)), (MmuKind.SHADOW, (4, 5))),
    }
)


@dataclass(frozen=True)
class ShadowTables:
    """The page tables of one MMU, whose root has one of some levels.

    Args:
        kvm: the implementation.
        masks: its ``shadow_*`` masks.
        wanted: the MMU, and what the guest has asked of it.
        roots: the levels that the root can have.
    """

    kvm: Kvm
    masks: ShadowMasks
    wanted: Requested
    roots: tuple[int, ...]

    @property
    def kind(self) -> MmuKind:
        """Which MMU it is."""
        return self.wanted.mmu.kind

    @property
    def name(self) -> str:
        """What a part of a theorem calls them."""
        return f"{self.kind.value}, {'PAE' if self.is_pae else '4- and 5-level'} root"

    @property
    def is_pae(self) -> bool:
        """Whether the hardware walks them as PAE paging; the root's own entries are no SPTEs then."""
        return self.roots == (_PAE_ROOT,)

    @property
    def highest_level(self) -> int:
        """The highest level that has SPTEs."""
        return _PAE_LEVELS if self.is_pae else max(self.roots)

    @property
    def largest_page(self) -> int:
        """The highest level at which an SPTE can map a page."""
        return min(LARGEST_PAGE, self.highest_level)

    def held_reserved(self, spte: BitVec, level: int) -> Bool:
        """Whether KVM's own check objects to an SPTE, for whichever root."""
        return any_of(*(self.kvm.reserved_bits.is_rsvd_spte(each, spte, level) for each in self._checks_with(level)))

    def check_evidence(self, level: int) -> Evidence:
        """How KVM's own check came about."""
        evidence = Evidence()
        for each in self._checks_with(level):
            evidence += each.evidence
        return evidence

    def _checks_with(self, level: int) -> list[ShadowCheck]:
        return [self._check(root) for root in self.roots if level <= root]

    def _check(self, root: int) -> ShadowCheck:
        return self.kvm.reserved_bits.shadow_check(self.wanted.mmu, self.masks, root)

    # -- the hardware ------------------------------------------------------------------------------------

    def faults_always(self, spte: BitVec, level: int, *, maps_page: bool) -> Bool:
        """Whether the hardware holds a bit of a present SPTE reserved, or the SPTE misconfigured."""
        if self.masks.vendor is Vendor.INTEL:
            return self._misconfigured(spte, level, maps_page)
        controls = {Control.NO_EXECUTE: TRUE, Control.PAGES_1G: self._check(max(self.roots)).boot_gbpages}
        # The bit that marks encrypted pages is no address bit and not reserved, wherever it is.
        unmarked = spte & ~self.masks.me_value
        found = (reserved_bit_set(each, unmarked, level, controls, self._width) for each in self._formats)
        return all_of(has(spte, 1 << PRESENT_BIT), any_of(*found))

    def _misconfigured(self, spte: BitVec, level: int, maps_page: bool) -> Bool:
        largest = self._largest_page
        return ept.misconfigured(
            spte,
            level=level,
            maps_page=maps_page,
            max_physical_address=self._width,
            mbec=bool_var("the hardware's MBEC"),
            execute_only=self.masks.host.has_exec_only,
            paging_write_control=FALSE,
            pages_2m=sle(bv(2, 32), largest),
            pages_1g=sle(bv(3, 32), largest),
            memory_type_checked_in_1g=TRUE,
        )

    @property
    def _width(self) -> BitVec:
        """The physical-address width; AMD's memory encryption narrows it, the key numbers of Intel's do not."""
        host = self.masks.host
        return ite(host.is_amd, host.x86_phys_bits, host.maxphyaddr)

    @property
    def _largest_page(self) -> BitVec:
        return self._check(max(self.roots)).max_huge_page_level

    @property
    def _formats(self) -> tuple[EntryFormat, ...]:
        if self.masks.vendor is Vendor.AMD:
            return (NPT_LONG_MODE,)
        return (PAE,) if self.is_pae else (INTEL_LONG_MODE, AMD_LONG_MODE)

    # -- what callers guarantee --------------------------------------------------------------------------

    def page_fits(self, level: int) -> tuple[Assumption, ...]:
        """KVM maps a page of this size."""
        if level == 1:
            return ()
        largest, boot_gbpages = self._largest_page, self._check(max(self.roots)).boot_gbpages
        found = [
            Assumption(
                "KVM maps no larger page than max_huge_page_level, which is 1 GByte at most",
                all_of(sle(bv(level, 32), largest), sle(largest, bv(LARGEST_PAGE, 32))),
            )
        ]
        if level == LARGEST_PAGE and self.masks.vendor is not Vendor.INTEL:
            found.append(Assumption("the host maps 1-GByte pages only if the processor has them", boot_gbpages))
            if self.kind is not MmuKind.TDP:
                found.append(
                    Assumption(
                        "no SPTE maps a larger page than the guest's entry, and the guest has 1-GByte "
                        "pages if it maps one",
                        self.wanted.mmu.guest_cpu.gbpages,
                    )
                )
        return tuple(found)

    def is_memory(self, address: BitVec) -> Assumption:
        """An address of 64 bits is one of the host's."""
        width = zext(self.masks.host.x86_phys_bits, 64)
        return Assumption("the host's memory lies below its usable address width", eq(address >> width, 0))


def shadow_tables(kvm: Kvm, vendor: Vendor) -> tuple[ShadowTables, ...]:
    """The page tables of every MMU that has some, for a vendor."""
    masks = kvm.masks.shadow_masks(vendor)
    return tuple(ShadowTables(kvm, masks, requested(kvm, kind), roots) for kind, roots in _ROOTS[vendor])
