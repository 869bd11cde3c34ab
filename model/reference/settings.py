"""What is on in Linux 7.2.13."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_value
from mmuproof.model.settings import Question, SettingAnswer, Settings
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bit, eq, ne, resize, ult, var

_ROLE, _HFLAGS = var("sp->role", PAGE_ROLE_BITS), var("vcpu->arch.hflags", 32)
_SETTING, _OPTED_OUT = var("nx_huge_pages", 32), var("kvm->arch.disable_nx_huge_pages", 1)
_TDP_MMU, _SHADOW_ROOT = var("tdp_mmu_enabled", 1), var("kvm->arch.shadow_root_allocated", 1)
_FLAGS, _LOG_SIZE = var("slot->flags", 32), var("kvm->arch.cpu_dirty_log_size", 32)
_ID = var("slot->id", 16)


class ReferenceSettings(ReferenceArea, Settings):
    """The functions of ``mmu_internal.h``, ``kvm_host.h``, ``kvm_cache_regs.h`` and ``smm.h``."""

    def answer(self, question: Question) -> SettingAnswer:
        """See `Settings.answer`."""
        match question:
            case Question.NX_HUGE_PAGES:
                holds = self.is_nx_huge_page_enabled()
                return _answer(holds, nx_huge_pages=_SETTING, disable_nx_huge_pages=_OPTED_OUT)
            case Question.LOGS_WRITES:
                return _answer(self.kvm_slot_dirty_track_enabled(), flags=_FLAGS)
            case Question.NEEDS_WRITE_PROTECTION:
                holds = self.kvm_mmu_page_ad_need_write_protect()
                return _answer(holds, cpu_dirty_log_size=_LOG_SIZE, guest_mode=role_value(_ROLE, "guest_mode"))
            case Question.MIRROR:
                mirror = role_value(_ROLE, self._mirror_member())
                return _answer(ne(mirror, 0), is_mirror=role_value(_ROLE, "is_mirror"))
            case Question.GUEST_MODE:
                return _answer(self._has_hflag(self._guest_mode_flag()), hflags=_HFLAGS)
            case Question.SMM:
                return _answer(self._has_hflag(self.constants.HF_SMM_MASK), hflags=_HFLAGS)
            case Question.REVERSE_MAPS:
                return _answer(
                    self.kvm_memslots_have_rmaps(), tdp_mmu_enabled=_TDP_MMU, shadow_root_allocated=_SHADOW_ROOT
                )
            case Question.VISIBLE_SLOT:
                return _answer(self.kvm_is_visible_memslot(), id=_ID, flags=_FLAGS)

    def is_nx_huge_page_enabled(self) -> Bool:
        """The module's setting, unless the VM has opted out."""
        return all_of(ne(_SETTING, 0), eq(_OPTED_OUT, 0))

    def kvm_slot_dirty_track_enabled(self) -> Bool:
        """A flag of the slot, which userspace sets."""
        return ne(_FLAGS & self.constants.KVM_MEM_LOG_DIRTY_PAGES, 0)

    def kvm_mmu_page_ad_need_write_protect(self) -> Bool:
        """PML logs guest-physical addresses, which are L2's for a page of L2."""
        return all_of(ne(_LOG_SIZE, 0), ne(role_value(_ROLE, "guest_mode"), 0))

    def kvm_memslots_have_rmaps(self) -> Bool:
        """All that the shadow MMU maps is on a list, and it may map as soon as it has had a root."""
        return any_of(eq(_TDP_MMU, 0), ne(_SHADOW_ROOT, 0))

    def kvm_is_visible_memslot(self) -> Bool:
        """A slot of userspace's own, and none that is being taken away or moved."""
        of_userspace = any_of(bit(_ID, 15), ult(_ID, self.constants.KVM_USER_MEM_SLOTS))
        return all_of(of_userspace, eq(_FLAGS & self.constants.KVM_MEMSLOT_INVALID, 0))

    def _mirror_member(self) -> str:
        return "is_mirror"

    def _guest_mode_flag(self) -> int:
        return self.constants.HF_GUEST_MASK

    def _has_hflag(self, mask: int) -> Bool:
        return ne(_HFLAGS & mask, 0)


def _answer(holds: Bool, **state: BitVec) -> SettingAnswer:
    return SettingAnswer(holds, {name: resize(value, 32) for name, value in state.items()}, Evidence())
