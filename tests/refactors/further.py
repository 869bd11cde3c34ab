"""More small refactors of Linux 7.3, and twins with a mistake: of lookups, syncs, flushes and roots."""

from __future__ import annotations

from tests.refactors.refactor import KVM, TDP_C, Refactor
from tests.refactors.small import TDP_ITER_C, in_one

MMU_HEADER = f"{KVM}/mmu.h"
ONLY = ("7.3",)

HONEST: dict[str, Refactor] = {
    "a child is looked up once": in_one(
        "kvm_mmu_get_child_sp",
        (
            "if (is_shadow_present_pte(*sptep) && !is_large_pte(*sptep) && spte_to_child_sp(*sptep) && "
            "spte_to_child_sp(*sptep)->gfn == gfn && spte_to_child_sp(*sptep)->role.word == role.word) "
            "return ERR_PTR(-EEXIST);",
            "if (is_shadow_present_pte(*sptep) && !is_large_pte(*sptep)) {\n"
            "\t\tstruct kvm_mmu_page *child = spte_to_child_sp(*sptep);\n\n"
            "\t\tif (child && child->gfn == gfn && child->role.word == role.word)\n"
            "\t\t\treturn ERR_PTR(-EEXIST);\n\t}",
        ),
        trees=ONLY,
    ),
    "what is no MMIO SPTE leaves first": in_one(
        "sync_mmio_spte",
        (
            "if (unlikely(is_mmio_spte(vcpu->kvm, *sptep))) { if (gfn != get_mmio_spte_gfn(*sptep)) { "
            "mmu_spte_clear_no_track(sptep); return true; } mark_mmio_spte(vcpu, sptep, gfn, access); return true; } "
            "return false;",
            "if (likely(!is_mmio_spte(vcpu->kvm, *sptep)))\n\t\treturn false;\n\n"
            "\tif (gfn == get_mmio_spte_gfn(*sptep))\n\t\tmark_mmio_spte(vcpu, sptep, gfn, access);\n"
            "\telse\n\t\tmmu_spte_clear_no_track(sptep);\n\n\treturn true;",
        ),
        trees=ONLY,
    ),
    "what differs between roles has a name": in_one(
        "kvm_sync_page_check",
        (
            "if (WARN_ON_ONCE(sp->role.direct || !vcpu->arch.mmu->sync_spte || "
            "(sp->role.word ^ root_role.word) & ~sync_role_ign.word)) return false; return true;",
            "const u32 differs = (sp->role.word ^ root_role.word) & ~sync_role_ign.word;\n\n"
            "\treturn !WARN_ON_ONCE(sp->role.direct || !vcpu->arch.mmu->sync_spte || differs);",
        ),
        trees=ONLY,
    ),
    "what is to be zapped comes first": in_one(
        "kvm_mmu_remote_flush_or_zap",
        (
            "if (!remote_flush && list_empty(invalid_list)) return false; if (!list_empty(invalid_list)) "
            "kvm_mmu_commit_zap_page(kvm, invalid_list); else kvm_flush_remote_tlbs(kvm); return true;",
            "if (!list_empty(invalid_list)) {\n\t\tkvm_mmu_commit_zap_page(kvm, invalid_list);\n"
            "\t\treturn true;\n\t}\n\n\tif (!remote_flush)\n\t\treturn false;\n\n"
            "\tkvm_flush_remote_tlbs(kvm);\n\treturn true;",
        ),
        trees=ONLY,
    ),
    "a kind of roots is chosen in the mask": in_one(
        "tdp_mmu_root_match",
        (
            "if (likely(!is_mirror_sp(root))) return types & KVM_DIRECT_ROOTS; return types & KVM_MIRROR_ROOTS;",
            "return types & (is_mirror_sp(root) ? KVM_MIRROR_ROOTS : KVM_DIRECT_ROOTS);",
        ),
        file=TDP_C,
        trees=ONLY,
    ),
    "a walk steps up where it is not at its root": in_one(
        "try_step_up",
        ("if (iter->level == iter->root_level) return false;", "if (iter->level != iter->root_level) {"),
        (
            "tdp_iter_refresh_sptep(iter); return true; }",
            "tdp_iter_refresh_sptep(iter);\n\treturn true;\n\t}\n\treturn false;\n}",
        ),
        file=TDP_ITER_C,
        trees=ONLY,
    ),
    "the highest gfn is a mask": in_one(
        "kvm_mmu_max_gfn",
        ("return (1ULL << (max_gpa_bits - PAGE_SHIFT)) - 1;", "return ~(~0ULL << (max_gpa_bits - PAGE_SHIFT));"),
        file=MMU_HEADER,
        trees=ONLY,
    ),
}

DISHONEST: dict[str, Refactor] = {
    "a huge page is taken for a child": in_one(
        "kvm_mmu_get_child_sp",
        ("!is_large_pte(*sptep) && spte_to_child_sp(*sptep) &&", "spte_to_child_sp(*sptep) &&"),
        trees=ONLY,
    ),
    "a role of another mode is synced": in_one(
        "kvm_sync_page_check", (".passthrough = 0x1,", ".passthrough = 0x1,\n\t\t.smm = 0x1,"), trees=ONLY
    ),
    "what is to be zapped stays where a flush is wanted": in_one(
        "kvm_mmu_remote_flush_or_zap",
        (
            "if (!list_empty(invalid_list)) kvm_mmu_commit_zap_page(kvm, invalid_list); else kvm_flush_remote_tlbs(kvm);",
            "if (remote_flush)\n\t\tkvm_flush_remote_tlbs(kvm);\n\telse\n\t\tkvm_mmu_commit_zap_page(kvm, invalid_list);",
        ),
        trees=ONLY,
    ),
    "a valid root is none where invalid ones are asked for": in_one(
        "tdp_mmu_root_match",
        (
            "if (root->role.invalid && !(types & KVM_INVALID_ROOTS))",
            "if (root->role.invalid != !!(types & KVM_INVALID_ROOTS))",
        ),
        file=TDP_C,
        trees=ONLY,
    ),
    "one gfn too many": in_one(
        "kvm_mmu_max_gfn",
        ("return (1ULL << (max_gpa_bits - PAGE_SHIFT)) - 1;", "return 1ULL << (max_gpa_bits - PAGE_SHIFT);"),
        file=MMU_HEADER,
        trees=ONLY,
    ),
}
"""One mistake in each."""
