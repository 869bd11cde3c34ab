"""How a vCPU comes by a root of the TDP MMU in Linux 7.2.13."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS
from mmuproof.model.tdp_roots import TdpRoots, TdpRootTaken
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, bool_var, eq, ite, ne, negate, var

_MIRROR = 1 << 19
"""Of a role, that the root mirrors a table of TDX's."""


class ReferenceTdpRoots(ReferenceArea, TdpRoots):
    """``kvm_tdp_mmu_alloc_root()``."""

    def taken(self) -> TdpRootTaken:
        """See `TdpRoots.taken`."""
        mirror, role = ne(var("mirror", 8) & 1, 0), var("vcpu->arch.root_mmu.root_role", PAGE_ROLE_BITS)
        found_role, listed_role = (var(f"{name} root->role", PAGE_ROLE_BITS) for name in ("found", "listed"))
        wanted, sought = ite(mirror, role | _MIRROR, role), self._sought(mirror, role)
        found = all_of(negate(bool_var("no root is found")), self._is_like(found_role, sought))
        held = all_of(negate(found), eq(listed_role, sought), ne(var("kvm_tdp_mmu_get_root()", 1), 0))
        made = all_of(negate(found), negate(held))
        return TdpRootTaken(
            mirror=mirror,
            wanted=wanted,
            found_role=found_role,
            found=found,
            listed_role=listed_role,
            listed=held,
            held=held,
            made=made,
            made_role=sought,
            made_held=all_of(made, self._is_held_twice()),
            in_place=TRUE,
            beside=FALSE,
            evidence=Evidence(),
        )

    def _sought(self, mirror: Bool, role: BitVec) -> BitVec:
        """The role of which a root is looked for."""
        return ite(mirror, role | _MIRROR, role)

    def _is_like(self, role: BitVec, wanted: BitVec) -> Bool:
        """Whether a root that is found is taken."""
        return eq(role, wanted)

    def _is_held_twice(self) -> Bool:
        """Whether a new root is held by the vCPU and by the list."""
        return TRUE
