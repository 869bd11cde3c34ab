"""Refactors of the newest kernel's vendor files, iterators, page tracking and headers that write the same otherwise."""

from __future__ import annotations

from tests.refactors.refactor import (
    INTERNAL_H,
    KVM,
    MMU_C,
    MMU_H,
    NESTED_VMX_C,
    PAGING_H,
    SPTE_H,
    SVM_C,
    VMX_C,
    Edit,
    MoveText,
    Refactor,
    edit,
)
from tests.refactors.small import TDP_ITER_C, TDP_ITER_H, put_before

PAGE_TRACK_C = f"{KVM}/mmu/page_track.c"


def _of(*edits: Edit | MoveText) -> Refactor:
    return Refactor(edits=edits, trees=("7.3",))


VENDORS = {
    "an EPTP is put together by helpers": _of(
        put_before(
            "static u64 construct_eptp(",
            "static u64 eptp_walk_length(const struct kvm_mmu_page *root)\n{\n\tswitch (root->role.level) {\n\tcase 5:\n\t\treturn VMX_EPTP_PWL_5;\n\tdefault:\n\t\treturn VMX_EPTP_PWL_4;\n\t}\n}\n\nstatic u64 eptp_ad(const struct kvm_mmu_page *root)\n{\n\treturn enable_ept_ad_bits && !root->role.ad_disabled ? VMX_EPTP_AD_ENABLE_BIT : 0;\n}\n\n",
            VMX_C,
        ),
        edit(
            r"^\teptp \|= \(root->role\.level == 5\)(?s:.*?)\treturn eptp;\n",
            "\treturn eptp | eptp_walk_length(root) | eptp_ad(root);\n",
            VMX_C,
            inside="construct_eptp",
        ),
    ),
    "shadow CR3 of SVM is worked out by a helper": _of(
        put_before(
            "static void svm_load_mmu_pgd(",
            "static unsigned long svm_shadow_cr3(struct kvm_vcpu *vcpu, hpa_t root, int level)\n{\n\tif (level < PT64_ROOT_4LEVEL) {\n\t\tWARN_ON_ONCE(kvm_get_active_pcid(vcpu));\n\t\treturn root;\n\t}\n\n\treturn __sme_set(root) | kvm_get_active_pcid(vcpu);\n}\n\n",
            SVM_C,
        ),
        edit(
            r"^\t\} else if \(root_level >= PT64_ROOT_4LEVEL\) \{(?s:.*?)\t\tcr3 = root_hpa;\n",
            "\t} else {\n\t\tcr3 = svm_shadow_cr3(vcpu, root_hpa, root_level);\n",
            SVM_C,
            inside="svm_load_mmu_pgd",
        ),
    ),
    "an EPTP is checked by ifs": _of(
        edit(
            r"^\tswitch \(new_eptp & VMX_EPTP_PWL_MASK\) \{(?s:.*?)^\t\}\n",
            "\tif ((new_eptp & VMX_EPTP_PWL_MASK) == VMX_EPTP_PWL_5) {\n\t\tif (CC(!(vmx->nested.msrs.ept_caps & VMX_EPT_PAGE_WALK_5_BIT)))\n\t\t\treturn false;\n\t} else if ((new_eptp & VMX_EPTP_PWL_MASK) == VMX_EPTP_PWL_4) {\n\t\tif (CC(!(vmx->nested.msrs.ept_caps & VMX_EPT_PAGE_WALK_4_BIT)))\n\t\t\treturn false;\n\t} else {\n\t\treturn false;\n\t}\n",
            NESTED_VMX_C,
            inside="nested_vmx_check_eptp",
        )
    ),
    "an iterator's steps use helpers": _of(
        edit(
            r"^static void tdp_iter_refresh_sptep\((?s:.*?)^\}\n",
            """static tdp_ptep_t tdp_iter_entry(const struct tdp_iter *it)
{
	const gfn_t gfn = it->gfn | it->gfn_bits;

	return &it->pt_path[it->level - 1][SPTE_INDEX(gfn << PAGE_SHIFT, it->level)];
}

static void tdp_iter_set_level(struct tdp_iter *it, gfn_t gfn, int level)
{
	it->level = level;
	it->gfn = gfn_round_for_level(gfn, level);
	it->sptep = tdp_iter_entry(it);
	it->old_spte = kvm_tdp_mmu_read_spte(it->sptep);
}
""",
            TDP_ITER_C,
        ),
        edit(
            r"^\titer->level = iter->root_level;\n\n\titer->gfn = .*\n\ttdp_iter_refresh_sptep\(iter\);\n",
            "\ttdp_iter_set_level(iter, iter->next_last_level_gfn, iter->root_level);\n",
            TDP_ITER_C,
        ),
        edit(
            r"^\titer->level--;\n\titer->pt_path\[iter->level - 1\] = child_pt;\n\titer->gfn.*\n\ttdp_iter_refresh_sptep\(iter\);\n",
            "\titer->pt_path[iter->level - 2] = child_pt;\n\ttdp_iter_set_level(iter, iter->next_last_level_gfn, iter->level - 1);\n",
            TDP_ITER_C,
        ),
        edit(
            r"^\titer->level\+\+;\n\titer->gfn.*\n\ttdp_iter_refresh_sptep\(iter\);\n",
            "\ttdp_iter_set_level(iter, iter->gfn, iter->level + 1);\n",
            TDP_ITER_C,
        ),
    ),
    "write tracking goes through a pointer to the count": _of(
        put_before(
            "static void update_gfn_write_track(",
            "static unsigned short *gfn_write_count(const struct kvm_memory_slot *slot, gfn_t gfn)\n{\n\treturn slot->arch.gfn_write_track + gfn_to_index(gfn, slot->base_gfn, PG_LEVEL_4K);\n}\n\n",
            PAGE_TRACK_C,
        ),
        edit(
            r"^\tint index, val;\n(?s:.*?)(?=^\})",
            "\tunsigned short *tracked = gfn_write_count(slot, gfn);\n\tint sum = *tracked + count;\n\n\tif (WARN_ON_ONCE(sum < 0 || sum > USHRT_MAX))\n\t\treturn;\n\n\t*tracked = sum;\n",
            PAGE_TRACK_C,
            inside="update_gfn_write_track",
        ),
        edit(
            r"^\tint index;\n(?s:.*?)(?=^\})",
            "\treturn slot && READ_ONCE(*gfn_write_count(slot, gfn));\n",
            PAGE_TRACK_C,
            inside="__kvm_gfn_is_write_tracked",
        ),
    ),
    "small helpers move to another header": _of(
        MoveText(
            pattern=r"^static inline int kvm_mmu_role_as_id\((?s:.*?)^\}\n\n",
            source=INTERNAL_H,
            target=MMU_H,
            before=r"^static inline bool mmu_is_nested\(",
        ),
        MoveText(
            pattern=r"^static inline gfn_t gfn_round_for_level\((?s:.*?)^\}\n\n",
            source=INTERNAL_H,
            target=MMU_H,
            before=r"^static inline bool mmu_is_nested\(",
        ),
        MoveText(
            pattern=r"^static inline bool kvm_tdp_mmu_spte_need_atomic_update\((?s:.*?)^\}\n\n",
            source=TDP_ITER_H,
            target=SPTE_H,
            before=r"^bool spte_needs_atomic_update\(u64 spte\);",
        ),
        edit(
            r"^static inline bool kvm_tdp_mmu_spte_need_atomic_update",
            "bool spte_needs_atomic_update(u64 spte);\n\\g<0>",
            SPTE_H,
        ),
    ),
    "a clean guest entry's access is returned": _of(
        edit(
            r"^static inline void FNAME\(protect_clean_gpte\)\((?s:.*?)^\}\n",
            """static inline unsigned FNAME(protect_clean_gpte)(struct kvm_pagewalk *w, unsigned access,
							unsigned gpte)
{
	BUILD_BUG_ON(PT_WRITABLE_MASK != ACC_WRITE_MASK);

	if (PT_HAVE_ACCESSED_DIRTY(w) && !(gpte & PT_GUEST_DIRTY_MASK))
		access &= ~ACC_WRITE_MASK;

	return access;
}
""",
            PAGING_H,
        ),
        edit(
            r"FNAME\(protect_clean_gpte\)\(w, &walker->pte_access, pte\)",
            "walker->pte_access = FNAME(protect_clean_gpte)(w, walker->pte_access, pte)",
            PAGING_H,
        ),
        edit(
            r"FNAME\(protect_clean_gpte\)\(vcpu->arch\.mmu->w, &pte_access, gpte\)",
            "pte_access = FNAME(protect_clean_gpte)(vcpu->arch.mmu->w, pte_access, gpte)",
            PAGING_H,
        ),
    ),
    "accessors that macros made are written out": _of(
        edit(
            r"^BUILD_MMU_ROLE_ACCESSOR\((\w+),\s+(\w+), (\w+)\);\n",
            r"static inline bool __maybe_unused is_\2_\3(const struct kvm_pagewalk *walk)\n{\n\treturn walk->cpu_role.\1.\2_\3 != 0;\n}\n\n",
            MMU_C,
        )
    ),
    "a root is reloaded where it is invalid": _of(
        edit(
            r"^\tif \(likely\(vcpu->arch\.mmu->root\.hpa != INVALID_PAGE\)\)\n\t\treturn 0;\n\n\treturn kvm_mmu_load\(vcpu\);",
            "\tif (unlikely(!VALID_PAGE(vcpu->arch.mmu->root.hpa)))\n\t\treturn kvm_mmu_load(vcpu);\n\n\treturn 0;",
            MMU_H,
        )
    ),
    "the fault's error code is masked in one step": _of(
        edit(
            r"^\tunsigned int pfec = access & ~PFERR_SS_MASK;\n(?s:.*?)\t\t\t PFERR_USER_MASK \| PFERR_FETCH_MASK\);\n",
            """	const unsigned int known = PFERR_PRESENT_MASK | PFERR_WRITE_MASK |
					PFERR_USER_MASK | PFERR_FETCH_MASK;
	unsigned int pfec = access & known;

	WARN_ON_ONCE((u32)access & ~(known | PFERR_SS_MASK));
""",
            MMU_H,
            inside="permission_fault",
        ),
        edit(r"^\treturn -\(u32\)fault & errcode;", "\treturn fault ? errcode : 0;", MMU_H),
    ),
    "a set-up is split where it is keyed": _of(
        put_before(
            "void kvm_init_shadow_ept_mmu(",
            """static void ept_mmu_set_role(struct kvm_vcpu *vcpu, union kvm_cpu_role role, bool execonly, int lpage_level)
{
	struct kvm_pagewalk *walk = &vcpu->arch.ngpa_walk;
	struct kvm_mmu *mmu = &vcpu->arch.guest_mmu;

	/* EPT, and thus nested EPT, does not consume CR0, CR4, nor EFER. */
	walk->cpu_role = role;
	walk->gva_to_gpa = ept_gva_to_gpa;
	mmu->root_role = role.base;
	mmu->page_fault = ept_page_fault;
	mmu->sync_spte = ept_sync_spte;

	update_permission_bitmask(walk, true, true);
	walk->fmt.pkru_mask = 0;
	reset_rsvds_bits_mask_ept(vcpu, execonly, lpage_level);

	update_spte_permission_bitmask(mmu, true, true);
	reset_ept_shadow_zero_bits_mask(mmu, execonly);
}

""",
            MMU_C,
        ),
        edit(r"^\tstruct kvm_mmu \*context = &vcpu->arch\.guest_mmu;\n", "", MMU_C, inside="kvm_init_shadow_ept_mmu"),
        edit(
            r"^\tstruct kvm_pagewalk \*ngpa_walk = (?s:.*?)^\t\}\n",
            "\tif (new_mode.as_u64 != vcpu->arch.ngpa_walk.cpu_role.as_u64)\n\t\tept_mmu_set_role(vcpu, new_mode, execonly, huge_page_level);\n",
            MMU_C,
            inside="kvm_init_shadow_ept_mmu",
        ),
    ),
    "a helper is merged into its caller: the TDP role": _of(
        edit(r"^static union kvm_mmu_page_role\nkvm_calc_tdp_mmu_root_page_role\((?s:.*?)^\}\n\n", "", MMU_C),
        edit(
            r"^\tunion kvm_mmu_page_role root_role = kvm_calc_tdp_mmu_root_page_role\(vcpu, cpu_role\);\n",
            """	const bool smep = kvm_x86_call(tdp_has_smep)(vcpu->kvm);
	union kvm_mmu_page_role root_role = {
		.level = kvm_mmu_get_tdp_level(vcpu),
		.direct = true,
		.cr0_wp = true,
		.efer_nx = true,
		.cr4_smep = smep,
		.ad_disabled = !kvm_ad_enabled,
		.smm = cpu_role.base.smm,
		.guest_mode = cpu_role.base.guest_mode,
		.access = smep && shadow_user_mask ? ACC_ALL & ~ACC_USER_MASK : ACC_ALL,
	};
""",
            MMU_C,
            inside="init_kvm_tdp_mmu",
        ),
    ),
    "macros with arguments become inline functions": _of(
        edit(r"^#define SPTE_INDEX\(.*\n", "", SPTE_H),
        edit(
            r"^#define SPTE_ENT_PER_PAGE.*\n",
            "\\g<0>\nstatic inline unsigned int SPTE_INDEX(u64 address, int level)\n{\n\treturn (address >> __PT_LEVEL_SHIFT(level, SPTE_LEVEL_BITS)) & (SPTE_ENT_PER_PAGE - 1);\n}\n",
            SPTE_H,
        ),
    ),
}
