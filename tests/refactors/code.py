"""Refactors that write the same otherwise: where a function ends, how it branches, what it computes with."""

from tests.refactors.refactor import INTERNAL_H, MMU_C, MMU_H, PAGING_H, SPTE_C, SPTE_H, Refactor, edit

CODE = {
    "a function is split": Refactor(
        edits=(
            edit(
                r"^\tif \(shadow_nx_mask\) \{\n(?s:.*?)^\t\}\n",
                "\tspte |= spte_exec_bits(pte_access);\n",
                SPTE_C,
                inside="make_spte",
            ),
            edit(
                r"^bool make_spte\(",
                r"""static u64 spte_exec_bits(unsigned int acc)
{
	if (shadow_nx_mask)
		return ((acc & ACC_EXEC_MASK) ? 0 : shadow_nx_mask) |
			((acc & ACC_USER_MASK) ? shadow_user_mask : 0);

	return ((acc & ACC_EXEC_MASK) ? shadow_xs_mask : 0) |
		((acc & ACC_USER_EXEC_MASK) ? shadow_xu_mask : 0);
}

\g<0>""",
                SPTE_C,
            ),
        ),
        functions=("make_spte",),
    ),
    "a function is split by what it is given": Refactor(
        edits=(
            edit(
                r"^\tbad_mt_xwr = 0xFF(?s:.*?)(?=^\trsvd_check->bad_mt_xwr|^\tfmt->bad_mt_xwr)",
                "\tbad_mt_xwr = ept_bad_mt_xwr(execonly);\n",
                MMU_C,
                inside="__reset_rsvds_bits_mask_ept",
            ),
            edit(
                r"^static void __reset_rsvds_bits_mask_ept\(",
                r"""static u64 ept_bad_mt_xwr(bool has_exec_only)
{
	u64 bad = (0xFFull << 16) | (0xFFull << 24) | (0xFFull << 56);

	bad |= REPEAT_BYTE(1ull << 2) | REPEAT_BYTE(1ull << 6);
	return has_exec_only ? bad : bad | REPEAT_BYTE(1ull << 4);
}

\g<0>""",
                MMU_C,
            ),
        ),
        functions=("__reset_rsvds_bits_mask_ept",),
    ),
    "two functions are merged": Refactor(
        edits=(
            edit(
                r"reset_ept_shadow_zero_bits_mask\(context, execonly\);",
                "__reset_rsvds_bits_mask_ept(SPTE_CHECK(context), reserved_hpa_bits(), execonly, max_huge_page_level);",
                MMU_C,
                inside="kvm_init_shadow_ept_mmu",
            ),
            edit(
                r"^static void\nreset_ept_shadow_zero_bits_mask(?s:.*?)(&context->\w+)(?s:.*?)^\}\n",
                r"#define SPTE_CHECK(context) \1\n",
                MMU_C,
            ),
        ),
        functions=("kvm_init_shadow_ept_mmu",),
        names={"reset_ept_shadow_zero_bits_mask": "reset_shadow_zero_bits_mask"},
        lost=("entry.shadow-reserved",),
    ),
    "a helper is merged into its only caller": Refactor(
        edits=(
            edit(
                r"mask = generation_mmio_spte_mask\(gen\)|generation_mmio_spte_mask\(gen\)",
                "((gen << MMIO_SPTE_GEN_LOW_SHIFT) & MMIO_SPTE_GEN_LOW_MASK) | ((gen << MMIO_SPTE_GEN_HIGH_SHIFT) & MMIO_SPTE_GEN_HIGH_MASK)",
                SPTE_C,
                inside="make_mmio_spte",
            ),
            edit(r"^static u64 generation_mmio_spte_mask\((?s:.*?)^\}\n\n", "", SPTE_C),
        ),
        functions=("make_mmio_spte",),
    ),
    "a macro becomes an inline function": Refactor(
        edits=(
            edit(
                r"^#define ACC_BITS_MASK\(access\)(?:.*\\\n)+.*\n",
                r"""static __always_inline u16 acc_bits_mask(unsigned int access)
{
	unsigned int combination;
	u16 mask = 0;

	for (combination = 0; combination < 16; combination++)
		if (combination & access)
			mask |= 1 << combination;

	return mask;
}
""",
                MMU_C,
            ),
            edit(r"\bACC_BITS_MASK\((?=ACC_)", "acc_bits_mask(", MMU_C),
        ),
        functions=("update_permission_bitmask",),
    ),
    "an inline function becomes a macro": Refactor(
        edits=(
            edit(
                r"^static inline bool is_access_track_spte\((?s:.*?)^\}\n",
                "#define is_access_track_spte(spte) \\\\\n\t(!spte_ad_enabled(spte) && !((spte) & shadow_acc_track_mask))\n",
                SPTE_H,
            ),
        ),
        functions=("mark_spte_for_access_track", "fast_page_fault", "modify_spte_protections"),
        names={"is_access_track_spte": ""},
        lost=("*",),
    ),
    "an if-chain becomes a switch": Refactor(
        edits=(
            edit(
                r"^\tif \(order >= KVM_HPAGE_GFN_SHIFT\(PG_LEVEL_1G\)\)(?s:.*)\treturn PG_LEVEL_4K;\n",
                "\tswitch (order) {\n\tcase KVM_HPAGE_GFN_SHIFT(PG_LEVEL_1G) ... 63:\n\t\treturn PG_LEVEL_1G;\n\tcase KVM_HPAGE_GFN_SHIFT(PG_LEVEL_2M) ... KVM_HPAGE_GFN_SHIFT(PG_LEVEL_1G) - 1:\n\t\treturn PG_LEVEL_2M;\n\tdefault:\n\t\treturn PG_LEVEL_4K;\n\t}\n",
                MMU_C,
                inside="kvm_max_level_for_order",
            ),
            edit(
                r"^\tif \(____is_efer_lma\(regs\)\)\n(?s:.*?)PT32_ROOT_LEVEL;\n",
                """	switch (____is_efer_lma(regs) << 1 | ____is_cr4_pae(regs)) {
	case 0:
		role.base.level = PT32_ROOT_LEVEL;
		break;
	case 1:
		role.base.level = PT32E_ROOT_LEVEL;
		break;
	default:
		role.base.level = PT64_ROOT_4LEVEL + ____is_cr4_la57(regs);
		break;
	}
""",
                MMU_C,
                inside="kvm_calc_cpu_role",
            ),
        ),
        functions=("kvm_calc_cpu_role",),
    ),
    "an if-chain becomes a table": Refactor(
        edits=(
            edit(
                r"^\taccess = \(\(gpte & VMX_EPT_WRITABLE_MASK\)(?s:.*?);\n",
                """	static const unsigned int acc[8] = {
		0,
		ACC_READ_MASK,
		ACC_WRITE_MASK,
		ACC_READ_MASK | ACC_WRITE_MASK,
		ACC_EXEC_MASK,
		ACC_READ_MASK | ACC_EXEC_MASK,
		ACC_WRITE_MASK | ACC_EXEC_MASK,
		ACC_READ_MASK | ACC_WRITE_MASK | ACC_EXEC_MASK,
	};

	access = acc[gpte & VMX_EPT_RWX_MASK];
	if (gpte & VMX_EPT_USER_EXECUTABLE_MASK)
		access |= ACC_USER_EXEC_MASK;
""",
                PAGING_H,
            ),
        ),
        functions=("ept_gpte_access",),
    ),
    "a switch becomes an if-chain": Refactor(
        edits=(
            edit(
                r"^\tswitch \(level\) \{\n\tcase PT32_ROOT_LEVEL:\n",
                "\tif (level == PT32_ROOT_LEVEL) {\n",
                MMU_C,
                inside="__reset_rsvds_bits_mask",
            ),
            edit(
                r"^\t\t\t(.*)\[1\]\[1\] = 0;\n\t\t\tbreak;\n\t\t\}\n\n\t\tif \(is_cpuid_PSE36\(\)\)",
                r"\t\t\t\1[1][1] = 0;\n\t\t} else if (is_cpuid_PSE36())",
                MMU_C,
                inside="__reset_rsvds_bits_mask",
            ),
            edit(
                r"^\t\tbreak;\n\tcase PT32E_ROOT_LEVEL:\n",
                "\t} else if (level == PT32E_ROOT_LEVEL) {\n",
                MMU_C,
                inside="__reset_rsvds_bits_mask",
            ),
            edit(
                r"^\t\tbreak;\n\tcase PT64_ROOT_5LEVEL:\n((?s:.*?))\t\tfallthrough;\n\tcase PT64_ROOT_4LEVEL:\n",
                "\t} else if (level == PT64_ROOT_5LEVEL || level == PT64_ROOT_4LEVEL) {\n\t\tif (level == PT64_ROOT_5LEVEL) {\n\\1\t\t}\n",
                MMU_C,
                inside="__reset_rsvds_bits_mask",
            ),
            edit(r"^\t\tbreak;\n\t\}\n", "\t}\n", MMU_C, inside="__reset_rsvds_bits_mask"),
        ),
        functions=("__reset_rsvds_bits_mask",),
    ),
    "shifts become FIELD_GET and FIELD_PREP": Refactor(
        edits=(
            edit(r"\(spte & (MMIO_SPTE_GEN_LOW_MASK)\) >> MMIO_SPTE_GEN_LOW_SHIFT", r"FIELD_GET(\1, spte)", SPTE_H),
            edit(
                r"\(spte & (MMIO_SPTE_GEN_HIGH_MASK)\) >> MMIO_SPTE_GEN_HIGH_SHIFT",
                r"FIELD_GET(\1, spte) << MMIO_SPTE_GEN_LOW_BITS",
                SPTE_H,
            ),
            edit(
                r"\(gen << MMIO_SPTE_GEN_LOW_SHIFT\) & (MMIO_SPTE_GEN_LOW_MASK)",
                r"FIELD_PREP(\1, gen & GENMASK_ULL(MMIO_SPTE_GEN_LOW_BITS - 1, 0))",
                SPTE_C,
            ),
            edit(
                r"\(gen << MMIO_SPTE_GEN_HIGH_SHIFT\) & (MMIO_SPTE_GEN_HIGH_MASK)",
                r"FIELD_PREP(\1, (gen >> MMIO_SPTE_GEN_LOW_BITS) & GENMASK_ULL(MMIO_SPTE_GEN_HIGH_BITS - 1, 0))",
                SPTE_C,
            ),
            edit(r'^#include "mmu.h"\n', r"#include <linux/bitfield.h>\n\g<0>", SPTE_H, SPTE_C),
        ),
        functions=("generation_mmio_spte_mask", "get_mmio_spte_generation", "make_mmio_spte"),
    ),
    "masks are made with GENMASK": Refactor(
        edits=(
            edit(r"\brsvd_bits\((\d+), (\d+)\)", r"GENMASK_ULL(\2, \1)", MMU_C),
            edit(r"\(\(\(1ULL << 52\) - 1\) & ~\(u64\)\(PAGE_SIZE-1\)\)", "GENMASK_ULL(51, PAGE_SHIFT)", SPTE_H),
            edit(r"\(3ULL << SPTE_TDP_AD_SHIFT\)", "GENMASK_ULL(SPTE_TDP_AD_SHIFT + 1, SPTE_TDP_AD_SHIFT)", SPTE_H),
        ),
        functions=("__reset_rsvds_bits_mask", "__reset_rsvds_bits_mask_ept", "spte_to_pfn"),
    ),
    "masks become an enum": Refactor(
        edits=(
            edit(
                r"^#define ACC_READ_MASK(?s:.*?)^#define ACC_EXEC_MASK .*\n",
                """enum {
	ACC_READ_MASK = BIT(0),
	ACC_WRITE_MASK = BIT(1),
	ACC_USER_MASK = BIT(2),
	ACC_USER_EXEC_MASK = ACC_USER_MASK,
	ACC_EXEC_MASK = BIT(3),
};
""",
                MMU_H,
            ),
        ),
        functions=("change_spte_executable", "make_spte", "update_permission_bitmask"),
    ),
    "early returns are turned round": Refactor(
        edits=(
            edit(
                r"^\tif \(!fault->present\)\n\t\treturn !kvm_ad_enabled;\n(?s:.*?)\treturn fault->write;",
                "\tif (fault->present)\n\t\treturn fault->write;\n\n\treturn !kvm_ad_enabled;",
                MMU_C,
                inside="page_fault_can_be_fast",
            ),
            edit(
                r"^\tif \(is_cr0_wp\((\w+)\) == cr0_wp\)\n\t\treturn;\n\n((?s:.*))^\}",
                r"\tif (is_cr0_wp(\1) != cr0_wp) {\n\2\t}\n}",
                MMU_C,
                inside="__kvm_mmu_refresh_passthrough_bits",
            ),
            edit(
                r"^\tif \(spte_ad_enabled\(spte\)\)\n\t\treturn spte & ~shadow_accessed_mask;\n\n\tif \(is_access_track_spte\(spte\)\)\n\t\treturn spte;\n\n((?s:.*))^\treturn spte;\n",
                r"\tif (spte_ad_enabled(spte)) {\n\t\tspte &= ~shadow_accessed_mask;\n\t} else if (!is_access_track_spte(spte)) {\n\1\t}\n\treturn spte;\n",
                SPTE_C,
                inside="mark_spte_for_access_track",
            ),
        ),
        functions=("page_fault_can_be_fast", "mark_spte_for_access_track", "__kvm_mmu_refresh_passthrough_bits"),
    ),
    "returns become a goto": Refactor(
        edits=(
            edit(r"^(\t+)return;\n", r"\1goto out;\n", MMU_C, inside="kvm_mmu_hugepage_adjust"),
            edit(r"^(\tfault->pfn &= ~mask;\n)", r"\1out:\n\treturn;\n", MMU_C, inside="kvm_mmu_hugepage_adjust"),
        ),
        functions=("kvm_mmu_hugepage_adjust",),
    ),
    "conditions become one expression": Refactor(
        edits=(
            edit(
                r"^\tif \(!is_writable_pte\(spte\) && is_mmu_writable_spte\(spte\)\)(?s:.*)\treturn is_writable_pte\(spte\) && !\(spte & shadow_dirty_mask\);",
                "\treturn (!is_writable_pte(spte) && is_mmu_writable_spte(spte)) || !spte_ad_enabled(spte) ||\n\t       (is_writable_pte(spte) && !(spte & shadow_dirty_mask));",
                SPTE_C,
                inside="spte_needs_atomic_update",
            ),
            edit(
                r"^\t\t\tif \(!cr0_wp\)\n\t\t\t\twf = \(pfec & PFERR_USER_MASK\) \? wf : 0;",
                "\t\t\tif (!cr0_wp && !(pfec & PFERR_USER_MASK))\n\t\t\t\twf = 0;",
                MMU_C,
            ),
        ),
        functions=("spte_needs_atomic_update", "update_permission_bitmask"),
    ),
    "code moves behind a helper in a header": Refactor(
        edits=(
            edit(r"\bsp->role\.ad_disabled\b", "sp_ad_disabled(sp)", SPTE_C),
            edit(
                r"\(spte & shadow_nonpresent_or_rsvd_lower_gfn_mask\)|spte & shadow_nonpresent_or_rsvd_lower_gfn_mask",
                "mmio_spte_low_gpa(spte)",
                MMU_C,
            ),
            edit(
                r"^static inline hpa_t kvm_mmu_get_dummy_root",
                "static inline u64 mmio_spte_low_gpa(u64 spte)\n{\n\treturn spte & shadow_nonpresent_or_rsvd_lower_gfn_mask;\n}\n\n\\g<0>",
                SPTE_H,
            ),
            edit(r"\brole\.level > PG_LEVEL_4K\b|\blevel > PG_LEVEL_4K(?= && is_nx)", "is_huge_level(level)", SPTE_C),
            edit(
                r"^static inline gfn_t gfn_round_for_level",
                "static inline bool is_huge_level(int level)\n{\n\treturn level > PG_LEVEL_4K;\n}\n\n\\g<0>",
                INTERNAL_H,
            ),
        ),
        functions=("make_spte", "get_mmio_spte_gfn"),
    ),
    "a role is read through helpers": Refactor(
        edits=(
            edit(
                r"(?<![>.])\b(\w+)->cpu_role\.base\.level\b(?! = )", r"guest_root_level(&\1->cpu_role)", MMU_C, PAGING_H
            ),
            edit(
                r"^static inline bool has_pferr_fetch",
                "static inline int guest_root_level(const union kvm_cpu_role *role)\n{\n\treturn role->base.level;\n}\n\n\\g<0>",
                MMU_C,
            ),
        ),
        functions=("reset_guest_paging_metadata", "is_cr0_pg"),
    ),
    "a loop counts down": Refactor(
        edits=(
            edit(
                r"for \(i = context->root_role\.level; --i >= 0;\)",
                "for (i = 0; i < context->root_role.level; i++)",
                MMU_C,
            ),
            edit(
                r"for \(index = 0; index < (ARRAY_SIZE\(\S+\)); \+\+index\)", r"for (index = \1; index-- > 0; )", MMU_C
            ),
        ),
        # With a number of rounds that is an input, counting up is not followed.
        functions=("update_permission_bitmask",),
    ),
    "code stands behind a guard of the configuration": Refactor(
        edits=(
            edit(
                r"^\tif \(shadow_me_value && !kvm_is_mmio_pfn",
                "\tif (IS_ENABLED(CONFIG_X86_64) && shadow_me_value && !kvm_is_mmio_pfn",
                SPTE_C,
            ),
            edit(
                r"^\tif \(kvm->arch\.has_private_mem &&",
                "\tif (IS_ENABLED(CONFIG_KVM_GENERIC_MEMORY_ATTRIBUTES) && kvm->arch.has_private_mem &&",
                MMU_C,
            ),
            edit(
                r"^(static inline bool is_ept_ve_possible\(u64 spte\)\n\{\n)((?s:.*?))^\}\n",
                r"#ifdef CONFIG_X86_64\n\1\2}\n#else\nstatic inline bool is_ept_ve_possible(u64 spte) { return false; }\n#endif\n",
                SPTE_H,
            ),
        ),
        functions=("make_spte", "is_ept_ve_possible"),
    ),
    "a branch becomes a conditional expression": Refactor(
        edits=(
            edit(
                r"^\tif \(ad_disabled\)\n\t\tspte \|= (.*);\n\telse\n\t\tspte \|= (.*);\n",
                r"\tspte |= ad_disabled ? \1 : \2;\n",
                SPTE_C,
            ),
            edit(
                r"^\tif \(fault->exec\)\n\t\treturn is_executable_pte\(spte\);\n\n\tif \(fault->write\)\n\t\treturn is_writable_pte\(spte\);\n(?s:.*?)\treturn spte & PT_PRESENT_MASK;",
                "\treturn fault->exec ? is_executable_pte(spte) :\n\t       spte & (fault->write ? PT_WRITABLE_MASK : PT_PRESENT_MASK);",
                SPTE_H,
            ),
        ),
        functions=("make_nonleaf_spte", "is_access_allowed"),
        trees=("7.2",),
    ),
}
