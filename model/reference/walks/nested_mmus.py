"""Nested MMUs: the roles that KVM gives them when it sets them up for L2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mmuproof.model.cuts.walks import GET_TDP_LEVEL
from mmuproof.model.evidence import CheckKind, Evidence
from mmuproof.model.reference.base.cpu_role import CPU_ROLE_BITS, PAGE_ROLE_BITS, Mmu, role_flag, role_of
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.reference.walks.permission_faults import GuestWalks
from mmuproof.model.reference.walks.permission_tables import metadata_if
from mmuproof.model.walks import GuestWalk, NestedControls, NestedSetUp, PagingMetadata, WalkKind
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bv, eq, extract, ite, ne, negate, var

_LEVEL_BITS = 4

Members = Mapping[str, Bool | BitVec]


class NestedMmus(GuestWalks):
    """``kvm_init_shadow_ept_mmu()`` and ``kvm_init_shadow_npt_mmu()``."""

    def nested_set_up(self, kind: WalkKind, controls: NestedControls) -> NestedSetUp:
        """See `Walks.nested_set_up`."""
        earlier = self._mmu(kind, "", None)
        earlier = replace(earlier, root_role=var(f"{earlier.prefix}root_role", PAGE_ROLE_BITS))
        if kind is WalkKind.NESTED_EPT:
            return self.init_shadow_ept_mmu(earlier, controls)
        return self.init_shadow_npt_mmu(earlier, controls)

    def _set_up(self, walk: GuestWalk, changed: Bool, earlier: Mmu) -> NestedSetUp:
        was_valid = role_flag(earlier.cpu_role, "valid")
        changed = any_of(changed, negate(was_valid))
        return NestedSetUp(
            walk=walk,
            role_changed=changed,
            earlier_role=earlier.cpu_role,
            in_smm=self.is_smm(earlier),
            in_guest_mode=self.is_guest_mode(earlier),
            eptp=var("new_eptp", 64),
        )

    # -- EPT -------------------------------------------------------------------------------------------

    def init_shadow_ept_mmu(self, mmu: Mmu, controls: NestedControls) -> NestedSetUp:
        """``kvm_init_shadow_ept_mmu()``: an MMU that has the wanted role is left as it is."""
        trace = Trace("kvm_init_shadow_ept_mmu")
        trace.check(CheckKind.WARN, negate(self.is_smm(mmu)))
        new_eptp = var("new_eptp", 64)
        trace.check(CheckKind.WARN, self.asks_for_levels_that_there_are(new_eptp))
        cpu_role = trace.step("new_mode", role_of(self.shadow_ept_role(controls, new_eptp), CPU_ROLE_BITS))
        changed = self.ept_role_differs(cpu_role, mmu.cpu_role)
        root = self.shadow_ept_root(mmu, extract(cpu_role, PAGE_ROLE_BITS - 1, 0))
        after = replace(mmu, cpu_role=ite(changed, cpu_role, mmu.cpu_role), root_role=ite(changed, root, mmu.root_role))
        before = self._free_metadata(mmu)
        fresh, evidence = self._set_up_ept_metadata(after)
        metadata = metadata_if(changed, fresh, before)
        walk = self._walk(after, before, metadata, trace.evidence + evidence)
        return self._set_up(walk, changed, mmu)

    def asks_for_levels_that_there_are(self, new_eptp: BitVec) -> Bool:
        """What ``vmx_eptp_page_walk_level()`` warns of unless it is so."""
        c = self.constants
        level = new_eptp & c.VMX_EPTP_PWL_MASK
        return any_of(eq(level, c.VMX_EPTP_PWL_5), eq(level, c.VMX_EPTP_PWL_4))

    def ept_role_differs(self, wanted: BitVec, present: BitVec) -> Bool:
        """Whether a nested EPT's role is another than it has: all of it counts."""
        return ne(wanted, present)

    def shadow_ept_root(self, mmu: Mmu, base: BitVec) -> BitVec:
        """The root role of a new role: its base, whatever ``mmu`` had before."""
        return base

    def _set_up_ept_metadata(self, mmu: Mmu) -> tuple[PagingMetadata, Evidence]:
        """The metadata of a role that the MMU has just been given."""
        return self.shadow_ept_metadata(mmu)

    def shadow_ept_role(self, controls: NestedControls, new_eptp: BitVec) -> Members:
        """``kvm_calc_shadow_ept_root_page_role()``: EPT takes nothing from control registers."""
        c = self.constants
        five_levels = eq(new_eptp & c.VMX_EPTP_PWL_MASK, c.VMX_EPTP_PWL_5)
        return {
            "level": ite(five_levels, bv(5, _LEVEL_BITS), 4),
            "cr4_smep": controls.mbec,
            "ad_disabled": negate(controls.accessed_dirty),
            "guest_mode": TRUE,
            "access": bv(c.ACC_ALL, self.role_access_bits),
            "execonly": controls.execonly,
            "valid": TRUE,
        }

    # -- nested paging -----------------------------------------------------------------------------------

    def init_shadow_npt_mmu(self, mmu: Mmu, controls: NestedControls) -> NestedSetUp:
        """``kvm_init_shadow_npt_mmu()``: an MMU that has the wanted roles is left as it is."""
        trace = Trace("kvm_init_shadow_npt_mmu")
        trace.check(CheckKind.WARN, self.is_guest_mode(mmu))
        members = self.shadow_npt_role(mmu, controls)
        cpu_role = trace.step("cpu_role", role_of(members, CPU_ROLE_BITS))
        trace.cut(GET_TDP_LEVEL)
        root_role = role_of({**members, **self.npt_root(members)}, PAGE_ROLE_BITS)
        changed = any_of(ne(cpu_role, mmu.cpu_role), ne(root_role, mmu.root_role))
        after = replace(mmu, cpu_role=cpu_role, root_role=root_role)
        before = self._free_metadata(mmu)
        fresh, evidence = self.reset_guest_paging_metadata(after, before, changed)
        metadata = metadata_if(changed, fresh, before)
        walk = self._walk(after, before, metadata, trace.evidence + evidence)
        return self._set_up(walk, ne(cpu_role, mmu.cpu_role), mmu)

    def shadow_npt_role(self, mmu: Mmu, controls: NestedControls) -> Members:
        """L1's role with CR0.WP, without CR4.SMAP and CR4.PKE, and with GMET in place of CR4.SMEP."""
        cr4 = controls.cr4 & ~(self.constants.X86_CR4_PKE | self.constants.X86_CR4_SMAP)
        role = self.calc_cpu_role(mmu, cr0_wp=TRUE, cr4=cr4, efer=controls.efer)
        return {**role, "cr4_smep": controls.gmet}

    def npt_root(self, members: Members) -> Members:
        """What the root role has of its own: KVM's level, which may be one above L1's."""
        level, cpu_level = extract(var(f"{GET_TDP_LEVEL.function}()", 32), _LEVEL_BITS - 1, 0), members["level"]
        assert isinstance(cpu_level, BitVec)
        return {"level": level, "passthrough": all_of(eq(level, 5), eq(cpu_level, 4))}

    def calc_cpu_role(self, mmu: Mmu, *, cr0_wp: Bool, cr4: BitVec, efer: BitVec) -> Members:
        """``kvm_calc_cpu_role()`` with paging on, from registers of 64 bits."""
        c = self.constants
        efer_nx, long_mode = ne(efer & c.EFER_NX, 0), ne(efer & c.EFER_LMA, 0)
        cr4_smep, cr4_smap = ne(cr4 & c.X86_CR4_SMEP, 0), ne(cr4 & c.X86_CR4_SMAP, 0)
        cr4_pae, cr4_la57 = ne(cr4 & c.X86_CR4_PAE, 0), ne(cr4 & c.X86_CR4_LA57, 0)
        legacy_level = ite(cr4_pae, bv(3, _LEVEL_BITS), 2)
        return {
            "access": bv(c.ACC_ALL, self.role_access_bits),
            "smm": self.is_smm(mmu),
            "guest_mode": self.is_guest_mode(mmu),
            "valid": TRUE,
            "direct": FALSE,
            "efer_nx": efer_nx,
            "cr0_wp": cr0_wp,
            "cr4_smep": cr4_smep,
            "smap_andnot_wp": all_of(cr4_smap, negate(cr0_wp)),
            "has_4_byte_gpte": negate(cr4_pae),
            "level": ite(long_mode, ite(cr4_la57, bv(5, _LEVEL_BITS), 4), legacy_level),
            "cr4_smap": cr4_smap,
            "cr4_pse": ne(cr4 & c.X86_CR4_PSE, 0),
            "cr4_pke": all_of(long_mode, ne(cr4 & c.X86_CR4_PKE, 0)),
            "cr4_la57": all_of(long_mode, cr4_la57),
            "efer_lma": long_mode,
            "has_pferr_fetch": any_of(efer_nx, cr4_smep),
        }

    def is_smm(self, mmu: Mmu) -> Bool:
        """``is_smm()``."""
        return ne(self._hflags(mmu) & self.constants.HF_SMM_MASK, 0)

    def is_guest_mode(self, mmu: Mmu) -> Bool:
        """``is_guest_mode()``: whether the vCPU runs L2."""
        return ne(self._hflags(mmu) & self.constants.HF_GUEST_MASK, 0)

    def _hflags(self, mmu: Mmu) -> BitVec:
        return var(f"{mmu.vcpu}->arch.hflags", 32)
