"""What bounds the size of pages in Linux 7.2.13."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.level_limits import GuestMemoryLimit, HostMapping, LevelLimits, MmuConfigured, UnpagedFault
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bv,
    eq,
    extract,
    ite,
    ne,
    negate,
    ult,
    var,
    zext,
)

_NO_PAGE = ~0x60 & (1 << 64) - 1
"""An entry of the host's is none if nothing but accessed and dirty flags are set."""
_PRESENT, _LARGE, _LA57 = 0, 7, 528
_ANY = 1 << 0 | 1 << 7 | 1 << 8


class ReferenceLevelLimits(ReferenceArea, LevelLimits):
    """``host_pfn_mapping_level()``, ``kvm_configure_mmu()``, ``nonpaging_page_fault()`` and the like."""

    def of_host(self) -> HostMapping:
        """See `LevelLimits.of_host`."""
        pgd, p4d, pud, pmd = (var(f"the host's {name}->{name}", 64) for name in ("pgd", "p4d", "pud", "pmd"))
        above = any_of(eq(var(f"_static_cpu_has({_LA57})", 1), 0), ne(pgd, 0))
        reads_pud = all_of(above, ne(p4d & _NO_PAGE, 0), bit(p4d, _PRESENT))
        found = all_of(reads_pud, ne(pud & _NO_PAGE, 0), bit(pud, _PRESENT))
        giga, reads_pmd = all_of(found, bit(pud, _LARGE)), all_of(found, negate(bit(pud, _LARGE)))
        mega = all_of(reads_pmd, ne(pmd & _NO_PAGE, 0), ne(pmd & _ANY, 0), bit(pmd, _LARGE))
        return HostMapping(
            above=(pgd, p4d),
            pud=pud,
            pmd=pmd,
            reads_pud=reads_pud,
            reads_pmd=reads_pmd,
            another_address=FALSE,
            level=ite(giga, bv(3, 32), ite(mega, bv(self._of_pmd(), 32), bv(1, 32))),
            evidence=Evidence(),
        )

    def _of_pmd(self) -> int:
        """The level of a page that an entry of level 2 maps."""
        return 2

    def configured(self) -> MmuConfigured:
        """See `LevelLimits.configured`."""
        tdp, allowed = ne(var("enable_tdp", 8) & 1, 0), ne(var("tdp_mmu_allowed", 1), 0)
        gigabyte = ne(var("variable_test_bit()", 1), 0)
        forced, most, huge = (var(f"tdp_{name}_level", 32) for name in ("forced_root", "max_root", "huge_page"))
        return MmuConfigured(
            tdp_told=tdp,
            forced_told=forced,
            most_told=most,
            huge_told=huge,
            allowed=allowed,
            gigabyte=gigabyte,
            tdp=tdp,
            tdp_mmu=all_of(allowed, tdp),
            forced=forced,
            most=self._most(forced, most),
            huge=ite(tdp, huge, ite(self._has_gigabyte(gigabyte), bv(3, 32), bv(2, 32))),
            evidence=Evidence(),
        )

    def _has_gigabyte(self, has: Bool) -> Bool:
        """Whether shadow paging has pages of 1 GByte."""
        return has

    def _most(self, _forced: BitVec, most: BitVec) -> BitVec:
        """How many levels a root has at most."""
        return most

    def unpaged(self) -> UnpagedFault:
        """See `LevelLimits.unpaged`."""
        return UnpagedFault(handled=TRUE, level=bv(self._largest_unpaged(), 32), evidence=Evidence())

    def _largest_unpaged(self) -> int:
        """The level of the largest page of a guest without paging."""
        return 2

    def of_guest_memory(self) -> GuestMemoryLimit:
        """See `LevelLimits.of_guest_memory`."""
        found, asked = zext(var("fault->max_level", 8), 32), var("kvm_x86_gmem_max_mapping_level()", 32)
        low = zext(extract(asked, 7, 0), 32)
        bounded = all_of(ne(found, 1), ne(low, 0), self._is_smaller(low, found))
        return GuestMemoryLimit(found=found, vendor=asked, level=ite(bounded, low, found), evidence=Evidence())

    def _is_smaller(self, vendor: BitVec, found: BitVec) -> Bool:
        """Whether what the vendor can have is smaller than what there is."""
        return ult(vendor, found)
