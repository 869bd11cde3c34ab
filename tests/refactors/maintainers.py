"""Refactors of 7.3 as maintainers send them: memory compared and copied, tables, locals, macros; and twins with a mistake."""

from __future__ import annotations

from functools import partial

from tests.refactors.refactor import MMU_C, SPTE_C, Refactor
from tests.refactors.small import in_one, put_before, said

_in = partial(in_one, trees=("7.3",))
_ACCESSES = (
    "if (shadow_nx_mask) { if (!(pte_access & ACC_EXEC_MASK)) spte |= shadow_nx_mask; "
    "if (pte_access & ACC_USER_MASK) spte |= shadow_user_mask; } else { if (pte_access & ACC_EXEC_MASK) "
    "spte |= shadow_xs_mask; if (pte_access & ACC_USER_EXEC_MASK) spte |= shadow_xu_mask; }"
)
_HELPER = (
    "static u64 spte_access_bits(unsigned int acc)\n{\n\tif (!shadow_nx_mask)\n"
    "\t\treturn (acc & ACC_EXEC_MASK ? shadow_xs_mask : 0) |\n\t\t\t(acc & %s ? shadow_xu_mask : 0);\n\n"
    "\treturn (acc & ACC_EXEC_MASK ? 0 : shadow_nx_mask) | (acc & ACC_USER_MASK ? shadow_user_mask : 0);\n}\n\n"
)
_ROLE_TAIL = "if (role.has_4_byte_gpte) { WARN_ON_ONCE(role.level != PG_LEVEL_4K); role.quadrant = spte_index(sptep) & 1; } return role;"

