"""What Linux 7.2.13 invalidates."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.model.evidence import Evidence
from mmuproof.model.invalidations import (
    AddressInvalidated,
    CachedRoot,
    Invalidation,
    Invalidations,
    TablesInvalidated,
    Transition,
    TransitionFlushed,
)
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.roots import KEPT_ROOTS
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bool_var,
    boolean,
    bv,
    eq,
    extract,
    ite,
    ne,
    negate,
    sext,
    var,
)

_ADDRESS, _PCID, _ROOTS = var("address", 64), var("pcid", 64), var("roots", 64)
_CR3, _CR4 = var("vcpu->arch.cr3", 64), var("vcpu->arch.cr4", 64)
_LA57_OF_CR4, _LA57_OF_HOST = 12, 16
_HAS_PCID = bit(_CR4, 17)
_EPT_CAPS = "vmx->nested.msrs.ept_caps"
_NO_ROOT = bv(-1, 64)


class ReferenceInvalidations(ReferenceArea, Invalidations):
    """``kvm_mmu_invalidate_addr()``, ``kvm_mmu_invlpg()`` and ``kvm_mmu_invpcid_gva()``."""

    def of_address(self, asked: Invalidation) -> AddressInvalidated:
        """See `Invalidations.of_address`."""
        nested = asked is Invalidation.NESTED
        mmu = "vcpu->arch.guest_mmu" if nested else "vcpu->arch.root_mmu"
        shadows = negate(bool_var(f"{mmu}.sync_spte == NULL"))
        wide = bit(var("kvm_cpu_caps[16]", 32), _LA57_OF_HOST)
        places = [f"{mmu}.root", *(f"{mmu}.prev_roots[{number}]" for number in range(KEPT_ROOTS - 1))]
        roots = [(var(f"{place}.hpa", 64), var(f"{place}.pgd", 64)) for place in places]
        named = [bit(_ROOTS, number) if nested else TRUE for number in range(len(roots))]
        asks = {
            Invalidation.NESTED: named,
            Invalidation.INVLPG: self._of_any_pcid(len(roots)),
            Invalidation.INVPCID: self._of_pcid(roots),
        }[asked]
        judged = TRUE if nested else self._canonical(wide)
        walked = [(all_of(judged, shadows, asks_for), root) for asks_for, (root, _) in zip(asks, roots, strict=True)]
        # Roots at one address are one root.
        made = [
            CachedRoot(
                root=root,
                pgd=pgd,
                named=name,
                forgotten=any_of(*(all_of(done, eq(root, other)) for done, other in walked)),
            )
            for (root, pgd), name in zip(roots, named, strict=True)
        ]
        return AddressInvalidated(
            address=_ADDRESS,
            pcid=_PCID,
            has_pcid=_HAS_PCID,
            five_level=bit(_CR4, _LA57_OF_CR4),
            wide_processor=wide,
            tdp=ne(var("tdp_enabled", 1), 0),
            shadows=shadows,
            no_root=_NO_ROOT,
            in_use=made[0],
            kept=tuple(made[1:]),
            cr3=_CR3,
            flushed=FALSE if nested else all_of(judged, any_of(*asks), self._flushes(shadows)),
            evidence=Evidence(),
        )

    def of_tables(self) -> TablesInvalidated:
        """See `Invalidations.of_tables`."""
        mmu, kind = "vmx->vcpu.arch.guest_mmu", var("type", 64)
        eptp = var("operand.eptp after kvm_read_guest_virt()", 64)
        places = [f"{mmu}.root", *(f"{mmu}.prev_roots[{number}]" for number in range(KEPT_ROOTS - 1))]
        asked = any_of(*(all_of(eq(kind, number), bit(var(_EPT_CAPS, 32), 24 + number)) for number in (1, 2)))
        done = all_of(
            bit(var("vmx->nested.msrs.secondary_ctls_high", 32), 1),
            bit(var(_EPT_CAPS, 32), 20),
            ne(var("nested_vmx_check_permission()", 32), 0),
            asked,
            eq(var("get_vmx_mem_address()", 32), 0),
            eq(var("kvm_read_guest_virt()", 32), 0),
            any_of(eq(kind, 2), ne(var("nested_vmx_check_eptp()", 1), 0)),
        )
        roots = [(var(f"{place}.hpa", 64), var(f"{place}.pgd", 64)) for place in places]
        in_use, *kept = (
            CachedRoot(
                root=root,
                pgd=pgd,
                named=TRUE,
                forgotten=all_of(done, any_of(eq(kind, 2), all_of(ne(root, _NO_ROOT), self._is_of(pgd, eptp, number)))),
            )
            for number, (root, pgd) in enumerate(roots)
        )
        return TablesInvalidated(
            function="handle_invept",
            every=eq(kind, 2),
            eptp=eptp,
            no_root=_NO_ROOT,
            in_use=in_use,
            kept=tuple(kept),
            succeeds=done,
            evidence=Evidence(),
        )

    def _is_of(self, pgd: BitVec, eptp: BitVec, _number: int) -> Bool:
        """Whether a root, by its number, is for the tables of an EPTP."""
        return eq((pgd ^ eptp) & ((1 << 52) - (1 << 12)), 0)

    def at_transition(self, transition: Transition) -> TransitionFlushed:
        """See `Invalidations.at_transition`."""
        if transition is Transition.SVM:
            none = bv(0, 16)
            return TransitionFlushed(
                function="nested_svm_transition_tlb_flush",
                has_vpid=FALSE,
                vpid=none,
                last_vpid=none,
                remembered=none,
                tagged=FALSE,
                flushes_current=self._svm_flushes(),
                flushes_guest=FALSE,
                evidence=Evidence(),
            )
        has_vpid = all_of(
            bit(var("vmcs12->cpu_based_vm_exec_control", 32), 31), bit(var("vmcs12->secondary_vm_exec_control", 32), 5)
        )
        vpid, last = var("vmcs12->virtual_processor_id", 16), var("vmx->nested.last_vpid", 16)
        is_entry = boolean(transition is Transition.VMX_ENTRY)
        another = all_of(has_vpid, is_entry, self._is_another(vpid, last))
        tagged = any_of(ne(var("enable_ept", 1), 0), all_of(has_vpid, ne(var("vmx->nested.vpid02", 16), 0)))
        return TransitionFlushed(
            function="nested_vmx_transition_tlb_flush",
            has_vpid=has_vpid,
            vpid=vpid,
            last_vpid=last,
            remembered=ite(another, vpid, last),
            tagged=tagged,
            flushes_current=all_of(has_vpid, negate(another), negate(tagged)),
            flushes_guest=any_of(all_of(negate(has_vpid), self._without_vpid(is_entry)), another),
            evidence=Evidence(),
        )

    def _is_another(self, vpid: BitVec, last: BitVec) -> Bool:
        """Whether L1 gives L2 another VPID than the last time."""
        return ne(vpid, last)

    def _without_vpid(self, _is_entry: Bool) -> Bool:
        """Whether a transition flushes where L2 has no VPID."""
        return TRUE

    def _svm_flushes(self) -> Bool:
        """Whether L2's ASID, which is L1's, is flushed."""
        return TRUE

    def _canonical(self, wide: Bool) -> Bool:
        """Whether an address can be translated on this processor, whatever tables there are."""
        return ite(wide, eq(_signed(57), _ADDRESS), eq(_signed(48), _ADDRESS))

    def _of_any_pcid(self, count: int) -> Sequence[Bool]:
        """Which of so many roots INVLPG asks for."""
        return [TRUE] * count

    def _of_pcid(self, roots: Sequence[tuple[BitVec, BitVec]]) -> Sequence[Bool]:
        """Which roots INVPCID asks for, each with the CR3 that it is for."""
        return [eq(_tag(_CR3), _PCID), *(all_of(ne(root, _NO_ROOT), eq(_tag(pgd), _PCID)) for root, pgd in roots[1:])]

    def _flushes(self, _shadows: Bool) -> Bool:
        """Whether the processor is told of what is asked for."""
        return TRUE


def _tag(cr3: BitVec) -> BitVec:
    return ite(_HAS_PCID, cr3 & 0xFFF, bv(0, 64))


def _signed(width: int) -> BitVec:
    return sext(extract(_ADDRESS, width - 1, 0), 64)
