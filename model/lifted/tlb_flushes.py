"""Flushing the TLB in a lifted tree: ``vmx.c``, ``svm.c`` and ``x86.c``."""

from __future__ import annotations

from mmuproof.lift.machine.memory import pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import tlb_flushes as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import answer_of, numbers_given
from mmuproof.model.lifted.mmus import Mmus
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.vmcs12 import has_vpid, lent_vmcs12
from mmuproof.model.named import functions, kvm_mmu, kvm_vcpu, switches, vcpu_requests, vcpu_svm, vcpu_vmx, vmcb_fields
from mmuproof.model.tlb_flushes import GuestFlushed, OwnVmcb, TlbFlushes, VcpuMoved, VmcsMoved, VmxFlush, VmxFlushed
from mmuproof.smt.terms import all_of, any_of, bv, eq, ite, ne, resize, var

_GUEST = functions.KVM_VCPU_FLUSH_TLB_GUEST
_VPID = 16
"""How wide a VPID is: SDM 27.6.12."""
_REQUEST = 0xFF
"""The bits of a request that tell which it is."""


_VMCBS = {OwnVmcb.OF_L1: vcpu_svm.VMCB01, OwnVmcb.OF_L2: vcpu_svm.VMCB02}


class LiftedTlbFlushes(TlbFlushes, Remembers):
    """What flushes the TLB in a lifted tree.

    Args:
        vmx: ``vmx.c``.
        x86: ``x86.c``.
        svm: ``svm.c``.
    """

    def __init__(self, vmx: Unit, x86: Unit, svm: Unit) -> None:
        super().__init__()
        self._vmx, self._x86, self._svm = vmx, x86, svm

    @once
    def vmx(self, flush: VmxFlush) -> VmxFlushed:
        """See `TlbFlushes.vmx`."""
        bench = Bench(self._vmx, cuts.VMX)
        vmx = bench.add("vmx", vcpu_vmx.STRUCT)
        bench.lend_vcpu(vmx)
        vmcs12 = lent_vmcs12(bench, vmx)
        Mmus(vmx, "vcpu.").connect(bench.memory, nested=False, l2=False)
        l2 = ne(bench.integer(functions.IS_GUEST_MODE), 0)
        bench.call(flush.value)
        eptp, own, vpid = bv(0, 64), bv(0, 64), bv(0, _VPID)
        root = bench.read(vmx, f"{kvm_vcpu.IN_VENDORS}.{kvm_mmu.ROOT_MMU}.{kvm_mmu.ROOT_HPA}")
        by_tables = bench.session.calls(cuts.BY_TABLES.function)
        by_vpid = bench.session.calls(cuts.BY_VPID.function)
        for call in by_tables:
            eptp = ite(call.guard, bench.session.argument(call, "eptp"), eptp)
        for call in bench.session.calls(cuts.POINTER.function):
            mine = all_of(call.guard, eq(bench.session.argument(call, "root_hpa"), root))
            own = ite(mine, answer_of(call, 64), own)
        for call in by_vpid:
            vpid = ite(call.guard, resize(bench.session.argument(call, "vpid"), _VPID), vpid)
        return VmxFlushed(
            function=flush.value,
            has_ept=bench.setting(switches.ENABLE_EPT),
            root=root,
            no_root=bv(-1, 64),
            l2=l2,
            l2_has_vpid=has_vpid(bench, vmcs12),
            vpid=resize(bench.read(vmx, vcpu_vmx.VPID), _VPID),
            vpid_of_l2=bench.read(vmx, vcpu_vmx.NESTED_VPID02),
            by_tables=any_of(*(call.guard for call in by_tables)),
            eptp=eptp,
            own_eptp=own,
            of_all_tables=bench.session.called(cuts.OF_ALL_TABLES.function),
            by_vpid=any_of(*(call.guard for call in by_vpid)),
            flushed_vpid=vpid,
            evidence=bench.session.evidence(),
        )

    @once
    def moved(self, used: OwnVmcb) -> VcpuMoved:
        """See `TlbFlushes.moved`."""
        bench = Bench(self._svm, cuts.SVM)
        svm, vmcb = bench.add("svm", vcpu_svm.STRUCT), bench.add("vmcb", vmcb_fields.STRUCT)
        bench.lend_vcpu(svm)
        ours, other = (_VMCBS[each] for each in (used, *(each for each in OwnVmcb if each is not used)))
        bench.write(svm, vcpu_svm.VMCB, pointer_to(vmcb))
        bench.write(svm, vcpu_svm.CURRENT_VMCB, pointer_to(svm, bench.place(svm, ours).offset))
        processor, former = bench.read(svm, vcpu_svm.VCPU_CPU), bench.read(svm, f"{ours}.{vcpu_svm.INFO_CPU}")
        bench.call(functions.PRE_SVM_RUN)
        return VcpuMoved(
            processor=processor,
            former=former,
            clean=bench.read(vmcb, vmcb_fields.CONTROL_CLEAN),
            noted=bench.read(svm, f"{ours}.{vcpu_svm.INFO_CPU}"),
            generation=bench.read(svm, f"{ours}.{vcpu_svm.INFO_ASID_GENERATION}"),
            other_generation=bench.read(svm, f"{other}.{vcpu_svm.INFO_ASID_GENERATION}"),
            evidence=bench.session.evidence(),
        )

    @once
    def moved_vmcs(self) -> VmcsMoved:
        """See `TlbFlushes.moved_vmcs`."""
        bench = Bench(self._vmx, cuts.LOADED)
        vmx, loaded, _ = (
            bench.add("vmx", vcpu_vmx.STRUCT),
            *(bench.add(each, vcpu_vmx.LOADED_VMCS_STRUCT) for each in ("loaded", "other VMCS")),
        )
        bench.lend_vcpu(vmx)
        bench.write(vmx, vcpu_vmx.LOADED_VMCS, pointer_to(loaded))
        processor, former = var("cpu", 32), bench.read(loaded, vcpu_vmx.LOADED_CPU)
        bench.call("vmx_vcpu_load_vmcs", cpu=processor)
        requests = bench.session.calls(cuts.REQUEST.function)
        return VmcsMoved(
            processor=processor,
            former=former,
            flushes=any_of(
                *(
                    all_of(call.guard, eq(resize(numbers_given(call)[0], 32) & _REQUEST, vcpu_requests.TLB_FLUSH))
                    for call in requests
                )
            ),
            noted=bench.read(loaded, vcpu_vmx.LOADED_CPU),
            evidence=bench.session.evidence(),
        )

    @once
    def guest(self) -> GuestFlushed:
        """See `TlbFlushes.guest`."""
        bench = Bench(self._x86, cuts.GUEST)
        bench.add("vcpu", kvm_vcpu.STRUCT)
        bench.call(_GUEST)
        calls, made = bench.session.calls, bench.session.machine.calls_made
        syncs = calls(cuts.SYNC_ROOT.function, cuts.SYNC_KEPT.function)
        last = max(map(made.index, syncs), default=-1)
        return GuestFlushed(
            function=_GUEST,
            tdp=bench.setting(switches.TDP_ENABLED),
            syncs_root=bench.session.called(cuts.SYNC_ROOT.function),
            syncs_kept=bench.session.called(cuts.SYNC_KEPT.function),
            flushes=any_of(
                *(call.guard for call in calls(*(cut.function for cut in cuts.FLUSH)) if made.index(call) > last)
            ),
            evidence=bench.session.evidence(),
        )