HONEST = {
    "roles are compared as memory": _in(
        "is_root_usable", ("return role.word == sp->role.word;", "return !memcmp(&role, &sp->role, sizeof(role));")
    ),
    "a role is compared as memory and returned early": _in(
        "init_kvm_tdp_mmu",
        (
            "if (root_role.word == context->root_role.word)",
            "if (memcmp(&root_role, &context->root_role, sizeof(root_role)) == 0)",
        ),
    ),
    "a role is copied as memory": _in(
        "kvm_mmu_child_role", ("role = parent_sp->role;", "memcpy(&role, &parent_sp->role, sizeof(role));")
    ),
    "a role is set where it is declared": _in(
        "kvm_mmu_child_role",
        ("union kvm_mmu_page_role role; role = parent_sp->role;", "union kvm_mmu_page_role role = parent_sp->role;\n"),
    ),
    "a tail is turned round": _in(
        "kvm_mmu_child_role",
        (
            _ROLE_TAIL,
            "if (!role.has_4_byte_gpte)\n\t\treturn role;\n\n\tWARN_ON_ONCE(role.level != PG_LEVEL_4K);\n"
            "\trole.quadrant = spte_index(sptep) % 2;\n\treturn role;",
        ),
    ),
    "the bits of an access come from a helper": _in(
        "make_spte",
        (_ACCESSES, "spte |= spte_access_bits(pte_access);"),
        file=SPTE_C,
        also=(put_before("bool make_spte(", _HELPER % "ACC_USER_EXEC_MASK", SPTE_C),),
    ),
    "the order of two tests of a level is changed": _in(
        "make_spte",
        (
            "if (level > PG_LEVEL_4K) spte |= PT_PAGE_SIZE_MASK; if (kvm_x86_ops.get_mt_mask) spte |= "
            "kvm_x86_call(get_mt_mask)(vcpu, gfn, kvm_is_mmio_pfn(pfn, &is_host_mmio));",
            "if (kvm_x86_ops.get_mt_mask)\n\t\tspte |= kvm_x86_call(get_mt_mask)(vcpu, gfn,\n"
            "\t\t\t\t\t\t  kvm_is_mmio_pfn(pfn, &is_host_mmio));\n\n"
            "\tif (level > PG_LEVEL_4K)\n\t\tspte |= PT_PAGE_SIZE_MASK;",
        ),
        file=SPTE_C,
    ),
    "the size bit is a factor": _in(
        "make_spte",
        ("if (level > PG_LEVEL_4K) spte |= PT_PAGE_SIZE_MASK;", "spte |= PT_PAGE_SIZE_MASK * (level > PG_LEVEL_4K);"),
        file=SPTE_C,
    ),
    "bits are set with a mask of bits": _in(
        "make_nonleaf_spte",
        (
            "spte |= __pa(child_pt) | shadow_present_mask | PT_WRITABLE_MASK | PT_PRESENT_MASK "
            "/* or VMX_EPT_READABLE_MASK */ | shadow_user_mask | shadow_xs_mask | shadow_xu_mask | shadow_me_value;",
            "spte |= __pa(child_pt) | PT_WRITABLE_MASK | PT_PRESENT_MASK;\n\tspte |= shadow_me_value | shadow_present_mask;\n"
            "\tspte |= shadow_xu_mask | shadow_xs_mask | shadow_user_mask;",
        ),
        file=SPTE_C,
    ),
    "reserved bits come in a loop": _in(
        "__reset_rsvds_bits_mask_ept",
        (
            "fmt->rsvd_bits_mask[0][4] = high_bits_rsvd | rsvd_bits(3, 7); "
            "fmt->rsvd_bits_mask[0][3] = high_bits_rsvd | rsvd_bits(3, 7);",
            "for (i = 4; i >= 3; i--)\n\t\tfmt->rsvd_bits_mask[0][i] = high_bits_rsvd | rsvd_bits(3, 7);",
        ),
        ("u64 bad_mt_xwr;", "u64 bad_mt_xwr;\n\tint i;"),
    ),
    "reserved bits of large pages are copied as memory": _in(
        "__reset_rsvds_bits_mask_ept",
        (
            "/* large page */ fmt->rsvd_bits_mask[1][4] = fmt->rsvd_bits_mask[0][4]; "
            "fmt->rsvd_bits_mask[1][3] = fmt->rsvd_bits_mask[0][3];",
            "/* large page */\n\tmemcpy(&fmt->rsvd_bits_mask[1][3], &fmt->rsvd_bits_mask[0][3],\n"
            "\t       2 * sizeof(u64));",
        ),
    ),
    "a fault's level is checked by a switch": _in(
        "kvm_mmu_hugepage_adjust",
        (
            "if (fault->req_level == PG_LEVEL_4K || fault->huge_page_disallowed) return;",
            "switch (fault->req_level) {\n\tcase PG_LEVEL_4K:\n\t\treturn;\n\tdefault:\n"
            "\t\tif (fault->huge_page_disallowed)\n\t\t\treturn;\n\t}",
        ),
    ),
    "three early returns are one": _in(
        "kvm_mmu_hugepage_adjust",
        (
            "if (unlikely(fault->max_level == PG_LEVEL_4K)) return; if (is_error_noslot_pfn(fault->pfn)) return; "
            "if (kvm_slot_dirty_track_enabled(slot)) return;",
            "if (unlikely(fault->max_level == PG_LEVEL_4K) ||\n\t    is_error_noslot_pfn(fault->pfn) ||\n"
            "\t    kvm_slot_dirty_track_enabled(slot))\n\t\treturn;",
        ),
    ),
    "a mask is the difference of powers": _in(
        "disallowed_hugepage_adjust",
        (
            "u64 page_mask = KVM_PAGES_PER_HPAGE(cur_level) - KVM_PAGES_PER_HPAGE(cur_level - 1);",
            "u64 page_mask = GENMASK_ULL(cur_level * 9 - 10, cur_level * 9 - 18);",
        ),
    ),
    "a condition of five is nested": _in(
        "disallowed_hugepage_adjust",
        (
            "if (cur_level > PG_LEVEL_4K && cur_level == fault->goal_level && is_shadow_present_pte(spte) &&",
            "if (cur_level <= PG_LEVEL_4K || cur_level != fault->goal_level)\n\t\treturn;\n\n\tif (is_shadow_present_pte(spte) &&",
        ),
    ),
    "a level is the smaller of two": _in(
        "kvm_mmu_get_tdp_level",
        (
            "if (max_tdp_level == 5 && maxpa <= 48) return 4; return max_tdp_level;",
            "return max_tdp_level == 5 && maxpa <= 48 ? min(max_tdp_level, 4) : max_tdp_level;",
        ),
    ),
    "an address is chosen by a conditional expression": _in(
        "kvm_mmu_get_tdp_level",
        (
            "if (vcpu->kvm->arch.vm_type == KVM_X86_TDX_VM) maxpa = cpuid_query_maxguestphyaddr(vcpu); else maxpa = cpuid_maxphyaddr(vcpu);",
            "maxpa = vcpu->kvm->arch.vm_type == KVM_X86_TDX_VM ?\n\t\tcpuid_query_maxguestphyaddr(vcpu) : cpuid_maxphyaddr(vcpu);",
        ),
    ),
    "a generation is compared by its difference": _in(
        "check_mmio_spte",
        (
            "kvm_gen = gen & MMIO_SPTE_GEN_MASK; spte_gen = get_mmio_spte_generation(spte);",
            "spte_gen = get_mmio_spte_generation(spte);\n\tkvm_gen = gen & MMIO_SPTE_GEN_MASK;",
        ),
        ("return likely(kvm_gen == spte_gen);", "return !(kvm_gen - spte_gen);"),
    ),
    "an obsolete root is asked in two steps": _in(
        "is_obsolete_root",
        ("return !sp || is_obsolete_sp(kvm, sp);", "if (!sp)\n\t\treturn true;\n\n\treturn is_obsolete_sp(kvm, sp);"),
    ),
    "a slot and its table are looked up by a helper": Refactor(
        edits=(
            put_before(
                "static void unaccount_shadowed(",
                "static struct kvm_memory_slot *sp_to_slot(struct kvm *kvm, struct kvm_mmu_page *sp)\n{\n"
                "\treturn __gfn_to_memslot(kvm_memslots_for_spte_role(kvm, sp->role), sp->gfn);\n}\n\n",
                MMU_C,
            ),
            said("struct kvm_memslots *slots;", "", MMU_C, "unaccount_shadowed"),
            said(
                "slots = kvm_memslots_for_spte_role(kvm, sp->role); slot = __gfn_to_memslot(slots, gfn);",
                "slot = sp_to_slot(kvm, sp);",
                MMU_C,
                "unaccount_shadowed",
            ),
        ),
        functions=("unaccount_shadowed",),
        trees=("7.3",),
    ),
    "a walk's start is set in a struct": _in(
        "shadow_walk_init_using_root",
        (
            "iterator->addr = addr; iterator->shadow_addr = root;",
            "*iterator = (struct kvm_shadow_walk_iterator) {\n\t\t.addr = addr, .shadow_addr = root,\n"
            "\t\t.sptep = iterator->sptep, .level = iterator->level, .index = iterator->index,\n\t};",
        ),
    ),
    "an assignment and a mask are one": _in(
        "shadow_walk_init_using_root",
        (
            "iterator->shadow_addr = vcpu->arch.mmu->pae_root[(addr >> 30) & 3]; iterator->shadow_addr &= SPTE_BASE_ADDR_MASK;",
            "iterator->shadow_addr = vcpu->arch.mmu->pae_root[(addr >> 30) % 4] & SPTE_BASE_ADDR_MASK;",
        ),
    ),
    "a pointer to a page is const": Refactor(
        edits=(said("static bool is_unsync_root(hpa_t root)", "static bool is_unsync_root(const hpa_t root)", MMU_C),),
        functions=("is_unsync_root",),
        trees=("7.3",),
    ),
    "a lock is a guard of its scope": _in(
        "kvm_mmu_zap_all_fast",
        (
            "write_lock(&kvm->mmu_lock); __kvm_mmu_zap_all_fast_front_half(kvm); write_unlock(&kvm->mmu_lock);",
            "scoped_guard(write_lock, &kvm->mmu_lock)\n\t\t__kvm_mmu_zap_all_fast_front_half(kvm);",
        ),
    ),
    "a guard takes the place of two unlocks": _in(
        "kvm_mmu_zap_all_fast",
        (
            "write_lock(&kvm->mmu_lock); __kvm_mmu_zap_all_fast_front_half(kvm); write_unlock(&kvm->mmu_lock);",
            "{\n\t\tguard(write_lock)(&kvm->mmu_lock);\n\t\t__kvm_mmu_zap_all_fast_front_half(kvm);\n\t}",
        ),
    ),
    "a comparison of writable bits is a word": _in(
        "fast_pf_fix_direct_spte",
        (
            "if (is_writable_pte(new_spte) && !is_writable_pte(old_spte))",
            "if ((new_spte & ~old_spte) & PT_WRITABLE_MASK)",
        ),
    ),
    "a flag is collected with bits": _in(
        "kvm_mmu_hugepage_adjust",
        (
            "fault->huge_page_disallowed = fault->exec && fault->nx_huge_page_workaround_enabled;",
            "fault->huge_page_disallowed = fault->exec & fault->nx_huge_page_workaround_enabled;",
        ),
    ),
    "set and clear are chosen in one if": _in(
        "change_spte_executable",
        (
            "if (shadow_nx_mask) set = (access & ACC_EXEC_MASK) ? 0 : shadow_nx_mask; else set = "
            "(access & ACC_EXEC_MASK ? shadow_xs_mask : 0) | (access & ACC_USER_EXEC_MASK ? shadow_xu_mask : 0); "
            "clear = set ^ (shadow_nx_mask | shadow_xs_mask | shadow_xu_mask);",
            "clear = shadow_nx_mask | shadow_xs_mask | shadow_xu_mask;\n\tset = 0;\n\tif (shadow_nx_mask) {\n"
            "\t\tif (!(access & ACC_EXEC_MASK))\n\t\t\tset = shadow_nx_mask;\n\t} else {\n"
            "\t\tif (access & ACC_EXEC_MASK)\n\t\t\tset = shadow_xs_mask;\n"
            "\t\tif (access & ACC_USER_EXEC_MASK)\n\t\t\tset |= shadow_xu_mask;\n\t}\n\tclear &= ~set;",
        ),
        file=SPTE_C,
    ),
    "a pair of clauses is swapped": _in(
        "kvm_is_mmio_pfn",
        (
            "if (*is_host_mmio < 0) *is_host_mmio = __kvm_is_mmio_pfn(pfn); return *is_host_mmio;",
            "if (*is_host_mmio >= 0)\n\t\treturn *is_host_mmio;\n\n\treturn *is_host_mmio = __kvm_is_mmio_pfn(pfn);",
        ),
        file=SPTE_C,
    ),
}
"""Nothing changes in what the code does."""

