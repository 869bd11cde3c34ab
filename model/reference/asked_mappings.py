"""How Linux 7.2.13 maps pages that are asked for."""

from __future__ import annotations

from mmuproof.model.asked_mappings import AskedMappings, PageMappedAhead, PrivatePageMapped
from mmuproof.model.evidence import Evidence
from mmuproof.model.faults import FaultTold
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bv, eq, ite, ne, negate, slt, var

_RETRY, _EMULATE, _WRITE_PROTECTED, _FIXED, _SPURIOUS = 1, 2, 3, 5, 6
_EPERM, _ENOENT, _EINTR, _EIO, _EOPNOTSUPP = 1, 2, 4, 5, 95


def _error(number: int) -> BitVec:
    return bv(-number & 0xFFFFFFFF, 32)


class ReferenceAskedMappings(ReferenceArea, AskedMappings):
    """``kvm_tdp_page_prefault()`` and ``kvm_tdp_mmu_map_private_pfn()``."""

    def ahead(self, of_tdp: bool) -> PageMappedAhead:
        """See `AskedMappings.ahead`."""
        tdp, result = TRUE if of_tdp else FALSE, var("kvm_mmu_do_page_fault()", 32)
        waits, dead = ne(var("signal_pending()", 32), 0), ne(var("kvm_check_request()", 1), 0)
        maps = all_of(tdp, negate(waits), negate(dead))
        mapped = any_of(*(eq(result, each) for each in (_FIXED, _SPURIOUS, _WRITE_PROTECTED)))
        retry = eq(result, _RETRY)
        no_error = ite(self._tells_mapped(mapped, result), bv(0, 32), self._not_mapped(result))
        come = ite(slt(result, bv(0, 32)), result, no_error)
        answer = ite(waits, _error(_EINTR), ite(dead, _error(_EIO), come))
        return PageMappedAhead(
            of_tdp=of_tdp,
            maps=maps,
            right=TRUE,
            result=result,
            mapped=mapped,
            retry=retry,
            ends=negate(all_of(maps, retry)),
            answer=answer if of_tdp else _error(_EOPNOTSUPP),
            evidence=Evidence(),
        )

    def _tells_mapped(self, mapped: Bool, _result: BitVec) -> Bool:
        """Whether success is told, by whether the page is mapped."""
        return mapped

    def _not_mapped(self, result: BitVec) -> BitVec:
        return ite(eq(result, _EMULATE), _error(_ENOENT), _error(_EIO))

    def private(self) -> PrivatePageMapped:
        """See `AskedMappings.private`."""
        gfn, pfn, result = var("gfn", 64), var("pfn", 64), var("kvm_tdp_mmu_map()", 32)
        tdp_mmu = ne(var("tdp_mmu_enabled", 1), 0)
        tracked = ne(var("kvm_gfn_is_write_tracked()", 1), 0)
        reload, topup = var("kvm_mmu_reload()", 32), var("mmu_topup_memory_caches()", 32)
        waits, dead = ne(var("signal_pending()", 32), 0), ne(var("kvm_test_request()", 1), 0)
        maps = all_of(tdp_mmu, negate(self._refuses(tracked)), eq(reload, 0), eq(topup, 0), negate(waits), negate(dead))
        fixed = eq(result, _FIXED)
        answer = ite(self._tells_success(fixed), bv(0, 32), _error(_EIO))
        for failed, told in (
            (dead, _error(_EIO)),
            (waits, _error(_EINTR)),
            (ne(topup, 0), topup),
            (ne(reload, 0), reload),
            (self._refuses(tracked), _error(_EPERM)),
            (negate(tdp_mmu), _error(_EIO)),
        ):
            answer = ite(failed, told, answer)
        return PrivatePageMapped(
            gfn=gfn,
            pfn=pfn,
            tdp_mmu=tdp_mmu,
            maps=maps,
            fault=self._fault(gfn),
            fault_pfn=pfn,
            own_slot=TRUE,
            tracked=tracked,
            asks=tdp_mmu,
            result=result,
            mapped=fixed,
            ends=negate(all_of(maps, eq(result, _RETRY))),
            answer=answer,
            evidence=Evidence(),
        )

    def _refuses(self, tracked: Bool) -> Bool:
        """Whether nothing is mapped, by whether writes to the frame are tracked."""
        return tracked

    def _tells_success(self, fixed: Bool) -> Bool:
        """Whether success is told, by whether the page is mapped."""
        return fixed

    def _largest_level(self) -> int:
        return 1

    def _fault(self, gfn: BitVec) -> FaultTold:
        c, small = self.constants, bv(1, 8)
        return FaultTold(
            addr=gfn << c.PAGE_SHIFT,
            error_code=bv(c.PFERR_GUEST_FINAL_MASK | c.PFERR_PRIVATE_ACCESS, 64),
            gfn=gfn,
            exec=FALSE,
            write=self._is_written(),
            present=FALSE,
            rsvd=FALSE,
            user=FALSE,
            prefetch=TRUE,
            is_tdp=TRUE,
            is_private=TRUE,
            nx_huge_page_workaround_enabled=all_of(
                ne(var("nx_huge_pages", 32), 0), eq(var("kvm->arch.disable_nx_huge_pages", 1), 0)
            ),
            huge_page_disallowed=FALSE,
            map_writable=TRUE,
            write_fault_to_shadow_pgtable=FALSE,
            max_level=bv(self._largest_level(), 8),
            req_level=small,
            goal_level=small,
        )

    def _is_written(self) -> Bool:
        """Whether the fault is one of a write."""
        return FALSE
