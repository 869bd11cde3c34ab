"""Faults on MMIO SPTEs, and faults as a whole, in Linux 7.2.13."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import mmio_faults as cuts
from mmuproof.model.cuts.mmio import MEMSLOTS
from mmuproof.model.evidence import CheckKind
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.mmio_faults import FaultAnswered, Handled, MmioCache, MmioFaults, MmioHandled, MmioRemembered
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.reference.mmio import ReferenceMmio
from mmuproof.smt.terms import (
    FALSE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bool_var,
    boolean,
    bv,
    eq,
    implies,
    ite,
    ne,
    negate,
    slt,
    var,
)

_U64 = 64
_PAGE_MASK, _MMIO_GVA_ANY, _INVALID_PAGE = (1 << 64) - (1 << 12), (1 << 64) - 1, (1 << 64) - 1
_RETRY, _EMULATE, _WRITE_PROTECTED, _INVALID = 1, 2, 3, 4
_SW_PROTECTED_VM = 1
_CACHE = MmioCache(
    gva=var("vcpu->arch.mmio_gva", 64),
    gfn=var("vcpu->arch.mmio_gfn", 64),
    access=var("vcpu->arch.mmio_access", 32),
    generation=var("vcpu->arch.mmio_gen", 64),
)


class ReferenceMmioFaults(ReferenceArea, MmioFaults):
    """``handle_mmio_page_fault()``, what ``x86.h`` does about the MMIO cache, and ``kvm_mmu_page_fault()``."""

    def __init__(self, constants: Constants, mmio: ReferenceMmio) -> None:
        super().__init__(constants)
        self._mmio = mmio

    def handled(self, masks: ShadowMasks, spte: BitVec, generation: BitVec, *, nested: bool) -> MmioHandled:
        """See `MmioFaults.handled`."""
        trace = Trace("handle_mmio_page_fault")
        for cut in (MEMSLOTS, cuts.FIND_SPTE):
            trace.cut(cut)
        broken, addr, direct = bool_var(f"{cuts.FIND_SPTE.function}()"), var("addr", _U64), bool_var("direct")
        by_gpa, by_gva = self._match_gpa(generation, addr), self._match_gva(generation, addr)
        known = all_of(boolean(not nested), ite(direct, by_gpa, by_gva))
        trace.check(CheckKind.WARN, any_of(known, negate(broken)))
        content = self._mmio.content(masks, spte)
        judged = all_of(negate(known), negate(broken))
        is_mmio = all_of(judged, self._is_mmio(masks, spte))
        current = self._is_current(masks, spte, generation)
        believed, stale = all_of(is_mmio, current), all_of(is_mmio, negate(current))
        filled = self._filled(generation, self._gva_of(addr, direct), content.gfn, content.access, nested=nested)
        return MmioHandled(
            addr=addr,
            direct=direct,
            before=_CACHE,
            after=_where(believed, filled, _CACHE),
            asked=negate(known),
            asked_addr=addr,
            broken=broken,
            emulates=any_of(known, believed),
            invalid=all_of(stale, boolean(self._stale_is_invalid())),
            retries=any_of(all_of(judged, negate(is_mmio)), all_of(stale, boolean(not self._stale_is_invalid()))),
            fails=all_of(negate(known), broken),
            evidence=masks.evidence + trace.evidence,
        )

    def _is_mmio(self, masks: ShadowMasks, spte: BitVec) -> Bool:
        """``is_mmio_spte()``."""
        return all_of(eq(spte & masks.mmio_mask, masks.mmio_value), masks.enable_mmio_caching)

    def _is_current(self, masks: ShadowMasks, spte: BitVec, generation: BitVec) -> Bool:
        """``check_mmio_spte()``."""
        return self._mmio.check_mmio_spte(masks, spte, generation).holds

    def _gva_of(self, addr: BitVec, direct: Bool) -> BitVec:
        """The linear address of a fault; without guest tables it is a guest-physical one."""
        return ite(direct, bv(0, _U64), addr)

    def _stale_is_invalid(self) -> bool:
        return True

    def remembered(self, *, nested: bool) -> MmioRemembered:
        """See `MmioFaults.remembered`."""
        trace = Trace("vcpu_cache_mmio_info")
        trace.cut(MEMSLOTS)
        generation, gva, gpa = (var(name, _U64) for name in ("slots->generation", "gva", "gpa"))
        gfn, access = var("gfn", _U64), var("access", 32)
        forgets = any_of(eq(gva, _MMIO_GVA_ANY), eq(_CACHE.gva, gva & _PAGE_MASK))
        return MmioRemembered(
            before=_CACHE,
            generation=generation,
            gva=gva,
            gpa=gpa,
            by_gva=self._match_gva(generation, gva),
            by_gpa=self._match_gpa(generation, gpa),
            gfn=gfn,
            access=access,
            filled=self._filled(generation, gva, gfn, access, nested=nested),
            forgotten=replace(_CACHE, gva=ite(forgets, bv(0, _U64), _CACHE.gva)),
            evidence=trace.evidence,
        )

    def _match_gva(self, generation: BitVec, gva: BitVec) -> Bool:
        """``vcpu_match_mmio_gva()``."""
        return all_of(self._of_memslots(generation), ne(_CACHE.gva, 0), eq(_CACHE.gva, gva & _PAGE_MASK))

    def _match_gpa(self, generation: BitVec, gpa: BitVec) -> Bool:
        """``vcpu_match_mmio_gpa()``."""
        return all_of(
            self._of_memslots(generation), ne(_CACHE.gfn, 0), eq(_CACHE.gfn, gpa >> self.constants.PAGE_SHIFT)
        )

    def _of_memslots(self, generation: BitVec) -> Bool:
        """``vcpu_match_mmio_gen()``."""
        return eq(_CACHE.generation, generation)

    def _filled(self, generation: BitVec, gva: BitVec, gfn: BitVec, access: BitVec, *, nested: bool) -> MmioCache:
        """``vcpu_cache_mmio_info()``."""
        page = bv(0, _U64) if self._hides_address(nested=nested) else gva & _PAGE_MASK
        new = MmioCache(gva=page, gfn=gfn, access=access, generation=generation)
        return _where(self._may_fill(generation), new, _CACHE)

    def _hides_address(self, *, nested: bool) -> bool:
        return nested

    def _may_fill(self, generation: BitVec) -> Bool:
        return eq(generation & self.constants.KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS, 0)

    def answered(self) -> FaultAnswered:
        """See `MmioFaults.answered`."""
        c, trace = self.constants, Trace("kvm_mmu_page_fault")
        mmio, fault, write, emulation = (
            self._answer(trace, cut) for cut in (cuts.MMIO, cuts.FAULT, cuts.WRITE, cuts.EMULATE)
        )
        addr, code = var("cr2_or_gpa", _U64), var("error_code", _U64)
        root = ne(var("vcpu->arch.root_mmu.root.hpa", _U64), _INVALID_PAGE)
        direct = role_flag(var("vcpu->arch.root_mmu.root_role", PAGE_ROLE_BITS), "direct")
        reserved = ne(code & c.PFERR_RSVD_MASK, 0)
        mmio_private = all_of(reserved, ne(code & c.PFERR_PRIVATE_ACCESS, 0))
        trace.cut(cuts.IS_PRIVATE)
        private = all_of(eq(var("kvm->arch.vm_type", 8), _SW_PROTECTED_VM), bool_var(f"{cuts.IS_PRIVATE.function}()"))
        told = code | ite(all_of(private, negate(reserved)), bv(c.PFERR_PRIVATE_ACCESS, _U64), 0)
        trace.check(CheckKind.WARN, root)
        trace.check(CheckKind.WARN, implies(root, negate(mmio_private)))
        asks = all_of(root, reserved, negate(mmio_private))
        tells = all_of(root, any_of(negate(reserved), all_of(asks, self._goes_on(mmio))))
        bug = all_of(tells, eq(fault, _INVALID))
        asked = ite(tells, fault, mmio)
        writes = all_of(any_of(tells, asks), negate(bug), eq(asked, _WRITE_PROTECTED))
        last = ite(writes, write, asked)
        done = all_of(root, negate(mmio_private), negate(bug))
        trace.check(CheckKind.WARN, implies(all_of(done, negate(slt(asked, 0))), ne(last, 0)))
        emulated = all_of(done, self._emulates(last, asked))
        failed = ite(bug, bv(-5, 32), last)
        return FaultAnswered(
            addr=addr,
            error_code=code,
            root=root,
            direct=direct,
            private=private,
            mmio=_handled(asks, addr, bv(0, _U64), mmio),
            mmio_direct=direct,
            fault=_handled(tells, addr, told, fault),
            write=_handled(writes, addr, told, write),
            unprotects=FALSE,
            emulated=emulated,
            emulated_addr=addr,
            emulation=emulation,
            result=ite(root, ite(mmio_private, bv(-14, 32), ite(emulated, emulation, failed)), bv(_RETRY, 32)),
            evidence=trace.evidence,
        )

    def _answer(self, trace: Trace, cut: Cut) -> BitVec:
        trace.cut(cut)
        return var(f"{cut.function}()", 32)

    def _goes_on(self, mmio: BitVec) -> Bool:
        """Whether a fault that is none on MMIO, or on an outdated SPTE, is handled as any other."""
        return eq(mmio, _INVALID)

    def _emulates(self, last: BitVec, asked: BitVec) -> Bool:
        """Whether an instruction is emulated: by the last answer, whatever was asked before."""
        return eq(last, _EMULATE)

    def _is_protected(self, asked: BitVec) -> Bool:
        return eq(asked, _WRITE_PROTECTED)


def _handled(told: Bool, addr: BitVec, code: BitVec, answer: BitVec) -> Handled:
    return Handled(
        told=told,
        addr=addr,
        error_code=code,
        answer=answer,
        emulate=eq(answer, _EMULATE),
        invalid=eq(answer, _INVALID),
        protected=eq(answer, _WRITE_PROTECTED),
    )


def _where(condition: Bool, one: MmioCache, other: MmioCache) -> MmioCache:
    return MmioCache(**{name: ite(condition, getattr(one, name), getattr(other, name)) for name in vars(one)})