DISHONEST = {
    "roles are compared in their first two bytes": _in(
        "is_root_usable", ("return role.word == sp->role.word;", "return !memcmp(&role, &sp->role, 2);")
    ),
    "a guard ends with its block": _in(
        "kvm_mmu_zap_all_fast",
        (
            "write_lock(&kvm->mmu_lock); __kvm_mmu_zap_all_fast_front_half(kvm); write_unlock(&kvm->mmu_lock);",
            "{\n\t\tguard(write_lock)(&kvm->mmu_lock);\n\t}\n\t__kvm_mmu_zap_all_fast_front_half(kvm);",
        ),
    ),
    "a guard holds a lock to the end of the function": _in(
        "kvm_mmu_zap_all_fast",
        (
            "write_lock(&kvm->mmu_lock); __kvm_mmu_zap_all_fast_front_half(kvm); write_unlock(&kvm->mmu_lock);",
            "guard(write_lock)(&kvm->mmu_lock);\n\t__kvm_mmu_zap_all_fast_front_half(kvm);",
        ),
    ),
    "roles that are compared as memory differ": _in(
        "is_root_usable", ("return role.word == sp->role.word;", "return memcmp(&role, &sp->role, sizeof(role));")
    ),
    "half a role is copied": _in(
        "kvm_mmu_child_role",
        (
            "union kvm_mmu_page_role role; role = parent_sp->role;",
            "union kvm_mmu_page_role role = {};\n\n\tmemcpy(&role, &parent_sp->role, 2);",
        ),
    ),
    "a helper gives users what supervisors may execute": _in(
        "make_spte",
        (_ACCESSES, "spte |= spte_access_bits(pte_access);"),
        file=SPTE_C,
        also=(put_before("bool make_spte(", _HELPER % "ACC_EXEC_MASK", SPTE_C),),
    ),
    "a tail is turned round and the quadrant lost": _in(
        "kvm_mmu_child_role",
        (
            _ROLE_TAIL,
            "if (role.has_4_byte_gpte)\n\t\treturn role;\n\n\trole.quadrant = spte_index(sptep) & 1;\n\treturn role;",
        ),
    ),
    "a loop over reserved bits ends early": _in(
        "__reset_rsvds_bits_mask_ept",
        (
            "fmt->rsvd_bits_mask[0][4] = high_bits_rsvd | rsvd_bits(3, 7); "
            "fmt->rsvd_bits_mask[0][3] = high_bits_rsvd | rsvd_bits(3, 7);",
            "for (i = 4; i > 3; i--)\n\t\tfmt->rsvd_bits_mask[0][i] = high_bits_rsvd | rsvd_bits(3, 7);",
        ),
        ("u64 bad_mt_xwr;", "u64 bad_mt_xwr;\n\tint i;"),
    ),
    "one entry too few is copied": _in(
        "__reset_rsvds_bits_mask_ept",
        (
            "/* large page */ fmt->rsvd_bits_mask[1][4] = fmt->rsvd_bits_mask[0][4]; "
            "fmt->rsvd_bits_mask[1][3] = fmt->rsvd_bits_mask[0][3];",
            "memcpy(&fmt->rsvd_bits_mask[1][3], &fmt->rsvd_bits_mask[0][3],\n\t       sizeof(u64));",
        ),
    ),
    "a mask is one bit short": _in(
        "disallowed_hugepage_adjust",
        (
            "u64 page_mask = KVM_PAGES_PER_HPAGE(cur_level) - KVM_PAGES_PER_HPAGE(cur_level - 1);",
            "u64 page_mask = GENMASK_ULL(cur_level * 9 - 11, cur_level * 9 - 18);",
        ),
    ),
    "early returns are joined by and": _in(
        "kvm_mmu_hugepage_adjust",
        (
            "if (is_error_noslot_pfn(fault->pfn)) return; if (kvm_slot_dirty_track_enabled(slot)) return;",
            "if (is_error_noslot_pfn(fault->pfn) && kvm_slot_dirty_track_enabled(slot))\n\t\treturn;",
        ),
    ),
    "a word of writable bits is the wrong way round": _in(
        "fast_pf_fix_direct_spte",
        (
            "if (is_writable_pte(new_spte) && !is_writable_pte(old_spte))",
            "if ((old_spte & ~new_spte) & PT_WRITABLE_MASK)",
        ),
    ),
    "what is cleared is what is not set": _in(
        "change_spte_executable",
        (
            "clear = set ^ (shadow_nx_mask | shadow_xs_mask | shadow_xu_mask);",
            "clear = (shadow_nx_mask | shadow_xs_mask) & ~set;",
        ),
        file=SPTE_C,
    ),
    "a cached answer is a truth value": _in(
        "kvm_is_mmio_pfn", ("if (*is_host_mmio < 0)", "if (*is_host_mmio <= 0)"), file=SPTE_C
    ),
    "a struct forgets a member": _in(
        "shadow_walk_init_using_root",
        (
            "iterator->addr = addr; iterator->shadow_addr = root;",
            "*iterator = (struct kvm_shadow_walk_iterator) {\n\t\t.addr = addr, .shadow_addr = root,\n\t};",
        ),
    ),
    "no root is fresh": _in(
        "is_obsolete_root", ("return !sp || is_obsolete_sp(kvm, sp);", "return sp && is_obsolete_sp(kvm, sp);")
    ),
}
"""One mistake in each: the function differs."""
