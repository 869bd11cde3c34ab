"""Defects of what is on."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_value
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.settings import ReferenceSettings
from mmuproof.smt.terms import Bool, all_of, any_of, bit, eq, ne, negate, ult, var

_INTERNAL_H = "arch/x86/kvm/mmu/mmu_internal.h"
_KVM_HOST_H = "include/linux/kvm_host.h"
_READ_ONLY = 1


class _NxNegated(ReferenceSettings):
    def is_nx_huge_page_enabled(self) -> Bool:
        return negate(super().is_nx_huge_page_enabled())


class _OptOutIgnored(ReferenceSettings):
    def is_nx_huge_page_enabled(self) -> Bool:
        return ne(var("nx_huge_pages", 32), 0)


class _LoggedIfReadOnly(ReferenceSettings):
    def kvm_slot_dirty_track_enabled(self) -> Bool:
        return bit(var("slot->flags", 32), _READ_ONLY)


class _L2LoggedByPml(ReferenceSettings):
    def kvm_mmu_page_ad_need_write_protect(self) -> Bool:
        return all_of(super().kvm_mmu_page_ad_need_write_protect(), ne(var("kvm->arch.cpu_dirty_log_size", 32), 512))


class _ProtectedWithoutPml(ReferenceSettings):
    def kvm_mmu_page_ad_need_write_protect(self) -> Bool:
        return ne(role_value(var("sp->role", PAGE_ROLE_BITS), "guest_mode"), 0)


class _MirrorByInvalid(ReferenceSettings):
    def _mirror_member(self) -> str:
        return "invalid"


class _GuestModeIsSmm(ReferenceSettings):
    def _guest_mode_flag(self) -> int:
        return self.constants.HF_SMM_MASK


class _InvalidVisible(ReferenceSettings):
    def kvm_is_visible_memslot(self) -> Bool:
        slot = var("slot->id", 16)
        return any_of(bit(slot, 15), ult(slot, self.constants.KVM_USER_MEM_SLOTS))


class _InternalVisible(ReferenceSettings):
    def kvm_is_visible_memslot(self) -> Bool:
        return eq(var("slot->flags", 32) & self.constants.KVM_MEMSLOT_INVALID, 0)


class _ListsOnlyWithoutTdpMmu(ReferenceSettings):
    def kvm_memslots_have_rmaps(self) -> Bool:
        return eq(var("tdp_mmu_enabled", 1), 0)


def _settings(variant: type[ReferenceSettings]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, settings=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "nx-huge-pages-negated",
        "The mitigation of iTLB multihit counts as on where it is off.",
        _INTERNAL_H,
        r"(READ_ONCE\(nx_huge_pages\) && !kvm->arch\.disable_nx_huge_pages)",
        r"!(\1)",
        _settings(_NxNegated),
    ),
    defect(
        "nx-opt-out-ignored",
        "The mitigation of iTLB multihit counts as on for a VM that has opted out of it.",
        _INTERNAL_H,
        r"READ_ONCE\(nx_huge_pages\) && !kvm->arch\.disable_nx_huge_pages",
        "READ_ONCE(nx_huge_pages)",
        _settings(_OptOutIgnored),
    ),
    defect(
        "dirty-logging-by-read-only",
        "Writes to a slot count as logged if the slot is read-only.",
        _KVM_HOST_H,
        r"slot->flags & KVM_MEM_LOG_DIRTY_PAGES;",
        "slot->flags & KVM_MEM_READONLY;",
        _settings(_LoggedIfReadOnly),
    ),
    defect(
        "l2-logged-by-pml",
        "Writes to pages of L2 are left to a PML whose log has 512 entries.",
        _INTERNAL_H,
        r"kvm->arch\.cpu_dirty_log_size && sp->role\.guest_mode",
        "kvm->arch.cpu_dirty_log_size && kvm->arch.cpu_dirty_log_size != 512 && sp->role.guest_mode",
        _settings(_L2LoggedByPml),
    ),
    defect(
        "write-protection-without-pml",
        "SPTEs of L2 are write-protected for the dirty log although there is no PML.",
        _INTERNAL_H,
        r"kvm->arch\.cpu_dirty_log_size && sp->role\.guest_mode",
        "sp->role.guest_mode",
        _settings(_ProtectedWithoutPml),
    ),
    defect(
        "mirror-by-invalid",
        "A page counts as a mirror if it is no longer used.",
        _INTERNAL_H,
        r"return sp->role\.is_mirror;",
        "return sp->role.invalid;",
        _settings(_MirrorByInvalid),
    ),
    defect(
        "guest-mode-is-smm",
        "A vCPU counts as running L2 if it is in system-management mode.",
        "arch/x86/kvm/regs.h",
        r"return vcpu->arch\.hflags & HF_GUEST_MASK;",
        "return vcpu->arch.hflags & HF_SMM_MASK;",
        _settings(_GuestModeIsSmm),
    ),
    defect(
        "lists-only-without-tdp-mmu",
        "What the shadow MMU maps for an L2 is never looked for, since the TDP MMU is in use as well.",
        "arch/x86/kvm/mmu.h",
        r"return !tdp_mmu_enabled \|\| kvm_shadow_root_allocated\(kvm\);",
        "return !tdp_mmu_enabled;",
        _settings(_ListsOnlyWithoutTdpMmu),
    ),
    defect(
        "slot-invalid-visible",
        "A guest sees a slot that is being taken away.",
        _KVM_HOST_H,
        r"(memslot->id < KVM_USER_MEM_SLOTS) &&\s+!\(memslot->flags & KVM_MEMSLOT_INVALID\)",
        r"\1",
        _settings(_InvalidVisible),
    ),
    defect(
        "slot-internal-visible",
        "A guest sees slots that KVM has for itself.",
        _KVM_HOST_H,
        r"memslot->id < KVM_USER_MEM_SLOTS &&(\s+!\(memslot->flags)",
        r"\1",
        _settings(_InternalVisible),
    ),
)
