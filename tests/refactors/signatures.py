"""Refactors of what functions are given and give back: parameters, their order, and types."""

from tests.refactors.refactor import MMU_C, MMU_H, NESTED_VMX_C, PAGING_H, SPTE_C, SPTE_H, TDP_C, Refactor, edit

SIGNATURES = {
    "a parameter is added": Refactor(
        edits=(
            edit(r"\bmake_nonleaf_spte\((?=u64 \*child_pt)", "make_nonleaf_spte(struct kvm *kvm, ", SPTE_C, SPTE_H),
            edit(r"\bmake_nonleaf_spte\((?=sp->spt)", "make_nonleaf_spte(kvm, ", TDP_C, MMU_C),
        ),
        functions=("make_nonleaf_spte",),
    ),
    "parameters change their order": Refactor(
        edits=(
            edit(
                r"unsigned int pte_access, gfn_t gfn, kvm_pfn_t pfn,(\s+)u64 old_spte,",
                r"gfn_t gfn, kvm_pfn_t pfn,\1unsigned int pte_access, u64 old_spte,",
                SPTE_C,
                SPTE_H,
            ),
            edit(r"(make_spte\(vcpu, sp, slot, )pte_access, gfn, pfn, ", r"\1gfn, pfn, pte_access, ", MMU_C),
            edit(
                r"(make_spte\(vcpu, sp, slot, )pte_access, gfn,\s+spte_to_pfn\(spte\), ",
                r"\1gfn, spte_to_pfn(spte), pte_access, ",
                PAGING_H,
            ),
            edit(
                r"(make_spte\(vcpu, sp, fault->slot, )sp->role\.access, iter->gfn,\s+fault->pfn, ",
                r"\1iter->gfn, fault->pfn, sp->role.access, ",
                TDP_C,
            ),
            edit(
                r"\bmake_huge_spte\(struct kvm \*kvm, u64 small_spte, int level\)",
                "make_huge_spte(struct kvm *kvm, int level, u64 small_spte)",
                SPTE_C,
                SPTE_H,
            ),
            edit(
                r"make_huge_spte\(kvm, iter\.old_spte, parent->level\)",
                "make_huge_spte(kvm, parent->level, iter.old_spte)",
                TDP_C,
            ),
        ),
        functions=("make_spte", "make_huge_spte", "mmu_set_spte"),
    ),
    "the parameters of a set-up change their order": Refactor(
        edits=(
            edit(
                r"(kvm_init_shadow_ept_mmu\(struct kvm_vcpu \*vcpu, )bool execonly,(\s+)int huge_page_level, bool accessed_dirty,(\s+)bool mbec, gpa_t new_eptp\)",
                r"\1gpa_t new_eptp,\2int huge_page_level, bool execonly,\3bool accessed_dirty, bool mbec)",
                MMU_C,
                MMU_H,
            ),
            edit(
                r"(kvm_init_shadow_ept_mmu\(vcpu, )(execonly), (\w+),\s+(.*),\s+(.*),\s+(nested_ept_get_eptp\(vcpu\)|new_eptp)\)",
                r"\1\6, \3, \2, \4, \5)",
                NESTED_VMX_C,
            ),
        ),
        functions=("kvm_init_shadow_ept_mmu",),
    ),
    "bools become ints": Refactor(
        edits=(
            edit(
                r"^(static void _*update_permission_bitmask\([^)]*?)bool tdp,(\s*)bool ept",
                r"\1int tdp,\2int ept",
                MMU_C,
            ),
            edit(
                r"^static inline bool (?=is_shadow_present_pte|is_frozen_spte|is_accessed_spte)",
                "static inline int ",
                SPTE_H,
            ),
            edit(r"return spte & shadow_accessed_mask;", "return !!(spte & shadow_accessed_mask);", SPTE_H),
        ),
        functions=("update_permission_bitmask", "is_shadow_present_pte"),
    ),
    "an int becomes a bool": Refactor(
        edits=(
            edit(r"^static inline int (?=FNAME\(is_present_gpte\))", "static inline bool ", PAGING_H),
            edit(r"^(\s+)const int (write_fault|fetch_fault) =", r"\1const bool \2 =", PAGING_H),
            edit(r"\bint write_fault\b", "bool write_fault", PAGING_H),
        )
    ),
    "types are narrowed": Refactor(
        edits=(
            edit(r"\bint level\b", "u8 level", SPTE_C, SPTE_H),
            edit(r"\bunsigned pte_access, unsigned pte_pkey", "u8 pte_access, u8 pte_pkey", MMU_H),
            edit(r"\bint bit7\b", "bool bit7", SPTE_H),
        ),
        functions=("permission_fault", "get_rsvd_bits", "make_huge_spte"),
    ),
    "types are widened": Refactor(
        edits=(
            edit(r"\bu8 access\b(?=\))", "unsigned int access", SPTE_C),
            edit(r"\bint index = \(pfec", "u64 index = (pfec", MMU_H),
            edit(r"\bis_writable_pte\(unsigned long pte\)", "is_writable_pte(u64 pte)", SPTE_H),
            edit(r"^static inline u8 permission_fault", "static inline u32 permission_fault", MMU_H),
        ),
        functions=("permission_fault", "change_spte_executable"),
    ),
    "a struct that was passed by value is passed by pointer": Refactor(
        edits=(
            edit(
                r"union kvm_mmu_page_role role, int index\)",
                "const union kvm_mmu_page_role *role, int index)",
                SPTE_C,
                SPTE_H,
            ),
            edit(r"\brole\.", "role->", SPTE_C, inside="make_small_spte"),
            edit(r"(make_small_spte\(kvm, \w+, )(sp->role)", r"\1&\2", TDP_C, MMU_C),
        ),
        functions=("make_small_spte",),
    ),
    "a check is given what it looks at instead of all": Refactor(
        edits=(
            edit(
                r"is_access_allowed\(struct kvm_page_fault \*fault, u64 spte\)",
                "is_access_allowed(bool exec, bool write, u64 spte)",
                SPTE_H,
            ),
            edit(r"\bfault->(exec|write)\b", r"\1", SPTE_H, inside="is_access_allowed"),
            edit(r"is_access_allowed\(fault, ", "is_access_allowed(fault->exec, fault->write, ", MMU_C, TDP_C),
        ),
        functions=("is_access_allowed", "fast_page_fault"),
        relation=("exec is what fault->exec was", "write is what fault->write was"),
        trees=("7.2",),
    ),
    "a set-up is given the MMU's vCPU alone": Refactor(
        edits=(
            edit(
                r"^static void reset_rsvds_bits_mask_ept\(struct kvm_vcpu \*vcpu,\s+struct kvm_mmu \*context, bool execonly, int huge_page_level\)\n\{\n",
                "static void reset_rsvds_bits_mask_ept(struct kvm_vcpu *vcpu, bool execonly, int huge_page_level)\n{\n\tstruct kvm_mmu *context = &vcpu->arch.guest_mmu;\n\n",
                MMU_C,
            ),
            edit(r"reset_rsvds_bits_mask_ept\(vcpu, context, ", "reset_rsvds_bits_mask_ept(vcpu, ", MMU_C),
        ),
        functions=("kvm_init_shadow_ept_mmu",),
        trees=("7.2",),
    ),
}
