"""The way of GMET from the processor to L2 in the reference model."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.svm_gating import CachedVmcb12, SvmCapabilities, SvmGating, SvmSettings, Vmcb02
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bit, bool_var, bv, ite, ne, var

_U64, _WORD = 64, 32
_NP = 1 << 0


class ReferenceSvmGating(ReferenceArea, SvmGating):
    """Linux 7.2's decisions about GMET."""

    def hardware_setup(self, asked_for: Bool) -> SvmSettings:
        """See `SvmGating.hardware_setup`."""
        npt, gmet = bool_var("npt_enabled after svm_hardware_setup()"), bool_var("the processor has GMET")
        setting = self.gmet_setting(asked_for, npt, gmet)
        return SvmSettings(
            succeeds=bool_var("svm_hardware_setup() succeeds"),
            npt_enabled=npt,
            gmet_enabled=setting,
            has_gmet=gmet,
            evidence=Evidence(),
        )

    def gmet_setting(self, asked_for: Bool, npt_enabled: Bool, has_gmet: Bool) -> Bool:
        """``gmet_enabled``."""
        return all_of(asked_for, npt_enabled, has_gmet)

    def set_cpu_caps(self, nested: Bool, gmet_enabled: Bool) -> SvmCapabilities:
        """See `SvmGating.set_cpu_caps`."""
        before = self._capability("kvm_cpu_caps", self.constants.X86_FEATURE_GMET)
        return SvmCapabilities(any_of(before, all_of(nested, self._offered(gmet_enabled))), before, Evidence())

    def _capability(self, table: str, feature: int) -> Bool:
        """A feature's bit in a table of CPUID's words."""
        word, number = divmod(feature, _WORD)
        return bit(var(f"{table}[{word}]", _WORD), number)

    def _offered(self, gmet_enabled: Bool) -> Bool:
        return gmet_enabled

    def copy_vmcb_control_to_cache(self, misc_ctl: BitVec, gmet_enabled: Bool) -> CachedVmcb12:
        """See `SvmGating.copy_vmcb_control_to_cache`."""
        c, trace = self.constants, Trace("__nested_copy_vmcb_control_to_cache")
        gmet, npt = (
            self._capability("vcpu->arch.cpu_caps", feature) for feature in (c.X86_FEATURE_GMET, c.X86_FEATURE_NPT)
        )
        cached = misc_ctl & ite(npt, bv(-1, _U64), bv(~self._dropped_without_npt(), _U64))
        allowed = self._may_use_gmet(gmet_enabled, gmet)
        cached &= ite(allowed, bv(-1, _U64), bv(~c.SVM_MISC_ENABLE_GMET, _U64))
        return CachedVmcb12(trace.step("to->misc_ctl", cached), gmet, npt, trace.evidence)

    def _dropped_without_npt(self) -> int:
        """What an L1 without nested paging cannot turn on."""
        return _NP

    def _may_use_gmet(self, gmet_enabled: Bool, guest_has_gmet: Bool) -> Bool:
        return all_of(gmet_enabled, guest_has_gmet)

    def vmcb02_prepare_control(self, vmcb01: BitVec, cached: BitVec) -> Vmcb02:
        """See `SvmGating.vmcb02_prepare_control`."""
        trace = Trace("nested_vmcb02_prepare_control")
        misc_ctl = trace.step("vmcb02->control.misc_ctl", vmcb01 & (_NP | self._from_vmcb01()))
        shadows = ne(cached & _NP, 0)
        of_l2 = misc_ctl & ~self._dropped_for_l2() | cached & self._taken_from_l2()
        misc_ctl = trace.step("vmcb02->control.misc_ctl", ite(shadows, of_l2, misc_ctl))
        cr4, efer = (var(f"svm->vmcb01.ptr->save.{name}", _U64) for name in ("cr4", "efer"))
        return Vmcb02(
            misc_ctl=misc_ctl,
            shadows=shadows,
            shadow_misc_ctl=cached,
            shadow_cr4=self._cr4_of_tables(cr4),
            shadow_efer=efer,
            l1_cr4=cr4,
            l1_efer=efer,
            evidence=trace.evidence,
        )

    def _taken_from_l2(self) -> int:
        """What L2 gets of the controls in VMCB 12."""
        return self.constants.SVM_MISC_ENABLE_GMET

    def _cr4_of_tables(self, cr4: BitVec) -> BitVec:
        """L1's nested page tables are as L1's own CR4 has it."""
        return cr4

    def _from_vmcb01(self) -> int:
        """What L2 gets of L1's own controls, besides nested paging."""
        return self.constants.SVM_MISC_ENABLE_GMET

    def _dropped_for_l2(self) -> int:
        """What L2 does not keep of them on L1's nested page tables."""
        return self.constants.SVM_MISC_ENABLE_GMET
