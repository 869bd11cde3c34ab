"""Refactors of the newest kernel after which things have other names, places or forms, several at once."""

from __future__ import annotations

from collections.abc import Mapping

from tests.refactors.refactor import (
    HOST_H,
    INTERNAL_H,
    KVM,
    MMU_C,
    MMU_H,
    NESTED_VMX_C,
    PAGING_H,
    SPTE_H,
    TDP_C,
    Edit,
    MoveText,
    Refactor,
    edit,
    renamed,
)
from tests.refactors.small import TDP_ITER_C, TDP_ITER_H

PAGE_TRACK_C = f"{KVM}/mmu/page_track.c"


def _of(*edits: Edit | MoveText, names: Mapping[str, str], lost: tuple[str, ...] = ("*",)) -> Refactor:
    return Refactor(edits=edits, trees=("7.3",), names=names, lost=lost)


RESHAPED = {
    "a page format has another name": _of(
        edit(r"(?<=->)fmt\b(?=\.|;|,|\))", "format"),
        edit(r"\.fmt\b", ".format"),
        edit(r"^\tstruct kvm_page_format\s+fmt;", "\tstruct kvm_page_format format;", HOST_H),
        names={"fmt": ""},
    ),
    "an iterator and its members have other names": _of(
        renamed("tdp_iter", "tdp_mmu_iter"),
        edit(r"#include \"tdp_mmu_iter\.h\"", '#include "tdp_iter.h"'),
        edit(r"\b(_?iter|parent)(->|\.)old_spte\b", r"\1\2cur_spte"),
        edit(r"^\t\t\.old_spte = sp->ptep", "\t\t.cur_spte = sp->ptep", TDP_C),
        edit(r"^\tu64 old_spte;", "\tu64 cur_spte;", TDP_ITER_H),
        names={"tdp_iter": "struct tdp_mmu_iter"},
    ),
    "functions and switches of VMX have other names": _of(
        renamed("construct_eptp", "vmx_make_eptp"),
        renamed("enable_ept_ad_bits", "vmx_ept_ad"),
        renamed("nested_ept_root_matches", "nested_is_same_ep4ta"),
        renamed("EPTP_PA_MASK", "EPTP_ROOT_MASK"),
        names={},
    ),
    "functions and switches of SVM have other names": _of(
        renamed("npt_enabled", "svm_uses_npt"),
        renamed("svm_flush_tlb_asid", "svm_flush_current_asid"),
        renamed("gmet_enabled", "svm_uses_gmet"),
        names={"gmet_enabled": ""},
    ),
    "write tracking has other names": _of(
        renamed("gfn_write_track", "write_counts"),
        renamed("__kvm_write_track_add_gfn", "kvm_write_track_gfn"),
        renamed("__kvm_write_track_remove_gfn", "kvm_write_untrack_gfn"),
        renamed("update_gfn_write_track", "add_to_write_count"),
        names={"gfn_write_track": ""},
    ),
    "levels of a fault have other names": _of(
        renamed("goal_level", "map_level"),
        renamed("req_level", "host_level"),
        renamed("huge_page_disallowed", "no_huge_page"),
        names={"goal_level": "map_level"},
    ),
    "members of a page have other names": _of(
        renamed("shadowed_translation", "gfns_and_access"),
        renamed("unsync_children", "nr_unsync_children"),
        renamed("external_spt", "tdx_spt"),
        names={"shadowed_translation": "", "unsync_children": "nr_unsync_children"},
    ),
    "results of a fault are called otherwise": _of(
        renamed("RET_PF_FIXED", "RET_PF_MAPPED"),
        renamed("RET_PF_SPURIOUS", "RET_PF_WAS_FIXED"),
        renamed("RET_PF_WRITE_PROTECTED", "RET_PF_TRACKED"),
        names={"RET_PF_FIXED": ""},
    ),
    "roles have other names": _of(
        renamed("root_role", "sp_role"),
        renamed("cpu_role", "walk_role"),
        renamed("kvm_cpu_role", "kvm_walk_role"),
        names={"root_role": "sp_role", "cpu_role": "walk_role"},
    ),
    "roots have other names": _of(
        renamed("kvm_mmu_root_info", "kvm_root"),
        renamed("prev_roots", "cached_roots"),
        renamed("KVM_MMU_ROOT_CURRENT", "KVM_ROOT_CURRENT"),
        renamed("KVM_MMU_NUM_PREV_ROOTS", "KVM_NUM_CACHED_ROOTS"),
        names={"prev_roots": "cached_roots"},
    ),
    "calls of the vendor have other names": _of(
        renamed("load_mmu_pgd", "load_root"),
        renamed("vmx_load_mmu_pgd", "vmx_load_root"),
        renamed("svm_load_mmu_pgd", "svm_load_root"),
        renamed("vt_load_mmu_pgd", "vt_load_root"),
        renamed("flush_tlb_current", "flush_root"),
        renamed("vmx_flush_tlb_current", "vmx_flush_root"),
        renamed("svm_flush_tlb_current", "svm_flush_root"),
        renamed("vt_flush_tlb_current", "vt_flush_root"),
        names={"vmx_load_mmu_pgd": "vmx_load_"},
    ),
    "capabilities of nested VMX have other names": _of(
        renamed("ept_caps", "ept_features"),
        renamed("vpid_caps", "vpid_features"),
        renamed("nested_ept_get_eptp", "vmcs12_eptp"),
        names={"ept_caps": "ept_features"},
    ),
    "macros of error codes have other names": _of(
        edit(r"\bPFERR_(WRITE|USER|FETCH)_MASK\b", r"PFERR_IS_\1"),
        edit(r"\bACC_USER_EXEC_MASK\b", "ACC_UEXEC_MASK"),
        names={"PFERR_WRITE_MASK": "", "ACC_USER_EXEC_MASK": "shadow_xu_mask is there"},
    ),
    "levels of an iterator are gathered, and a function renamed": _of(
        edit(
            r"^\t/\* The level of the root page given to the iterator \*/\n\tint root_level;\n(?s:.*?)\tint level;\n",
            "\tstruct {\n\t\tint root, min, cur;\n\t} levels;\n",
            TDP_ITER_H,
        ),
        edit(r"\biter->root_level\b", "iter->levels.root", f"{KVM}/mmu/*.[ch]"),
        edit(r"\biter->min_level\b", "iter->levels.min", f"{KVM}/mmu/*.[ch]"),
        edit(r"\b(_?iter|parent)(->|\.)level\b", r"\1\2levels.cur", TDP_ITER_C, TDP_C, TDP_ITER_H),
        edit(r"^\t\t\.level = sp->role\.level \+ 1", "\t\t.levels.cur = sp->role.level + 1", TDP_C),
        renamed("spte_to_child_pt", "spte_child_table"),
        names={"root_level": "root"},
        lost=("*",),
    ),
    "levels of a fault are gathered in a struct": _of(
        edit(r"^\tu8 max_level;\n", "\tstruct {\n\t\tu8 max_level, req_level, goal_level;\n\t} levels;\n", INTERNAL_H),
        edit(r"^\tu8 (req|goal)_level;\n", "", INTERNAL_H),
        edit(r"\bfault(->|\.)(max|req|goal)_level\b", r"fault\1levels.\2_level"),
        edit(r"^(\t\t)\.(max|req|goal)_level = ", r"\1.levels.\2_level = ", f"{KVM}/mmu/*.[ch]"),
        names={"goal_level": "levels", "max_level": "levels", "req_level": "levels"},
        lost=("*",),
    ),
    "inline functions of headers become macros": _of(
        edit(
            r"^static inline gfn_t gfn_round_for_level\((?s:.*?)^\}\n",
            "#define gfn_round_for_level(gfn, level) ((gfn_t)(gfn) & -KVM_PAGES_PER_HPAGE(level))\n",
            INTERNAL_H,
        ),
        edit(
            r"^static inline int kvm_mmu_role_as_id\((?s:.*?)^\}\n",
            "#define kvm_mmu_role_as_id(role) ((role).smm ? 1 : 0)\n",
            INTERNAL_H,
        ),
        edit(
            r"^static inline bool is_mmu_writable_spte\((?s:.*?)^\}\n",
            "#define is_mmu_writable_spte(spte) (!!((spte) & shadow_mmu_writable_mask))\n",
            SPTE_H,
        ),
        edit(
            r"^static inline bool is_large_pte\((?s:.*?)^\}\n",
            "#define is_large_pte(pte) (!!((pte) & PT_PAGE_SIZE_MASK))\n",
            SPTE_H,
        ),
        edit(
            r"^static inline gfn_t gfn_to_index\((?s:.*?)^\}\n",
            "#define gfn_to_index(gfn, base, level) \\\\\n\t(((gfn_t)(gfn) >> KVM_HPAGE_GFN_SHIFT(level)) - ((gfn_t)(base) >> KVM_HPAGE_GFN_SHIFT(level)))\n",
            MMU_H,
        ),
        names={"is_large_pte": ""},
        lost=("*",),
    ),
    "an embedded root MMU becomes a pointer": _of(
        edit(r"^\tstruct kvm_mmu root_mmu;", "\tstruct kvm_mmu *root_mmu;", HOST_H),
        edit(
            r"^\tvcpu->arch\.mmu = &vcpu->arch\.root_mmu;",
            "\tvcpu->arch.root_mmu = kzalloc(sizeof(*vcpu->arch.root_mmu), GFP_KERNEL_ACCOUNT);\n\tif (!vcpu->arch.root_mmu)\n\t\treturn -ENOMEM;\n\n\\g<0>",
            MMU_C,
            inside="kvm_mmu_create",
        ),
        edit(r"arch\.root_mmu\.", "arch.root_mmu->"),
        edit(r"&((?:svm->)?vcpu(?:->|\.)arch\.root_mmu)\b(?!->)", r"\1"),
        names={"root_mmu": "arch"},
        lost=("*",),
    ),
    "a page format becomes a pointer": _of(
        edit(r"(?<=->)fmt\.", "fmt->", f"{KVM}/**/*.[ch]"),
        edit(r"&(\w+(?:->\w+)*)->fmt\b", r"\1->fmt", f"{KVM}/**/*.[ch]"),
        edit(r"&vcpu->arch\.ngpa_walk\.fmt\b", "vcpu->arch.ngpa_walk.fmt", f"{KVM}/**/*.[ch]"),
        edit(r"^\tstruct kvm_page_format\s+fmt;", "\tstruct kvm_page_format *fmt;", HOST_H),
        names={"fmt": ""},
        lost=("*",),
    ),
    "parameters of a set-up are gathered in a struct": _of(
        edit(
            r"^void kvm_init_shadow_ept_mmu\(struct kvm_vcpu \*vcpu, bool execonly,\s+int huge_page_level, bool accessed_dirty,\s+bool mbec, gpa_t new_eptp\);",
            "struct kvm_ept_config {\n\tgpa_t eptp;\n\tint huge_page_level;\n\tbool execonly, accessed_dirty, mbec;\n};\n\nvoid kvm_init_shadow_ept_mmu(struct kvm_vcpu *vcpu, const struct kvm_ept_config *ept);",
            MMU_H,
        ),
        edit(
            r"\b(execonly|huge_page_level|accessed_dirty|mbec)\b", r"ept->\1", MMU_C, inside="kvm_init_shadow_ept_mmu"
        ),
        edit(r"\bnew_eptp\b", "ept->eptp", MMU_C, inside="kvm_init_shadow_ept_mmu"),
        edit(
            r"^void kvm_init_shadow_ept_mmu\([^)]*\)",
            "void kvm_init_shadow_ept_mmu(struct kvm_vcpu *vcpu, const struct kvm_ept_config *ept)",
            MMU_C,
        ),
        edit(
            r"kvm_init_shadow_ept_mmu\(vcpu, execonly, ept_lpage_level,\s+nested_ept_ad_enabled\(vcpu\),\s+nested_ept_mbec_enabled\(vcpu\),\s+nested_ept_get_eptp\(vcpu\)\);",
            "kvm_init_shadow_ept_mmu(vcpu, &(struct kvm_ept_config) {\n\t\t.eptp = nested_ept_get_eptp(vcpu),\n\t\t.huge_page_level = ept_lpage_level,\n\t\t.execonly = execonly,\n\t\t.accessed_dirty = nested_ept_ad_enabled(vcpu),\n\t\t.mbec = nested_ept_mbec_enabled(vcpu),\n\t});",
            NESTED_VMX_C,
        ),
        names={"new_eptp": "ept"},
        lost=("*",),
    ),
    "functions are merged into their only callers": _of(
        edit(r"^static void update_spte_permission_bitmask\((?s:.*?)^\}\n\n", "", MMU_C),
        edit(
            r"\bupdate_spte_permission_bitmask\((\w+), (.*), (\w+)\);",
            r"__update_permission_bitmask(&\1->fmt, \2, \3, \1->root_role.cr4_smep, false, true, true);",
            MMU_C,
        ),
        edit(r"^static void reset_rsvds_bits_mask_ept\((?s:.*?)^\}\n\n", "", MMU_C),
        edit(
            r"\breset_rsvds_bits_mask_ept\(vcpu, execonly, huge_page_level\);",
            "__reset_rsvds_bits_mask_ept(&ngpa_walk->fmt, vcpu->arch.reserved_gpa_bits, execonly, huge_page_level);",
            MMU_C,
        ),
        names={"update_spte_permission_bitmask": "update_permission_bitmask"},
        lost=("spte.permission-table",),
    ),
    "a function that is not followed is merged into its only caller": _of(
        edit(r"^static void kvm_zap_one_rmap_spte\((?s:.*?)^\}\n\n", "", MMU_C),
        edit(
            r"\bkvm_zap_one_rmap_spte\((\w+), (\w+), (\w+)\);",
            r"mmu_spte_clear_track_bits(\1, \3);\n\t\t\tpte_list_remove(\1, \3, \2);",
            MMU_C,
        ),
        names={"kvm_zap_one_rmap_spte": "kvm_mmu_zap_collapsible_spte"},
        lost=("stored.collapsed",),
    ),
    "all arrays of a walker become an array of structs": _of(
        edit(
            r"^\tgfn_t table_gfn\[PT_MAX_FULL_LEVELS\];\n\tpt_element_t ptes\[PT_MAX_FULL_LEVELS\];\n\tpt_element_t prefetch_ptes\[PTE_PREFETCH_NUM\];\n\tgpa_t pte_gpa\[PT_MAX_FULL_LEVELS\];\n(?s:.*?)\tunsigned int pt_access\[PT_MAX_FULL_LEVELS\];\n",
            "\tstruct {\n\t\tpt_element_t pte;\n\t\tpt_element_t __user *user;\n\t\tgfn_t table_gfn;\n\t\tgpa_t gpa;\n\t\tunsigned int access;\n\t\tbool writable;\n\t} levels[PT_MAX_FULL_LEVELS];\n\tpt_element_t prefetch_ptes[PTE_PREFETCH_NUM];\n",
            PAGING_H,
        ),
        *(
            edit(rf"->{a}\[([^]]*)\]", rf"->levels[\1].{b}", PAGING_H)
            for a, b in (
                ("ptes", "pte"),
                ("ptep_user", "user"),
                ("table_gfn", "table_gfn"),
                ("pte_gpa", "gpa"),
                ("pt_access", "access"),
                ("pte_writable", "writable"),
            )
        ),
        names={"ptes": "levels"},
        lost=("*",),
    ),
}
