"""What Linux 7.2.13 flushes of the TLB."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.tlb_flushes import GuestFlushed, OwnVmcb, TlbFlushes, VcpuMoved, VmcsMoved, VmxFlush, VmxFlushed
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, bit, bv, eq, extract, ite, ne, negate, var

_NO_ROOT = bv(-1, 64)


class ReferenceTlbFlushes(ReferenceArea, TlbFlushes):
    """``vmx_flush_tlb_current()``, ``vmx_flush_tlb_guest()`` and ``kvm_vcpu_flush_tlb_guest()``."""

    def vmx(self, flush: VmxFlush) -> VmxFlushed:
        """See `TlbFlushes.vmx`."""
        has_ept, root = ne(var("enable_ept", 1), 0), var("vmx->vcpu.arch.root_mmu.root.hpa", 64)
        l2 = bit(var("vmx->vcpu.arch.hflags", 32), 0)
        l2_has_vpid = all_of(
            bit(var("vmcs12->cpu_based_vm_exec_control", 32), 31), bit(var("vmcs12->secondary_vm_exec_control", 32), 5)
        )
        vpid, vpid_of_l2 = extract(var("vmx->vpid", 32), 15, 0), var("vmx->nested.vpid02", 16)
        current = flush is VmxFlush.CURRENT
        there = ne(root, _NO_ROOT) if current else TRUE
        of_ept, made = all_of(there, self._by_tables(has_ept)) if current else FALSE, var("construct_eptp()", 64)
        nothing = eq(made, _NO_ROOT)
        return VmxFlushed(
            function=flush.value,
            has_ept=has_ept,
            root=root,
            no_root=_NO_ROOT,
            l2=l2,
            l2_has_vpid=l2_has_vpid,
            vpid=vpid,
            vpid_of_l2=vpid_of_l2,
            by_tables=all_of(of_ept, negate(nothing)),
            eptp=self._told(made, root),
            own_eptp=made,
            of_all_tables=all_of(of_ept, nothing),
            by_vpid=all_of(there, negate(of_ept)),
            flushed_vpid=ite(all_of(self._in_l2(l2), l2_has_vpid, ne(vpid_of_l2, 0)), vpid_of_l2, vpid),
            evidence=Evidence(),
        )

    def _told(self, eptp: BitVec, _root: BitVec) -> BitVec:
        """Which pointer the processor is told, of that which VM entry has and the root's address."""
        return eptp

    def _by_tables(self, has_ept: Bool) -> Bool:
        """Whether KVM's own tables are those of EPT."""
        return has_ept

    def _in_l2(self, l2: Bool) -> Bool:
        """Whether L2's VPID is in use."""
        return l2

    def moved(self, used: OwnVmcb) -> VcpuMoved:
        """See `TlbFlushes.moved`."""
        ours, other = ("vmcb01", "nested.vmcb02") if used is OwnVmcb.OF_L1 else ("nested.vmcb02", "vmcb01")
        processor, former = var("svm->vcpu.cpu", 32), var(f"svm->{ours}.cpu", 32)
        generation, other_generation = (var(f"svm->{each}.asid_generation", 64) for each in (ours, other))
        forgets = self._forgets(processor, former)
        return VcpuMoved(
            processor=processor,
            former=former,
            clean=ite(forgets, bv(0, 32), var("vmcb->control.clean", 32)),
            noted=ite(forgets, processor, former),
            generation=ite(forgets, bv(0, 64), generation),
            other_generation=other_generation,
            evidence=Evidence(),
        )

    def _forgets(self, processor: BitVec, former: BitVec) -> Bool:
        """Whether a vCPU forgets what it has had on the processor before."""
        return ne(processor, former)

    def moved_vmcs(self) -> VmcsMoved:
        """See `TlbFlushes.moved_vmcs`."""
        processor, former = var("cpu", 32), var("loaded->cpu", 32)
        return VmcsMoved(
            processor=processor,
            former=former,
            flushes=self._flushes_moved(processor, former),
            noted=processor,
            evidence=Evidence(),
        )

    def _flushes_moved(self, processor: BitVec, former: BitVec) -> Bool:
        """Whether a vCPU flushes whose VMCS another processor has had."""
        return ne(processor, former)

    def guest(self) -> GuestFlushed:
        """See `TlbFlushes.guest`."""
        tdp = ne(var("tdp_enabled", 1), 0)
        return GuestFlushed(
            function="kvm_vcpu_flush_tlb_guest",
            tdp=tdp,
            syncs_root=negate(tdp),
            syncs_kept=all_of(negate(tdp), self._syncs_kept()),
            flushes=TRUE,
            evidence=Evidence(),
        )

    def _syncs_kept(self) -> Bool:
        """Whether roots that the vCPU had before are synchronized."""
        return TRUE
