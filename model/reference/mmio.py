"""MMIO SPTEs: how they are made, read back, believed and thrown away."""

from __future__ import annotations

from mmuproof.model.cuts.mmio import MEMSLOTS, ZAP_ALL
from mmuproof.model.evidence import CheckKind
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.mmio import Believed, Invalidated, MadeMmioSpte, Mmio, MmioContent, MmioRequest
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.trace import Trace
from mmuproof.smt.terms import BitVec, Bool, all_of, bit, bv, eq, extract, ite, var, zext

_U64 = 64


class ReferenceMmio(ReferenceArea, Mmio):
    """``make_mmio_spte()`` of ``spte.c`` and what ``mmu.c`` does with its result."""

    def make_mmio_spte(self, masks: ShadowMasks, request: MmioRequest) -> MadeMmioSpte:
        """See `Mmio.make_mmio_spte`."""
        c = self.constants
        trace = Trace("make_mmio_spte")
        trace.cut(MEMSLOTS)
        spte = trace.step("spte", self._generation_bits(request.generation & c.MMIO_SPTE_GEN_MASK))
        access = trace.step("access", zext(request.access, _U64) & masks.mmio_access_mask)
        gpa = trace.step("gpa", request.gfn << c.PAGE_SHIFT)
        spte |= masks.mmio_value | access | self._guarded_address(masks, gpa)
        return MadeMmioSpte(trace.step("spte", spte), masks.evidence + trace.evidence)

    def _generation_bits(self, generation: BitVec) -> BitVec:
        """The bits that hold a generation."""
        c = self.constants
        low = (generation << c.MMIO_SPTE_GEN_LOW_SHIFT) & c.MMIO_SPTE_GEN_LOW_MASK
        return low | ((generation << c.MMIO_SPTE_GEN_HIGH_SHIFT) & c.MMIO_SPTE_GEN_HIGH_MASK)

    def _guarded_address(self, masks: ShadowMasks, gpa: BitVec) -> BitVec:
        """The guest's address with the bits that guard against L1TF all set; what was there is moved up."""
        moved = (gpa & masks.nonpresent_or_rsvd) << self.constants.SHADOW_NONPRESENT_OR_RSVD_MASK_LEN
        return gpa | masks.nonpresent_or_rsvd | moved

    def content(self, masks: ShadowMasks, spte: BitVec) -> MmioContent:
        """See `Mmio.content`."""
        access = extract(spte & masks.mmio_access_mask, 31, 0)
        return MmioContent(self._gfn(masks, spte), access, self._generation(spte), masks.evidence)

    def _gfn(self, masks: ShadowMasks, spte: BitVec) -> BitVec:
        """``get_mmio_spte_gfn()``."""
        moved = (spte >> self._gfn_shift()) & masks.nonpresent_or_rsvd
        return ((spte & masks.lower_gfn) | moved) >> self.constants.PAGE_SHIFT

    def _gfn_shift(self) -> int:
        """By how much the upper part of a GFN has been moved."""
        return self.constants.SHADOW_NONPRESENT_OR_RSVD_MASK_LEN

    def _generation(self, spte: BitVec) -> BitVec:
        """``get_mmio_spte_generation()``."""
        c = self.constants
        low = (spte & c.MMIO_SPTE_GEN_LOW_MASK) >> c.MMIO_SPTE_GEN_LOW_SHIFT
        return low | ((spte & c.MMIO_SPTE_GEN_HIGH_MASK) >> c.MMIO_SPTE_GEN_HIGH_SHIFT)

    def check_mmio_spte(self, masks: ShadowMasks, spte: BitVec, generation: BitVec) -> Believed:
        """See `Mmio.check_mmio_spte`."""
        c = self.constants
        trace = Trace("check_mmio_spte")
        trace.cut(MEMSLOTS)
        settled = self._is_settled(generation)
        current = eq(generation & c.MMIO_SPTE_GEN_MASK, self._generation(spte))
        return Believed(all_of(settled, current), masks.evidence + trace.evidence)

    def _is_settled(self, generation: BitVec) -> Bool:
        """Whether no update of the memory slots is in progress."""
        return eq(generation & self.constants.KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS, 0)

    def invalidate_mmio_sptes(self, masks: ShadowMasks, generation: BitVec) -> Invalidated:
        """See `Mmio.invalidate_mmio_sptes`."""
        c = self.constants
        trace = Trace("kvm_mmu_invalidate_mmio_sptes")
        trace.check(CheckKind.WARN, eq(generation & c.KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS, 0))
        trace.cut(ZAP_ALL)
        spaces = self._address_spaces()
        zaps = all_of(masks.enable_mmio_caching, self._has_wrapped(generation, spaces))
        return Invalidated(zaps, spaces, masks.evidence + trace.evidence)

    def _address_spaces(self) -> BitVec:
        """Those of SMM and of everything else, except where the VM has private memory."""
        private = bit(var("kvm->arch.has_private_mem", 1), 0)
        return ite(private, bv(1, _U64), bv(self.constants.KVM_MAX_NR_ADDRESS_SPACES, _U64))

    def _has_wrapped(self, generation: BitVec, address_spaces: BitVec) -> Bool:
        """Whether the part of a generation that SPTEs hold begins anew, in whichever address space."""
        return eq(generation & self.constants.MMIO_SPTE_GEN_MASK & ~(address_spaces - 1), 0)
