"""Invalidating translations in a lifted tree: ``mmu.c``, and ``nested.c`` of both vendors."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object, Pointer, pointer_to, same_place
from mmuproof.lift.machine.values import as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import invalidations as cuts
from mmuproof.model.invalidations import (
    AddressInvalidated,
    CachedRoot,
    Invalidation,
    Invalidations,
    TablesInvalidated,
    Transition,
    TransitionFlushed,
)
from mmuproof.model.lifted.asked_flushes import flushes_asked
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.cached_roots import ROOTS, given_up, roots_of
from mmuproof.model.lifted.cr4_bits import LA57, PCIDE
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.vmcs12 import has_vpid, lent_vmcs12
from mmuproof.model.lifted.wide_addresses import has_wide_addresses
from mmuproof.model.named import functions, kvm_mmu, kvm_vcpu, switches, vcpu_vmx, vmcs12_fields
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bit, bv, eq, ne, negate, var

_VMX, _SVM = functions.NESTED_VMX_TRANSITION_TLB_FLUSH, functions.NESTED_SVM_TRANSITION_TLB_FLUSH
_INVEPT, _EVERY = "handle_invept", 2
"""INVEPT, and its type that means all tables: SDM, INVEPT."""
_VPID = 16
_ADDRESS = {"addr", "gva"}


class LiftedInvalidations(Invalidations, Remembers):
    """What a lifted tree invalidates.

    Args:
        mmu: ``mmu.c``.
        nested_vmx: ``vmx/nested.c``.
        nested_svm: ``svm/nested.c``.
        x86: the unit that serves what is asked of a vCPU.
    """

    def __init__(self, mmu: Unit, nested_vmx: Unit, nested_svm: Unit, x86: Unit) -> None:
        super().__init__()
        self._mmu, self._nested_vmx, self._nested_svm, self._x86 = mmu, nested_vmx, nested_svm, x86

    @once
    def of_tables(self) -> TablesInvalidated:
        """See `Invalidations.of_tables`."""
        kind = var("type", 64)
        bench = Bench(
            self._nested_vmx, (replace(cuts.TYPE, gives=kind), *(each for each in cuts.INVEPT if each is not cuts.TYPE))
        )
        vmx = bench.add("vmx", vcpu_vmx.STRUCT)
        bench.lend_vcpu(vmx)
        mmu = f"vcpu.{kvm_mmu.GUEST_MMU}"
        before = roots_of(bench, vmx, mmu)
        bench.call(_INVEPT)
        in_use, *kept = given_up(bench, vmx, mmu, before)
        return TablesInvalidated(
            function=_INVEPT,
            every=eq(kind, _EVERY),
            eptp=bench.session.argument(bench.session.only_call(cuts.CHECK_EPTP.function), "new_eptp", "eptp"),
            no_root=bv(-1, 64),
            in_use=in_use,
            kept=tuple(kept),
            succeeds=bench.session.called(cuts.SUCCEED.function),
            evidence=bench.session.evidence(),
        )

    @once
    def at_transition(self, transition: Transition) -> TransitionFlushed:
        """See `Invalidations.at_transition`."""
        return self._svm() if transition is Transition.SVM else self._vmx(is_entry=transition is Transition.VMX_ENTRY)

    def _svm(self) -> TransitionFlushed:
        bench, none = Bench(self._nested_svm, cuts.TRANSITION), bv(0, _VPID)
        bench.add("vcpu", kvm_vcpu.STRUCT)
        bench.call(_SVM)
        current, guest = flushes_asked(self._x86, bench)
        return TransitionFlushed(
            function=_SVM,
            has_vpid=FALSE,
            vpid=none,
            last_vpid=none,
            remembered=none,
            tagged=FALSE,
            flushes_current=current,
            flushes_guest=guest,
            evidence=bench.session.evidence(),
        )

    def _vmx(self, *, is_entry: bool) -> TransitionFlushed:
        bench = Bench(self._nested_vmx, cuts.TRANSITION)
        vmx = bench.add("vmx", vcpu_vmx.STRUCT)
        bench.lend_vcpu(vmx)
        vmcs12 = lent_vmcs12(bench, vmx)
        last = bench.read(vmx, vcpu_vmx.NESTED_LAST_VPID)
        bench.call(_VMX, is_vmenter=bv(is_entry, 8))
        current, guest = flushes_asked(self._x86, bench)
        gives_vpid = has_vpid(bench, vmcs12)
        own_vpid = all_of(gives_vpid, ne(bench.read(vmx, vcpu_vmx.NESTED_VPID02), 0))
        return TransitionFlushed(
            function=_VMX,
            has_vpid=gives_vpid,
            vpid=bench.read(vmcs12, vmcs12_fields.VIRTUAL_PROCESSOR_ID),
            last_vpid=last,
            remembered=bench.read(vmx, vcpu_vmx.NESTED_LAST_VPID),
            tagged=any_of(bench.setting(switches.ENABLE_EPT), own_vpid),
            flushes_current=current,
            flushes_guest=guest,
            evidence=bench.session.evidence(),
        )

    @once
    def of_address(self, asked: Invalidation) -> AddressInvalidated:
        """See `Invalidations.of_address`."""
        bench = Bench(self._mmu, cuts.CUTS)
        vcpu = bench.add("vcpu", kvm_vcpu.STRUCT)
        mmus, nested = Mmus(vcpu), asked is Invalidation.NESTED
        mmus.connect(bench.memory, nested=nested, l2=nested)
        address, pcid, roots = var("address", 64), var("pcid", 64), var("roots", 64)
        walker = mmus.find(Part.NESTED_WALK if nested else Part.GUEST_WALK)
        walked = dict.fromkeys(kvm_mmu.WALKERS, pointer_to(vcpu, walker.offset))
        bench.session.call(
            bench.memory,
            asked.value,
            objects=bench.objects | walked,
            values=dict.fromkeys(_ADDRESS, address) | {"pcid": pcid, "roots": roots},
        )
        path = kvm_mmu.GUEST_MMU if nested else kvm_mmu.ROOT_MMU
        in_use, *others = (
            self._root(bench, vcpu, (path, place), bit(roots, number) if nested else TRUE, address)
            for number, place in enumerate(ROOTS)
        )
        cr4 = bench.read(vcpu, kvm_vcpu.CR4)
        return AddressInvalidated(
            address=address,
            pcid=pcid,
            has_pcid=bit(cr4, PCIDE),
            five_level=bit(cr4, LA57),
            wide_processor=has_wide_addresses(bench),
            tdp=bench.setting(switches.TDP_ENABLED),
            shadows=self._shadows(bench, vcpu, path),
            no_root=bv(-1, 64),
            in_use=in_use,
            kept=tuple(others),
            cr3=bench.read(vcpu, kvm_vcpu.CR3),
            flushed=any_of(
                *(
                    all_of(call.guard, eq(_told(call), address))
                    for call in bench.session.calls(*(cut.function for cut in cuts.FLUSH_ADDRESS))
                )
            ),
            evidence=bench.session.evidence(),
        )

    def _root(self, bench: Bench, vcpu: Object, at: tuple[str, str], asked_for: Bool, address: BitVec) -> CachedRoot:
        place = ".".join(at)
        root, mmu = bench.read(vcpu, f"{place}.{kvm_mmu.HPA}"), pointer_to(vcpu, bench.place(vcpu, at[0]).offset)
        walks: list[Bool] = []
        for call in bench.session.calls(cuts.WALK.function):
            told = call.arguments[1]
            assert isinstance(told, Pointer)
            walks.append(
                all_of(
                    call.guard,
                    same_place(told, mmu),
                    eq(bench.session.argument(call, *_ADDRESS), address),
                    eq(bench.session.argument(call, "root_hpa"), root),
                )
            )
        return CachedRoot(
            root=root, pgd=bench.read(vcpu, f"{place}.{kvm_mmu.PGD}"), named=asked_for, forgotten=any_of(*walks)
        )

    def _shadows(self, bench: Bench, vcpu: Object, path: str) -> Bool:
        place = bench.place(vcpu, f"{path}.{kvm_mmu.SYNC_SPTE}")
        handler = as_pointer(bench.memory.read(vcpu, place.offset, place.width))
        assert handler is not None
        return negate(handler.is_null)


def _told(call: CallMade) -> BitVec:
    """The address of a call through the vendor's table, which has no parameters of its own."""
    told = call.arguments[1]
    assert isinstance(told, BitVec)
    return told
