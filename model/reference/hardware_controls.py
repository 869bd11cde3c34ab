"""MBEC and EPTP in a VMCS and GMET in a VMCB, as Linux 7.2.13 sets them."""

from __future__ import annotations

from mmuproof.model.evidence import CheckKind
from mmuproof.model.hardware_controls import (
    Cr3Loaded,
    EntryFlags,
    ExecuteControl,
    HardwareControls,
    MemoryType,
    TablesLoaded,
)
from mmuproof.model.kvm import NotThere
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import role_value
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.vendor import Vendor
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
    implies,
    ite,
    ne,
    negate,
    ule,
    var,
)

_INVALID_PAGE = (1 << 64) - 1
_IGNORE_GUEST_PAT, _IGNORE_PAT = 1 << 9, 1 << 6
_WRITE_BACK, _FOUR_LEVELS, _FIVE_LEVELS, _ACCESSED_DIRTY = 6, 3 << 3, 4 << 3, 1 << 6


class ReferenceHardwareControls(ReferenceArea, HardwareControls):
    """``vmx_secondary_exec_control()`` and ``init_vmcb()``, as far as MBEC and GMET go, and ``construct_eptp()``."""

    def execute_control(self, vendor: Vendor) -> ExecuteControl:
        """See `HardwareControls.execute_control`."""
        if vendor is Vendor.INTEL:
            return self._mode_based_execute()
        if vendor is Vendor.AMD:
            return self._gmet()
        raise NotThere(["a vendor's control for shadow paging"])

    def _mode_based_execute(self) -> ExecuteControl:
        trace = Trace("vmx_secondary_exec_control")
        enable_mbec = bit(var("enable_mbec", 1), 0)
        mask = self.constants.SECONDARY_EXEC_MODE_BASED_EPT_EXEC
        supported = ne(var("vmcs_config.cpu_based_2nd_exec_ctrl", 32) & mask, 0)
        control = all_of(self.vmx_control(enable_mbec), supported)
        trace.step("exec_control", _masked(control, mask))
        return ExecuteControl(
            told_to_mmu=enable_mbec,
            in_hardware=control,
            before=FALSE,
            setting=enable_mbec,
            supported=supported,
            evidence=trace.evidence,
        )

    def vmx_control(self, enable_mbec: Bool) -> Bool:
        """Whether ``vmx_secondary_exec_control()`` leaves MBEC in the controls that there are."""
        return enable_mbec

    def _gmet(self) -> ExecuteControl:
        trace = Trace("init_vmcb")
        gmet_enabled = bit(var("gmet_enabled", 1), 0)
        mask = self.constants.SVM_MISC_ENABLE_GMET
        before = ne(var("vmcb01->control.misc_ctl", 64) & mask, 0)
        control = any_of(before, self.svm_control(gmet_enabled))
        trace.step("control->misc_ctl", _masked(control, mask))
        return ExecuteControl(
            told_to_mmu=gmet_enabled,
            in_hardware=control,
            before=before,
            setting=gmet_enabled,
            supported=TRUE,
            evidence=trace.evidence,
        )

    def svm_control(self, gmet_enabled: Bool) -> Bool:
        """Whether ``init_vmcb()`` sets GMET."""
        return gmet_enabled

    def load_ept(self, *, nested: bool) -> TablesLoaded:
        """See `HardwareControls.load_ept`."""
        trace = Trace("vmx_load_mmu_pgd")
        mmu = f"vmx->vcpu.arch.{'guest_mmu' if nested else 'root_mmu'}"
        root, role, page = var(f"{mmu}.root.hpa", 64), var(f"{mmu}.root_role", 32), var("root->role", 32)
        dummy, with_tdp = bool_var("is_dummy_root(mmu->root.hpa)"), bit(var("enable_ept", 1), 0)
        level, page_level = role_value(role, "level"), role_value(page, "level")
        page_ad_disabled = ne(role_value(page, "ad_disabled"), 0)
        with_ad_bits = bit(var("enable_ept_ad_bits", 1), 0)
        loaded = self.loaded_root(root)
        told = all_of(ne(root, _INVALID_PAGE), with_tdp)
        trace.check(CheckKind.WARN, implies(all_of(told, negate(dummy)), eq(level, page_level)))
        made = ite(
            dummy,
            loaded | self.memory_type | _FOUR_LEVELS,
            loaded
            | self.memory_type
            | self.levels(page_level)
            | ite(self.accessed_dirty(with_ad_bits, page_ad_disabled), bv(_ACCESSED_DIRTY, 64), 0),
        )
        trace.step("EPTP", made)
        return TablesLoaded(
            root=root,
            level=level,
            ad_disabled=ne(role_value(role, "ad_disabled"), 0),
            page_level=page_level,
            page_ad_disabled=page_ad_disabled,
            dummy=dummy,
            with_tdp=with_tdp,
            with_ad_bits=with_ad_bits,
            l2_runs=ne(var("vmx->vcpu.arch.hflags", 32) & 1, 0),
            asked_ad_bits=ne(var("vmcs12->ept_pointer", 64) & _ACCESSED_DIRTY, 0),
            told=told,
            pointer=ite(told, made, bv(0, 64)),
            evidence=trace.evidence,
        )

    def load_cr3(self, vendor: Vendor) -> Cr3Loaded:
        """See `HardwareControls.load_cr3`."""
        if vendor is Vendor.SHADOW:
            raise NotThere(["a vendor's CR3 for shadow paging"])
        with_vmx = vendor is Vendor.INTEL
        trace = Trace("vmx_load_mmu_pgd" if with_vmx else "svm_load_mmu_pgd")
        owner = "vmx" if with_vmx else "svm"
        root, level = var("root_hpa", 64), var("root_level", 32)
        cr0, cr3, cr4 = (var(f"{owner}->vcpu.arch.{name}", 64) for name in ("cr0", "cr3", "cr4"))
        with_tdp = bit(var("enable_ept" if with_vmx else "npt_enabled", 1), 0)
        has_pcid, encryption = bit(cr4, 17), bv(0, 64)
        whole, pcid = ule(bv(4, 32), level), ite(has_pcid, self._pcid(cr3), bv(0, 64))
        unpaged = all_of(negate(bit(cr0, 31)), negate(bit(var("enable_unrestricted_guest", 1), 0)), boolean(with_vmx))
        changed = ne(var("kvm_register_is_dirty()", 1), 0) if with_vmx else TRUE
        had = var("vmcb->control.nested_cr3", 64)
        identity = var("kvm_vmx->ept_identity_map_addr", 64)
        guests = ite(unpaged, identity, self._guest_cr3(cr3, root))
        plain = root | pcid if with_vmx else ite(whole, root | encryption | pcid, root)
        if not with_vmx:
            trace.check(CheckKind.WARN, any_of(with_tdp, whole, eq(pcid, 0)))
        return Cr3Loaded(
            root=root,
            level=level,
            with_tdp=with_tdp,
            guest_cr3=cr3,
            has_pcid=has_pcid,
            encryption=encryption,
            unpaged=unpaged,
            changed=changed,
            told=any_of(negate(with_tdp), unpaged, self._tells(changed)),
            cr3=ite(with_tdp, guests, plain),
            nested_cr3=bv(0, 64) if with_vmx else ite(with_tdp, self._nested_cr3(cr3, root), had),
            noted=TRUE,
            evidence=trace.evidence,
        )

    def _pcid(self, cr3: BitVec) -> BitVec:
        """The PCID in a CR3."""
        return cr3 & 0xFFF

    def _tells(self, changed: Bool) -> Bool:
        """Whether the processor is told of the guest's CR3, which may be another than it has."""
        return changed

    def _guest_cr3(self, cr3: BitVec, root: BitVec) -> BitVec:
        """CR3 of a guest whose tables the processor walks."""
        return cr3

    def _nested_cr3(self, cr3: BitVec, root: BitVec) -> BitVec:
        """The root of nested paging; without ``CONFIG_AMD_MEM_ENCRYPT``, as the model has it, a plain address."""
        return root

    def entry_flags(self) -> EntryFlags:
        """See `HardwareControls.entry_flags`."""
        trace = Trace("__vmx_vcpu_enter_flags")
        mitigated = ne(var(f"_static_cpu_has({self.constants.X86_FEATURE_CLEAR_CPU_BUF_VM_MMIO})", 1), 0)
        with_page = bool_var("the root has a page")
        in_page, in_vm = (ne(var(f"{each}has_mapped_host_mmio", 1), 0) for each in ("root->", "kvm->arch."))
        return EntryFlags(
            mitigated=mitigated,
            with_page=with_page,
            in_page=in_page,
            in_vm=in_vm,
            clears=all_of(mitigated, self.can_access_mmio(with_page, in_page, in_vm)),
            evidence=trace.evidence,
        )

    def can_access_mmio(self, with_page: Bool, in_page: Bool, in_vm: Bool) -> Bool:
        """Whether the note counts for a vCPU: that in its root's page, or in the VM if there is no page."""
        return ite(with_page, in_page, in_vm)

    def page_memory_type(self) -> MemoryType:
        """See `HardwareControls.page_memory_type`."""
        is_mmio, coherent = bit(var("is_mmio", 1), 0), eq(var("kvm_arch_has_noncoherent_dma()", 1), 0)
        ignores_pat = eq(var("kvm->arch.disabled_quirks", 64) & _IGNORE_GUEST_PAT, 0)
        forced = self._forces(coherent, ignores_pat)
        write_back = ite(forced, bv(_WRITE_BACK << 3 | _IGNORE_PAT, 8), bv(_WRITE_BACK << 3, 8))
        return MemoryType(
            is_mmio=is_mmio,
            coherent=coherent,
            ignores_pat=ignores_pat,
            cache_off=FALSE,
            by_mtrrs=False,
            bits=ite(is_mmio, self._of_mmio(), write_back),
            evidence=Trace("vmx_get_mt_mask").evidence,
        )

    def _of_mmio(self) -> BitVec:
        """Uncacheable."""
        return bv(0, 8)

    def _forces(self, coherent: Bool, ignores_pat: Bool) -> Bool:
        """``vmx_ignore_guest_pat()``."""
        return all_of(coherent, ignores_pat)

    memory_type = _WRITE_BACK
    """The memory type by which the processor accesses KVM's tables."""

    def loaded_root(self, root: BitVec) -> BitVec:
        """The root that ``kvm_mmu_load_pgd()`` hands on, of that of the MMU in use."""
        return root

    def levels(self, level: BitVec) -> BitVec:
        """What EPTP says of the tables' levels."""
        return ite(eq(level, 5), bv(_FIVE_LEVELS, 64), _FOUR_LEVELS)

    def accessed_dirty(self, with_ad_bits: Bool, ad_disabled: Bool) -> Bool:
        """Whether EPTP turns accessed and dirty flags on."""
        return all_of(with_ad_bits, negate(ad_disabled))


def _masked(condition: Bool, mask: int) -> BitVec:
    return ite(condition, bv(mask, 64), 0)
