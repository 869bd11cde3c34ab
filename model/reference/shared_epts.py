"""What Linux 7.2.13 does at a fault of L2 in L1's EPT about other roots for the same tables."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.invalidations import CachedRoot
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.roots import KEPT_ROOTS
from mmuproof.model.shared_epts import FaultForgotten, SharedEpts
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, bv, eq, ne, negate, var

_ADDRESS = var("fault->address", 64)
_TABLES = (1 << 52) - (1 << 12)


class ReferenceSharedEpts(ReferenceArea, SharedEpts):
    """``nested_ept_inject_page_fault()``."""

    def at_fault(self) -> FaultForgotten:
        """See `SharedEpts.at_fault`."""
        log_full, eptp = ne(var("vmx->nested.pml_full", 1), 0), var("vmcs12->ept_pointer", 64)
        done = all_of(negate(log_full), self._forgets(var("fault->error_code", 64)))
        places = [f"vmx->vcpu.arch.guest_mmu.prev_roots[{number}]" for number in range(KEPT_ROOTS - 1)]
        roots = [(var(f"{place}.hpa", 64), var(f"{place}.pgd", 64)) for place in places]
        return FaultForgotten(
            log_full=log_full,
            eptp=eptp,
            address=_ADDRESS,
            no_root=bv(-1, 64),
            kept=tuple(
                CachedRoot(
                    root=root,
                    pgd=pgd,
                    named=TRUE,
                    forgotten=all_of(done, ne(root, -1), self._is_of(pgd, eptp), self._is_there(_ADDRESS)),
                )
                for root, pgd in roots
            ),
            evidence=Evidence(),
        )

    def _forgets(self, _error_code: BitVec) -> Bool:
        """Whether a fault of this error code has an address forgotten."""
        return TRUE

    def _is_of(self, pgd: BitVec, eptp: BitVec) -> Bool:
        """Whether a root is for the tables of an EPTP."""
        return eq((pgd ^ eptp) & _TABLES, 0)

    def _is_there(self, _address: BitVec) -> Bool:
        """Whether what is forgotten is the fault's address."""
        return TRUE
