"""The way of GMET from the processor to L2 in a lifted tree."""

from __future__ import annotations

from mmuproof.lift.errors import Refused
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.svm_gating import CUTS, SHADOW_NPT
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_nonzero
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import constants, functions, kvm_vcpu, switches, vcpu_svm, vmcb_fields
from mmuproof.model.svm_gating import CachedVmcb12, SvmCapabilities, SvmGating, SvmSettings, Vmcb02
from mmuproof.smt.terms import BitVec, Bool, bv, eq, ne, resize

_FEATURE = constants.X86_FEATURE_GMET
_TEST_BIT = functions.VARIABLE_TEST_BIT
_SVM, _VCPU = vcpu_svm.STRUCT, kvm_vcpu.STRUCT
"""What ``kvm_init_shadow_npt_mmu()`` is told, and where."""


class LiftedSvmGating(SvmGating, Remembers):
    """The part of a lifted tree that turns GMET on.

    Args:
        svm: ``svm.c``.
        nested: ``svm/nested.c``.
    """

    def __init__(self, svm: Unit, nested: Unit) -> None:
        super().__init__()
        self._svm, self._nested = svm, nested

    def _bench(self, unit: Unit) -> Bench:
        """A bench for code that knows GMET."""
        if not self._svm.has_variable(switches.GMET_ENABLED):
            raise NotThere([switches.GMET_ENABLED])
        return Bench(unit, CUTS)

    def _feature(self, name: str = _FEATURE) -> int:
        return constant_of(self._svm, name)

    @once
    def hardware_setup(self, asked_for: Bool) -> SvmSettings:
        """See `SvmGating.hardware_setup`."""
        bench = self._bench(self._svm)
        bench.set(switches.GMET_ENABLED, asked_for)
        result = bench.integer("svm_hardware_setup")
        return SvmSettings(
            succeeds=eq(result, 0),
            npt_enabled=bench.setting(switches.NPT_ENABLED),
            gmet_enabled=bench.setting(switches.GMET_ENABLED),
            has_gmet=self._processor_has_gmet(bench),
            evidence=bench.session.evidence(),
        )

    def _processor_has_gmet(self, bench: Bench) -> Bool:
        """The answer to the one question for that feature of the processor."""
        wanted = [
            call
            for call in bench.session.calls(_TEST_BIT)
            for asked in call.arguments[:1]
            if isinstance(asked, BitVec) and asked.is_const and asked.value == self._feature()
        ]
        if len(wanted) != 1:
            raise Refused(f"svm_hardware_setup() asks {len(wanted)} times for {_FEATURE}")
        return is_nonzero(wanted[0])

    @once
    def set_cpu_caps(self, nested: Bool, gmet_enabled: Bool) -> SvmCapabilities:
        """See `SvmGating.set_cpu_caps`."""
        bench = self._bench(self._svm)
        bench.set(switches.NESTED, nested)
        bench.set(switches.GMET_ENABLED, gmet_enabled)
        before = self._kvm_cap(bench)
        bench.call(functions.SVM_SET_CPU_CAPS)
        return SvmCapabilities(self._kvm_cap(bench), before, bench.session.evidence())

    def _kvm_cap(self, bench: Bench) -> Bool:
        return ne(bench.integer(functions.KVM_CPU_CAP_HAS, x86_feature=bv(self._feature(), 32)), 0)

    @once
    def copy_vmcb_control_to_cache(self, misc_ctl: BitVec, gmet_enabled: Bool) -> CachedVmcb12:
        """See `SvmGating.copy_vmcb_control_to_cache`."""
        bench = self._bench(self._nested)
        bench.set(switches.GMET_ENABLED, gmet_enabled)
        bench.add("vcpu", _VCPU)
        to = bench.add("to", vmcb_fields.CACHED_CONTROL)
        bench.write(bench.add("from", vmcb_fields.CONTROL), vmcb_fields.MISC_CTL, misc_ctl)
        bench.call("__nested_copy_vmcb_control_to_cache")
        gmet, npt = (
            ne(bench.integer(functions.GUEST_CPU_CAP_HAS, x86_feature=bv(self._feature(name), 32)), 0)
            for name in (_FEATURE, constants.X86_FEATURE_NPT)
        )
        return CachedVmcb12(resize(bench.read(to, vmcb_fields.MISC_CTL), 64), gmet, npt, bench.session.evidence())

    @once
    def vmcb02_prepare_control(self, vmcb01: BitVec, cached: BitVec) -> Vmcb02:
        """See `SvmGating.vmcb02_prepare_control`."""
        bench = self._bench(self._nested)
        svm = bench.add("svm", _SVM)
        bench.lend_vcpu(svm)
        outer, inner = (bench.pointee(svm, name) for name in (vcpu_svm.VMCB01_PTR, vcpu_svm.VMCB02_PTR))
        bench.write(outer, vmcb_fields.CONTROL_MISC_CTL, vmcb01)
        bench.write(svm, vcpu_svm.NESTED_CTL_MISC_CTL, cached)
        bench.call("nested_vmcb02_prepare_control")
        call = bench.session.only_call(SHADOW_NPT.function)
        misc_ctl, cr4, efer = (resize(bench.session.argument(call, name), 64) for name in ("misc_ctl", "cr4", "efer"))
        return Vmcb02(
            misc_ctl=resize(bench.read(inner, vmcb_fields.CONTROL_MISC_CTL), 64),
            shadows=call.guard,
            shadow_misc_ctl=misc_ctl,
            shadow_cr4=cr4,
            shadow_efer=efer,
            l1_cr4=bench.read(outer, vmcb_fields.SAVE_CR4),
            l1_efer=bench.read(outer, vmcb_fields.SAVE_EFER),
            evidence=bench.session.evidence(),
        )
