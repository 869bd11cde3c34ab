"""Refactors of where things live: members, structs, files."""

from tests.refactors.refactor import (
    HOST_H,
    INTERNAL_H,
    KVM,
    MMU_C,
    PAGING_H,
    SPTE_C,
    SPTE_H,
    TDP_C,
    MoveText,
    Refactor,
    edit,
    renamed,
)

_MASKS = "host_writable|mmu_writable|nx|user|xs|xu|accessed|dirty|present|acc_track"
ALL_C = f"{KVM}/**/*.c"

PLACES = {
    "members move into a struct of their own": Refactor(
        edits=(
            edit(
                r"^\tu32 pkru_mask;\n", "\tstruct {\n\t\tu32 pkru_mask;\n\t\tu16 permissions[16];\n\t} perms;\n", HOST_H
            ),
            edit(r"^\tu16 permissions\[16\];\n", "", HOST_H),
            edit(r"(?<=->)pkru_mask\b", "perms.pkru_mask"),
            edit(r"(?<=->)permissions\b", "perms.permissions"),
        ),
        functions=("permission_fault", "update_pkru_bitmask"),
        trees=("7.2",),
        relation=("mmu->perms.pkru_mask is what mmu->pkru_mask was",),
        names={"permissions": "perms", "pkru_mask": "perms"},
        lost=("*",),
    ),
    "flags of a fault move into a struct of their own": Refactor(
        edits=(
            edit(
                r"^\tconst bool exec;\n\tconst bool write;\n",
                "\tconst struct {\n\t\tbool exec;\n\t\tbool write;\n\t} how;\n",
                INTERNAL_H,
            ),
            edit(r"\bfault->(exec|write)\b", r"fault->how.\1"),
            edit(r"^(\t\t)\.(exec|write) = ", r"\1.how.\2 = ", MMU_C),
        ),
        functions=("page_fault_can_be_fast", "kvm_mmu_hugepage_adjust"),
        relation=("fault->how.write is what fault->write was",),
        names={"exec": "how", "write": "how"},
        lost=("slot.huge-page", "fault.walked"),
    ),
    "bools become bit-fields": Refactor(
        edits=(
            edit(
                r"^\tconst bool (exec|write|present|rsvd|user|is_tdp|is_private|nx_huge_page_workaround_enabled);",
                r"\tconst bool \1 : 1;",
                INTERNAL_H,
            ),
            edit(r"^\tbool huge_page_disallowed;", "\tbool huge_page_disallowed : 1;", INTERNAL_H),
        ),
        functions=("page_fault_can_be_fast", "kvm_mmu_hugepage_adjust"),
    ),
    "an embedded struct becomes a pointer": Refactor(
        edits=(
            edit(r"^\tstruct kvm_mmu guest_mmu;", "\tstruct kvm_mmu *guest_mmu;", HOST_H),
            edit(r"vcpu->arch\.guest_mmu\.", "vcpu->arch.guest_mmu->"),
            edit(r"&vcpu->arch\.guest_mmu\b(?!->)", "vcpu->arch.guest_mmu"),
        ),
        functions=("kvm_init_shadow_ept_mmu",),
        names={"guest_mmu": "arch"},
        lost=("*",),
    ),
    "a pointer becomes an embedded struct": Refactor(
        edits=(
            edit(
                r"^\tstruct x86_exception fault;\n",
                "\tstruct x86_exception *fault;\n\tstruct x86_exception own_fault;\n",
                PAGING_H,
            ),
            edit(r"\bwalker->fault\.", "walker->fault->", PAGING_H),
            edit(r"&walker->fault\b", "walker->fault", PAGING_H),
            edit(r"\bwalker\.fault\b", "*walker.fault", PAGING_H),
            edit(r"^(retry_walk:\n)", r"\twalker->fault = &walker->own_fault;\n\1", PAGING_H),
        )
    ),
    "arrays of a walker become an array of structs": Refactor(
        edits=(
            edit(
                r"^\tgfn_t table_gfn\[PT_MAX_FULL_LEVELS\];\n\tpt_element_t ptes\[PT_MAX_FULL_LEVELS\];\n",
                "\tstruct {\n\t\tgfn_t table_gfn;\n\t\tpt_element_t pte;\n\t} at[PT_MAX_FULL_LEVELS];\n",
                PAGING_H,
            ),
            edit(r"->ptes\[([^]]*)\]", r"->at[\1].pte", PAGING_H),
            edit(r"->table_gfn\[([^]]*)\]", r"->at[\1].table_gfn", PAGING_H),
        ),
        lost=("walk.reached", "walk.granted", "walk.changed", "loop.fetch"),
    ),
    "masks are gathered in a struct": Refactor(
        edits=(
            edit(rf"^extern u64 __read_mostly shadow_(?:{_MASKS})_mask;.*\n", "", SPTE_H),
            edit(rf"^u64 __read_mostly shadow_(?:{_MASKS})_mask;.*\n", "", SPTE_C),
            edit(rf"\bshadow_({_MASKS})_mask\b", r"spte_masks.\1"),
            edit(r"^bool __read_mostly kvm_ad_enabled;", r"\g<0>\nstruct kvm_spte_masks spte_masks;", SPTE_C),
            edit(
                r"^extern bool __read_mostly kvm_ad_enabled;",
                r"\g<0>\nstruct kvm_spte_masks {\n\tu64 "
                + ", ".join(_MASKS.split("|"))
                + r";\n};\nextern struct kvm_spte_masks spte_masks;",
                SPTE_H,
            ),
        ),
        functions=("make_nonleaf_spte", "mark_spte_for_access_track", "change_spte_executable"),
        relation=("spte_masks.accessed is what shadow_accessed_mask was",),
        names={"shadow_nx_mask": "not found"},
        lost=("*",),
    ),
    "a switch of KVM moves into a struct": Refactor(
        edits=(
            edit(r"^bool __read_mostly kvm_ad_enabled;", "struct kvm_mmu_config kvm_mmu_config;", SPTE_C),
            edit(
                r"^extern bool __read_mostly kvm_ad_enabled;",
                "struct kvm_mmu_config {\n\tbool ad;\n};\nextern struct kvm_mmu_config kvm_mmu_config;",
                SPTE_H,
            ),
            renamed("kvm_ad_enabled", "kvm_mmu_config.ad", f"{KVM}/**/*.c"),
        ),
        functions=("page_fault_can_be_fast",),
        relation=("kvm_mmu_config.ad is what kvm_ad_enabled was",),
        names={"kvm_ad_enabled": "not found"},
        lost=("*",),
    ),
    "a function moves to the file of its only caller": Refactor(
        edits=(
            MoveText(
                pattern=r"^u64 make_huge_spte\((?s:.*?)^\}\n\n",
                source=SPTE_C,
                target=TDP_C,
                before=r"^static int tdp_mmu_make_huge_spte\(",
                begins="static ",
            ),
            edit(r"^u64 make_huge_spte\(.*\n", "u64 change_spte_executable(u64 spte, u8 access);\n", SPTE_H),
            edit(r"^static (?=u64 change_spte_executable)", "", SPTE_C),
        ),
        functions=("make_huge_spte",),
        names={"make_huge_spte": "tdp_mmu.c", "make_huge_spte()": "not stated here"},
    ),
    "a function moves to a header": Refactor(
        edits=(
            *(
                MoveText(
                    pattern=rf"^static {type_} get_mmio_spte_{what}\((?s:.*?)^\}}\n\n",
                    source=MMU_C,
                    target=SPTE_H,
                    before=r"^bool spte_needs_atomic_update\(u64 spte\);",
                )
                for type_, what in (("gfn_t", "gfn"), ("unsigned", "access"))
            ),
            edit(r"^static (?=(?:gfn_t|unsigned) get_mmio_spte_)", "static inline ", SPTE_H),
        ),
        functions=("get_mmio_spte_gfn", "get_mmio_spte_access"),
    ),
    "an operation moves from a unit to another": Refactor(
        edits=(
            MoveText(
                pattern=r"^u64 make_nonleaf_spte\((?s:.*?)^\}\n\n",
                source=SPTE_C,
                target=MMU_C,
                before=r"^static void __link_shadow_page\(",
            ),
        ),
        functions=("make_nonleaf_spte",),
        names={"make_nonleaf_spte": "mmu/mmu.c"},
    ),
    "a role is worked out in a header": Refactor(
        edits=(
            edit(
                r"^static inline bool is_cr4_pae",
                "static inline bool role_is_pae(union kvm_cpu_role role)\n{\n\treturn !role.base.has_4_byte_gpte;\n}\n\n\\g<0>",
                MMU_C,
            ),
            edit(
                r"!(mmu|w)->cpu_role\.base\.has_4_byte_gpte", r"role_is_pae(\1->cpu_role)", MMU_C, inside="is_cr4_pae"
            ),
        ),
        functions=("is_cr4_pae",),
    ),
    "a member of the VM moves into a struct of its own": Refactor(
        edits=(
            edit(r"^\tu64 shadow_mmio_value;", "\tstruct {\n\t\tu64 value;\n\t} mmio_spte;", HOST_H),
            edit(r"\barch\.shadow_mmio_value\b", "arch.mmio_spte.value"),
        ),
        functions=("make_mmio_spte", "is_mmio_spte"),
        names={"shadow_mmio_value": "not found"},
        lost=("*",),
    ),
    "dimensions of a table change places": Refactor(
        edits=(
            edit(
                r"\bu64 rsvd_bits_mask\[2\]\[PT64_ROOT_MAX_LEVEL\]",
                "u64 rsvd_bits_mask[PT64_ROOT_MAX_LEVEL][2]",
                HOST_H,
            ),
            edit(
                r"rsvd_bits_mask\[([^]]+)\]\[([^]]+)\]", r"rsvd_bits_mask[\2][\1]", f"{KVM}/mmu/*.[ch]", f"{KVM}/x86.c"
            ),
        ),
        functions=("get_rsvd_bits", "__reset_rsvds_bits_mask"),
        names={"rsvd_bits_mask": "rsvd_bits_mask"},
    ),
}
