"""Small honest refactors, in the styles of maintainers, and twins of them with one mistake: `diff` has to tell them apart.

Each touches a function or two; whatever calls these has changed as well, and is judged with them.
"""

from __future__ import annotations

import re

from tests.refactors.refactor import KVM, MMU_C, SPTE_C, SPTE_H, TDP_C, Edit, Refactor, edit

TDP_ITER_H, TDP_ITER_C = f"{KVM}/mmu/tdp_iter.h", f"{KVM}/mmu/tdp_iter.c"


def said(old: str, new: str, file: str, inside: str = "") -> Edit:
    """Replace a text as it stands; a line break may have any white space around it."""
    pattern = r"\s+".join(re.escape(part) for part in old.split())
    return edit(pattern, new.replace("\\", r"\\"), file, inside=inside)


def put_before(line: str, text: str, file: str) -> Edit:
    """Put a definition before a line that begins as told."""
    return edit(f"^(?={re.escape(line)})", text.replace("\\", r"\\"), file)


def in_one(
    function: str,
    *edits: tuple[str, str],
    file: str = MMU_C,
    trees: tuple[str, ...] = ("7.2", "7.3"),
    also: tuple[Edit, ...] = (),
) -> Refactor:
    """A refactor inside of one function, and what it takes outside."""
    made = (*also, *(said(*each, file, function) for each in edits))
    return Refactor(edits=made, functions=(function,), trees=trees)


HONEST = {
    # -- levels ----------------------------------------------------------------------------------
    "a huge page is one that is not small": in_one(
        "make_spte", ("level > PG_LEVEL_4K", "level != PG_LEVEL_4K"), file=SPTE_C
    ),
    "a huge page is one of 2M at least": in_one(
        "mmu_set_spte", ("level > PG_LEVEL_4K && !is_large_pte", "level >= PG_LEVEL_2M && !is_large_pte")
    ),
    "the last level is one that is not above it": in_one(
        "detect_write_flooding", ("sp->role.level == PG_LEVEL_4K", "!(sp->role.level > PG_LEVEL_4K)")
    ),
    "a level of a role is below 2M": in_one(
        "make_small_spte", ("role.level == PG_LEVEL_4K", "role.level < PG_LEVEL_2M"), file=SPTE_C
    ),
    "an assertion on a level is an order": in_one(
        "__link_shadow_page", ("parent_sp->role.level == PG_LEVEL_4K", "parent_sp->role.level < PG_LEVEL_2M")
    ),
    "a level is taken into a variable": in_one(
        "kvm_mmu_page_get_gfn",
        (
            "return sp->gfn + (index << ((sp->role.level - 1) * SPTE_LEVEL_BITS));",
            "int shift = sp->role.level * SPTE_LEVEL_BITS - SPTE_LEVEL_BITS;\n\n\treturn sp->gfn + (index << shift);",
        ),
    ),
    "a level is taken down by one": in_one(
        "kvm_mmu_child_role", ("role.level--;", "role.level = parent_sp->role.level - 1;")
    ),
    "the level of a fault is compared otherwise": in_one(
        "disallowed_hugepage_adjust", ("cur_level > PG_LEVEL_4K &&", "cur_level != PG_LEVEL_4K &&")
    ),
    "a walk that is over has no level": in_one(
        "shadow_walk_okay", ("iterator->level < PG_LEVEL_4K", "!iterator->level")
    ),
    "a root is above three levels": in_one(
        "mmu_alloc_direct_roots", ("shadow_root_level >= PT64_ROOT_4LEVEL", "shadow_root_level > PT32E_ROOT_LEVEL")
    ),
    "a level is rounded by a helper": Refactor(
        edits=(
            put_before(
                "u64 make_huge_spte(",
                "static u64 huge_address(u64 spte, int level)\n{\n\treturn spte & (KVM_HPAGE_MASK(level) | ~PAGE_MASK);\n}\n\n",
                SPTE_C,
            ),
            said(
                "huge_spte &= KVM_HPAGE_MASK(level) | ~PAGE_MASK;",
                "huge_spte = huge_address(huge_spte, level);",
                SPTE_C,
                "make_huge_spte",
            ),
        ),
        functions=("make_huge_spte",),
    ),
    # -- early returns ---------------------------------------------------------------------------
    "a return is turned round": in_one(
        "sp_has_gptes",
        (
            "if (sp->role.direct) return false; if (sp->role.passthrough) return false; return true;",
            "return !sp->role.direct && !sp->role.passthrough;",
        ),
    ),
    "two returns become De Morgan's": in_one(
        "page_fault_handle_page_track",
        (
            "if (!fault->present || !fault->write) return false;",
            "if (!(fault->present && fault->write))\n\t\treturn false;",
        ),
    ),
    "a last if becomes its condition": Refactor(
        edits=(
            said(
                "if (sp->unsync || sp->unsync_children) return true; return false;",
                "return sp->unsync || sp->unsync_children;",
                MMU_C,
                "is_unsync_root",
            ),
        ),
        # Its caller looks for the same page again, on one way of several.
        functions=("is_unsync_root", "kvm_mmu_sync_roots"),
    ),
    "the good case is nested": in_one(
        "kvm_mmu_available_pages",
        (
            "if (kvm->arch.n_max_mmu_pages > kvm->stat.mmu_shadow_pages) return kvm->arch.n_max_mmu_pages - "
            "kvm->stat.mmu_shadow_pages; return 0;",
            "if (kvm->arch.n_max_mmu_pages <= kvm->stat.mmu_shadow_pages)\n\t\treturn 0;\n\n"
            "\treturn kvm->arch.n_max_mmu_pages - kvm->stat.mmu_shadow_pages;",
        ),
    ),
    "a return in the middle is turned round": in_one(
        "page_fault_can_be_fast",
        ("if (!fault->present) return !kvm_ad_enabled;", "if (fault->present)\n\t\treturn fault->write;\n"),
        ("return fault->write; }", "return !kvm_ad_enabled;\n}"),
    ),
    "an else takes the place of a return": in_one(
        "__shadow_walk_next",
        (
            "iterator->level = 0; return; } iterator->shadow_addr = spte & SPTE_BASE_ADDR_MASK; --iterator->level; }",
            "iterator->level = 0;\n\t} else {\n\t\titerator->shadow_addr = spte & SPTE_BASE_ADDR_MASK;\n\t\t--iterator->level;\n\t}\n}",
        ),
    ),
    "an if-chain ends in a variable": in_one(
        "kvm_max_level_for_order",
        ("return PG_LEVEL_4K; }", "else\n\t\treturn PG_LEVEL_4K;\n}"),
        ("if (order >= KVM_HPAGE_GFN_SHIFT(PG_LEVEL_2M))", "else if (order >= KVM_HPAGE_GFN_SHIFT(PG_LEVEL_2M))"),
    ),
    "a goto out becomes a return": in_one(
        "is_obsolete_sp",
        ("if (sp->role.invalid) return true;", "bool obsolete = true;\n\n\tif (sp->role.invalid)\n\t\tgoto out;"),
        ("return !is_tdp_mmu_page(sp) &&", "obsolete = !is_tdp_mmu_page(sp) &&"),
        ("kvm->arch.mmu_valid_gen); }", "kvm->arch.mmu_valid_gen);\nout:\n\treturn obsolete;\n}"),
    ),
    "a nested if is one condition": in_one(
        "kvm_gfn_is_lpage_allowed",
        (
            "if (other_slot && lpage_info_slot(gfn, other_slot, level)->disallow_lpage) return false;",
            "if (!other_slot)\n\t\t\treturn true;\n\t\treturn !lpage_info_slot(gfn, other_slot, level)->disallow_lpage;",
        ),
    ),
    # -- conditions ------------------------------------------------------------------------------
    "a conjunction is two ifs": in_one(
        "spte_write_protect",
        (
            "if (!is_writable_pte(spte) && !(pt_protect && is_mmu_writable_spte(spte))) return false;",
            "if (!is_writable_pte(spte) && !pt_protect)\n\t\treturn false;\n"
            "\tif (!is_writable_pte(spte) && !is_mmu_writable_spte(spte))\n\t\treturn false;",
        ),
    ),
    "two conditions are in the other order": in_one(
        "gfn_to_memslot_dirty_bitmap",
        ("no_dirty_log && kvm_slot_dirty_track_enabled(slot)", "kvm_slot_dirty_track_enabled(slot) && no_dirty_log"),
    ),
    "two ifs are one": in_one(
        "gfn_to_memslot_dirty_bitmap",
        (
            "if (!slot || slot->flags & KVM_MEMSLOT_INVALID) return NULL; if (no_dirty_log && kvm_slot_dirty_track_enabled(slot)) return NULL;",
            "if (!slot || (slot->flags & KVM_MEMSLOT_INVALID) ||\n\t    (no_dirty_log && kvm_slot_dirty_track_enabled(slot)))\n\t\treturn NULL;",
        ),
    ),
    "a mask is tested bit by bit": in_one(
        "is_write_to_guest_page_table", ("return (error_code & mask) == mask;", "return !(~error_code & mask);")
    ),
    "two flags are compared": in_one(
        "leaf_spte_change_needs_tlb_flush",
        (
            "return is_mmu_writable_spte(old_spte) && !is_mmu_writable_spte(new_spte);",
            "return is_mmu_writable_spte(old_spte) > is_mmu_writable_spte(new_spte);",
        ),
        file=SPTE_H,
    ),
    "a comparison with zero is a negation": in_one(
        "is_access_track_spte", ("(spte & shadow_acc_track_mask) == 0", "!(spte & shadow_acc_track_mask)"), file=SPTE_H
    ),
    "a negation is taken away": in_one(
        "mmu_spte_update",
        (
            "if (!spte_needs_atomic_update(old_spte)) __update_clear_spte_fast(sptep, new_spte); else old_spte = "
            "__update_clear_spte_slow(sptep, new_spte);",
            "if (spte_needs_atomic_update(old_spte))\n\t\told_spte = __update_clear_spte_slow(sptep, new_spte);\n"
            "\telse\n\t\t__update_clear_spte_fast(sptep, new_spte);",
        ),
    ),
    "a disjunction is negated": in_one(
        "kvm_tdp_mmu_spte_need_atomic_update",
        (
            "return is_shadow_present_pte(old_spte) && is_last_spte(old_spte, level) && spte_needs_atomic_update(old_spte);",
            "if (!is_shadow_present_pte(old_spte) || !is_last_spte(old_spte, level))\n\t\treturn false;\n\n"
            "\treturn spte_needs_atomic_update(old_spte);",
        ),
        file=TDP_ITER_H,
    ),
    "a condition is stated once": in_one(
        "modify_spte_protections",
        (
            "if (is_access_track) spte = mark_spte_for_access_track(spte); return spte;",
            "return is_access_track ? mark_spte_for_access_track(spte) : spte;",
        ),
        file=SPTE_C,
    ),
    "an offset is compared otherwise": in_one(
        "detect_write_misaligned",
        (
            "misaligned = (offset ^ (offset + bytes - 1)) & ~(pte_size - 1); misaligned |= bytes < 4; return misaligned;",
            "misaligned = (offset ^ (offset + bytes - 1)) & ~(pte_size - 1);\n\n\treturn misaligned || bytes < 4;",
        ),
    ),
    # -- expressions -----------------------------------------------------------------------------
    "an if becomes a conditional expression": in_one(
        "make_nonleaf_spte",
        (
            "if (ad_disabled) spte |= SPTE_TDP_AD_DISABLED; else spte |= shadow_accessed_mask;",
            "spte |= ad_disabled ? SPTE_TDP_AD_DISABLED : shadow_accessed_mask;",
        ),
        file=SPTE_C,
    ),
    "a conditional expression becomes an if": in_one(
        "nx_huge_pages_to_zap",
        (
            "return ratio ? DIV_ROUND_UP(pages, ratio) : 0;",
            "if (!ratio)\n\t\treturn 0;\n\n\treturn DIV_ROUND_UP(pages, ratio);",
        ),
    ),
    "shifts are taken apart": in_one(
        "get_mmio_spte_gfn",
        (
            "gpa |= (spte >> SHADOW_NONPRESENT_OR_RSVD_MASK_LEN) & shadow_nonpresent_or_rsvd_mask;",
            "spte >>= SHADOW_NONPRESENT_OR_RSVD_MASK_LEN;\n\tgpa |= spte & shadow_nonpresent_or_rsvd_mask;",
        ),
    ),
    "two clears are one": in_one(
        "restore_acc_track_spte",
        (
            "spte &= ~shadow_acc_track_mask; spte &= ~(SHADOW_ACC_TRACK_SAVED_BITS_MASK << SHADOW_ACC_TRACK_SAVED_BITS_SHIFT);",
            "spte &= ~(shadow_acc_track_mask |\n\t\t  (SHADOW_ACC_TRACK_SAVED_BITS_MASK << SHADOW_ACC_TRACK_SAVED_BITS_SHIFT));",
        ),
        file=SPTE_H,
    ),
    "two parts of a number are one expression": in_one(
        "get_mmio_spte_generation",
        (
            "gen = (spte & MMIO_SPTE_GEN_LOW_MASK) >> MMIO_SPTE_GEN_LOW_SHIFT; gen |= (spte & MMIO_SPTE_GEN_HIGH_MASK) >> "
            "MMIO_SPTE_GEN_HIGH_SHIFT; return gen;",
            "gen = ((spte & MMIO_SPTE_GEN_LOW_MASK) >> MMIO_SPTE_GEN_LOW_SHIFT) +\n"
            "\t      ((spte & MMIO_SPTE_GEN_HIGH_MASK) >> MMIO_SPTE_GEN_HIGH_SHIFT);\n\treturn gen;",
        ),
        file=SPTE_H,
    ),
    "a number is set where it is declared": in_one(
        "make_huge_spte",
        ("u64 huge_spte;", "u64 huge_spte = small_spte | PT_PAGE_SIZE_MASK;"),
        ("huge_spte = small_spte | PT_PAGE_SIZE_MASK; /*", "/*"),
        file=SPTE_C,
    ),
    "a bit is tested with a macro": in_one(
        "get_rsvd_bits", ("int bit7 = (pte >> 7) & 1;", "int bit7 = !!(pte & BIT_ULL(7));"), file=SPTE_H
    ),
    "an index is computed by a quotient": in_one(
        "get_written_sptes",
        ("spte = &sp->spt[page_offset / sizeof(*spte)]; return spte;", "return &sp->spt[page_offset / sizeof(u64)];"),
    ),
    "a product is a shift": in_one("get_written_sptes", ("page_offset <<= 1; /* 32->64 */", "page_offset *= 2;")),
    "a truth value is a comparison": in_one(
        "is_accessed_spte",
        ("return spte & shadow_accessed_mask;", "return (spte & shadow_accessed_mask) != 0;"),
        file=SPTE_H,
    ),
    "a double negation is dropped": in_one(
        "is_shadow_present_pte",
        ("return !!(pte & SPTE_MMU_PRESENT_MASK);", "return pte & SPTE_MMU_PRESENT_MASK;"),
        file=SPTE_H,
    ),
    "bits are added and not ored": in_one(
        "kvm_calc_cpu_role",
        (
            "role.base.smap_andnot_wp = ____is_cr4_smap(regs) && !____is_cr0_wp(regs);",
            "role.base.smap_andnot_wp = role.base.cr0_wp ? 0 : ____is_cr4_smap(regs);",
        ),
    ),
    "a pair of bits is one word": in_one(
        "spte_permission_fault",
        (
            "pte_access |= spte & shadow_xs_mask ? ACC_EXEC_MASK : 0;",
            "if (spte & shadow_xs_mask)\n\t\t\tpte_access |= ACC_EXEC_MASK;",
        ),
        file=SPTE_H,
        trees=("7.3",),
    ),
    # -- names and types -------------------------------------------------------------------------
    "a local has another name": Refactor(
        edits=(edit(r"\bpage_offset\b", "offset", MMU_C, inside="get_written_sptes"),), functions=("get_written_sptes",)
    ),
    "a local is narrower": in_one("mmu_set_spte", ("int was_rmapped = 0;", "bool was_rmapped = false;")),
    "a level is unsigned": in_one("get_written_sptes", ("int level;", "u8 level;")),
    "a number becomes a truth value": in_one(
        "kvm_mmu_zap_collapsible_spte", ("int need_tlb_flush = 0;", "bool need_tlb_flush = false;")
    ),
    "a parameter is const": Refactor(
        edits=(
            said(
                "static bool sp_has_gptes(struct kvm_mmu_page *sp)",
                "static bool sp_has_gptes(const struct kvm_mmu_page *sp)",
                MMU_C,
            ),
        ),
        functions=("sp_has_gptes",),
    ),
    "a result is a number and no truth value": Refactor(
        edits=(said("static inline bool need_topup(", "static inline int need_topup(", MMU_C),),
        functions=("need_topup",),
    ),
    "a repeated expression is a variable": in_one(
        "kvm_handle_error_pfn",
        ("if (is_sigpending_pfn(fault->pfn)) {", "kvm_pfn_t pfn = fault->pfn;\n\n\tif (is_sigpending_pfn(pfn)) {"),
        ("fault->pfn == KVM_PFN_ERR_RO_FAULT", "pfn == KVM_PFN_ERR_RO_FAULT"),
        ("fault->pfn == KVM_PFN_ERR_HWPOISON", "pfn == KVM_PFN_ERR_HWPOISON"),
    ),
    "a variable is used up": in_one(
        "make_mmio_spte",
        ("u64 spte = generation_mmio_spte_mask(gen);", ""),
        (
            "access &= shadow_mmio_access_mask;",
            "u64 spte = generation_mmio_spte_mask(gen);\n\n\taccess &= shadow_mmio_access_mask;",
        ),
        file=SPTE_C,
    ),
    # -- helpers ---------------------------------------------------------------------------------
    "a helper is pulled out": Refactor(
        edits=(
            put_before(
                "u64 make_small_spte(",
                "static u64 small_spte_offset(union kvm_mmu_page_role role, int index)\n{\n"
                "\treturn (u64)(index * KVM_PAGES_PER_HPAGE(role.level)) << PAGE_SHIFT;\n}\n\n",
                SPTE_C,
            ),
            said(
                "child_spte |= (index * KVM_PAGES_PER_HPAGE(role.level)) << PAGE_SHIFT;",
                "child_spte |= small_spte_offset(role, index);",
                SPTE_C,
                "make_small_spte",
            ),
        ),
        functions=("make_small_spte",),
    ),
    "a helper takes a condition": Refactor(
        edits=(
            put_before(
                "static int handle_mmio_page_fault(",
                "static bool mmio_spte_is_stale(struct kvm_vcpu *vcpu, u64 spte)\n{\n\treturn !check_mmio_spte(vcpu, spte);\n}\n\n",
                MMU_C,
            ),
            said("!check_mmio_spte(vcpu, spte)", "mmio_spte_is_stale(vcpu, spte)", MMU_C, "handle_mmio_page_fault"),
        ),
        functions=("handle_mmio_page_fault",),
    ),
    "a helper is folded in": Refactor(
        edits=(
            said(
                "__clear_sp_write_flooding_count(sptep_to_sp(spte));",
                "atomic_set(&sptep_to_sp(spte)->write_flooding_count, 0);",
                MMU_C,
                "clear_sp_write_flooding_count",
            ),
        ),
        functions=("clear_sp_write_flooding_count",),
    ),
    "a helper stands for a test": in_one(
        "validate_direct_spte",
        (
            "if (is_shadow_present_pte(*sptep) && !is_large_pte(*sptep)) {",
            "if (is_shadow_present_pte(*sptep) && !is_last_spte(*sptep, PG_LEVEL_2M)) {",
        ),
    ),
    "an inline function becomes a macro": Refactor(
        edits=(
            edit(
                r"^static inline bool is_writable_pte\((?s:.*?)^\}\n",
                "#define is_writable_pte(pte)\t(!!((unsigned long)(pte) & PT_WRITABLE_MASK))\n",
                SPTE_H,
            ),
        ),
        functions=("spte_needs_atomic_update", "spte_write_protect"),
    ),
    "a constant gets a macro": Refactor(
        edits=(
            put_before("static bool detect_write_flooding(", "#define WRITE_FLOODING_LIMIT\t3\n\n", MMU_C),
            said(">= 3;", ">= WRITE_FLOODING_LIMIT;", MMU_C, "detect_write_flooding"),
        ),
        functions=("detect_write_flooding",),
    ),
    "a limit is compared strictly": in_one("detect_write_flooding", (">= 3;", "> 2;")),
    "a mask is a macro": Refactor(
        edits=(
            put_before("bool make_spte(", "#define HUGE_SPTE_EXEC_MASK\t(ACC_EXEC_MASK)\n\n", SPTE_C),
            said(
                "pte_access &= ~ACC_EXEC_MASK; if", "pte_access &= ~HUGE_SPTE_EXEC_MASK;\n\t\tif", SPTE_C, "make_spte"
            ),
        ),
        functions=("make_spte",),
    ),
    # -- order and loops -------------------------------------------------------------------------
    "independent statements change places": in_one(
        "kvm_handle_noslot_fault",
        (
            "fault->slot = NULL; fault->pfn = KVM_PFN_NOSLOT; fault->map_writable = false;",
            "fault->map_writable = false;\n\tfault->pfn = KVM_PFN_NOSLOT;\n\tfault->slot = NULL;",
        ),
    ),
    "assignments to a role change places": in_one(
        "kvm_calc_tdp_mmu_root_page_role",
        ("role.direct = true; role.has_4_byte_gpte = false;", "role.has_4_byte_gpte = false;\n\trole.direct = true;"),
    ),
    "a loop counts up": in_one(
        "update_gfn_disallow_lpage_count",
        (
            "for (i = PG_LEVEL_2M; i <= KVM_MAX_HUGEPAGE_LEVEL; ++i) {",
            "for (i = PG_LEVEL_2M; i < KVM_MAX_HUGEPAGE_LEVEL + 1; i++) {",
        ),
    ),
    "a for becomes a while": in_one(
        "kvm_mmu_max_mapping_level",
        (
            "for ( ; max_level > PG_LEVEL_4K; max_level--) { linfo = lpage_info_slot(gfn, slot, max_level); if "
            "(!linfo->disallow_lpage) break; }",
            "while (max_level > PG_LEVEL_4K) {\n\t\tlinfo = lpage_info_slot(gfn, slot, max_level);\n"
            "\t\tif (!linfo->disallow_lpage)\n\t\t\tbreak;\n\t\tmax_level--;\n\t}",
        ),
    ),
    "a walk is a while": in_one(
        "get_walk",
        (
            "for (shadow_walk_init(&iterator, vcpu, addr), *root_level = iterator.level; shadow_walk_okay(&iterator); "
            "__shadow_walk_next(&iterator, spte)) {",
            "shadow_walk_init(&iterator, vcpu, addr);\n\t*root_level = iterator.level;\n\n\twhile (shadow_walk_okay(&iterator)) {",
        ),
        ("sptes[leaf] = spte; }", "sptes[leaf] = spte;\n\t\t__shadow_walk_next(&iterator, spte);\n\t}"),
    ),
    "a loop is unrolled": in_one(
        "reset_tdp_shadow_zero_bits_mask",
        ("for (i = context->root_role.level; --i >= 0;) {", "for (i = context->root_role.level - 1; i >= 0; i--) {"),
    ),
    "the parameters of a static function change places": Refactor(
        edits=(
            edit(
                r"^static bool spte_write_protect\(u64 \*sptep, bool pt_protect\)",
                "static bool spte_write_protect(bool pt_protect, u64 *sptep)",
                MMU_C,
            ),
            edit(r"spte_write_protect\((\w+), (\w+)\);", r"spte_write_protect(\2, \1);", MMU_C),
        ),
        functions=("spte_write_protect", "rmap_write_protect"),
    ),
    "a parameter that is the same everywhere goes": Refactor(
        edits=(
            said(
                "static gfn_t get_mmio_spte_gfn(u64 spte)",
                "static inline gfn_t get_mmio_spte_gfn(const u64 spte)",
                MMU_C,
            ),
        ),
        functions=("get_mmio_spte_gfn",),
    ),
    # -- the TDP MMU -----------------------------------------------------------------------------
    "a level is stepped otherwise": in_one("try_step_down", ("iter->level--;", "iter->level -= 1;"), file=TDP_ITER_C),
    "a child is found otherwise": in_one(
        "spte_to_child_pt",
        (
            "if (!is_shadow_present_pte(spte) || is_last_spte(spte, level)) return NULL; return (tdp_ptep_t)__va(spte_to_pfn(spte) << PAGE_SHIFT);",
            "if (is_shadow_present_pte(spte) && !is_last_spte(spte, level))\n\t\treturn (tdp_ptep_t)__va(spte_to_pfn(spte) << PAGE_SHIFT);\n\n\treturn NULL;",
        ),
        file=TDP_ITER_C,
    ),
    "a level of the TDP MMU is compared otherwise": in_one(
        "is_last_spte",
        ("(level == PG_LEVEL_4K) || is_large_pte(pte)", "level <= PG_LEVEL_4K || is_large_pte(pte)"),
        file=SPTE_H,
    ),
    "the need of write protection is one expression": Refactor(
        edits=(
            edit(
                r"(?s)/\*.*?\*/\s*return (kvm_mmu_page_ad_need_write_protect\(kvm, sp\)) \|\| (!kvm_ad_enabled);",
                r"return \2 || \1;",
                TDP_C,
                inside="tdp_mmu_need_write_protect",
            ),
        ),
        functions=("tdp_mmu_need_write_protect",),
    ),
    "an SPTE is written in one place": in_one(
        "kvm_tdp_mmu_write_spte",
        (
            "if (kvm_tdp_mmu_spte_need_atomic_update(old_spte, level)) return kvm_tdp_mmu_write_spte_atomic(sptep, new_spte); "
            "__kvm_tdp_mmu_write_spte(sptep, new_spte); return old_spte;",
            "if (!kvm_tdp_mmu_spte_need_atomic_update(old_spte, level)) {\n\t\t__kvm_tdp_mmu_write_spte(sptep, new_spte);\n"
            "\t\treturn old_spte;\n\t}\n\n\treturn kvm_tdp_mmu_write_spte_atomic(sptep, new_spte);",
        ),
        file=TDP_ITER_H,
    ),
    # -- ways of writing that are less common ------------------------------------------------------
    "a bit is put in its place by a logarithm": in_one(
        "make_spte",
        (
            "if (level > PG_LEVEL_4K) spte |= PT_PAGE_SIZE_MASK;",
            "spte |= (u64)(level > PG_LEVEL_4K) << ilog2(PT_PAGE_SIZE_MASK);",
        ),
        file=SPTE_C,
    ),
    "a bit is tested in memory": in_one(
        "get_rsvd_bits", ("int bit7 = (pte >> 7) & 1;", "int bit7 = !!test_bit(7, (unsigned long *)&pte);"), file=SPTE_H
    ),
    "an if-chain is a switch on ranges": in_one(
        "kvm_max_level_for_order",
        (
            "if (order >= KVM_HPAGE_GFN_SHIFT(PG_LEVEL_1G)) return PG_LEVEL_1G; "
            "if (order >= KVM_HPAGE_GFN_SHIFT(PG_LEVEL_2M)) return PG_LEVEL_2M; return PG_LEVEL_4K;",
            "switch (order) {\n\tcase KVM_HPAGE_GFN_SHIFT(PG_LEVEL_1G) ... INT_MAX:\n\t\treturn PG_LEVEL_1G;\n"
            "\tcase KVM_HPAGE_GFN_SHIFT(PG_LEVEL_2M) ... KVM_HPAGE_GFN_SHIFT(PG_LEVEL_1G) - 1:\n"
            "\t\treturn PG_LEVEL_2M;\n\tdefault:\n\t\treturn PG_LEVEL_4K;\n\t}",
        ),
    ),
    "a branch becomes arithmetic on masks": in_one(
        "make_nonleaf_spte",
        (
            "if (ad_disabled) spte |= SPTE_TDP_AD_DISABLED; else spte |= shadow_accessed_mask;",
            "spte |= SPTE_TDP_AD_DISABLED & -(u64)ad_disabled;\n\tspte |= shadow_accessed_mask & ((u64)ad_disabled - 1);",
        ),
        file=SPTE_C,
    ),
    "two ifs are a table that is gone through": in_one(
        "make_spte",
        (
            "if (pte_access & ACC_EXEC_MASK) spte |= shadow_xs_mask; "
            "if (pte_access & ACC_USER_EXEC_MASK) spte |= shadow_xu_mask;",
            "const struct { unsigned int acc; u64 mask; } bits[] = {\n\t\t\t{ ACC_EXEC_MASK, shadow_xs_mask },\n"
            "\t\t\t{ ACC_USER_EXEC_MASK, shadow_xu_mask },\n\t\t};\n\t\tint i;\n\n"
            "\t\tfor (i = 0; i < ARRAY_SIZE(bits); i++)\n\t\t\tif (pte_access & bits[i].acc)\n"
            "\t\t\t\tspte |= bits[i].mask;",
        ),
        file=SPTE_C,
    ),
    "a shift is a division": in_one(
        "spte_to_pfn",
        ("(pte & SPTE_BASE_ADDR_MASK) >> PAGE_SHIFT", "(pte & SPTE_BASE_ADDR_MASK) / PAGE_SIZE"),
        file=SPTE_H,
    ),
    "returns go to one label": in_one(
        "is_root_usable",
        ("struct kvm_mmu_page *sp;", "struct kvm_mmu_page *sp;\n\tbool usable = false;"),
        ("if (!VALID_PAGE(root->hpa)) return false;", "if (!VALID_PAGE(root->hpa))\n\t\tgoto out;"),
        ("return role.word == sp->role.word;", "usable = !(role.word ^ sp->role.word);\nout:\n\treturn usable;"),
    ),
    "a condition is an expression of statements": in_one(
        "is_last_spte",
        (
            "return (level == PG_LEVEL_4K) || is_large_pte(pte);",
            "return ({ bool last = level == PG_LEVEL_4K; last |= is_large_pte(pte); last; });",
        ),
        file=SPTE_H,
    ),
    "a function is called through a pointer": in_one(
        "drop_spte",
        (
            "if (is_shadow_present_pte(old_spte)) rmap_remove(kvm, sptep);",
            "void (*drop)(struct kvm *, u64 *) = rmap_remove;\n\n\tif (is_shadow_present_pte(old_spte))\n"
            "\t\tdrop(kvm, sptep);",
        ),
    ),
    "members are set in another order through a pointer": in_one(
        "kvm_handle_noslot_fault",
        (
            "fault->slot = NULL; fault->pfn = KVM_PFN_NOSLOT; fault->map_writable = false;",
            "bool *writable = &fault->map_writable;\n\n\t*writable = false;\n\tfault->pfn = KVM_PFN_NOSLOT;\n"
            "\tfault->slot = NULL;",
        ),
    ),
}
"""Nothing changes in what the code does: no function is broken by any of them."""

OPEN = (
    "a root is above three levels",
    "a number becomes a truth value",
    "a loop counts up",
    "a for becomes a while",
    "a walk is a while",
    "a loop is unrolled",
    "the parameters of a static function change places",
)
"""Those of them of which a function is not compared: it has a loop whose end is not known, or writes other elements
of a table than the first."""

DISHONEST = {
    "a level from 2M on is one above it": in_one(
        "make_spte", ("if (level > PG_LEVEL_4K) spte", "if (level > PG_LEVEL_2M)\n\t\tspte"), file=SPTE_C
    ),
    "a level of a role is below 1G": in_one(
        "make_small_spte", ("role.level == PG_LEVEL_4K", "role.level < PG_LEVEL_1G"), file=SPTE_C
    ),
    "the last level is not looked at": in_one(
        "detect_write_flooding", ("sp->role.level == PG_LEVEL_4K", "sp->role.level < PG_LEVEL_4K")
    ),
    "an assertion on a level never fires": in_one(
        "__link_shadow_page", ("parent_sp->role.level == PG_LEVEL_4K", "parent_sp->role.level < PG_LEVEL_4K")
    ),
    "a walk does not end": in_one("shadow_walk_okay", ("if (iterator->level < PG_LEVEL_4K) return false;", "")),
    "five levels are used from 47 bits on": in_one("kvm_mmu_get_tdp_level", ("maxpa <= 48", "maxpa <= 47")),
    "a level that is forced is used always": in_one(
        "kvm_mmu_get_tdp_level", ("if (tdp_root_level) return tdp_root_level;", "return tdp_root_level;")
    ),
    "a level is taken down before it is read": in_one(
        "kvm_mmu_page_get_gfn", ("(sp->role.level - 1) * SPTE_LEVEL_BITS", "sp->role.level * SPTE_LEVEL_BITS")
    ),
    "a child has its parent's level": in_one("kvm_mmu_child_role", ("role.level--;", "")),
    "one return is forgotten": in_one(
        "sp_has_gptes",
        (
            "if (sp->role.direct) return false; if (sp->role.passthrough) return false; return true;",
            "return !(sp->role.direct && sp->role.passthrough);",
        ),
    ),
    "De Morgan is half done": in_one(
        "page_fault_handle_page_track",
        (
            "if (!fault->present || !fault->write) return false;",
            "if (!(fault->present || fault->write))\n\t\treturn false;",
        ),
    ),
    "a conjunction loses its brackets": in_one(
        "spte_write_protect",
        (
            "if (!is_writable_pte(spte) && !(pt_protect && is_mmu_writable_spte(spte))) return false;",
            "if (!is_writable_pte(spte) && !pt_protect && !is_mmu_writable_spte(spte))\n\t\treturn false;",
        ),
    ),
    "a mask is tested for any bit": in_one(
        "is_write_to_guest_page_table", ("return (error_code & mask) == mask;", "return error_code & mask;")
    ),
    "the flush looks the other way": in_one(
        "leaf_spte_change_needs_tlb_flush",
        (
            "return is_mmu_writable_spte(old_spte) && !is_mmu_writable_spte(new_spte);",
            "return is_mmu_writable_spte(old_spte) != is_mmu_writable_spte(new_spte);",
        ),
        file=SPTE_H,
    ),
    "the negation is taken away and the branches stay": in_one(
        "mmu_spte_update", ("if (!spte_needs_atomic_update(old_spte))", "if (spte_needs_atomic_update(old_spte))")
    ),
    "a conditional expression is turned round": in_one(
        "make_nonleaf_spte",
        (
            "if (ad_disabled) spte |= SPTE_TDP_AD_DISABLED; else spte |= shadow_accessed_mask;",
            "spte |= ad_disabled ? shadow_accessed_mask : SPTE_TDP_AD_DISABLED;",
        ),
        file=SPTE_C,
    ),
    "a truth value is narrower than its number": in_one("get_written_sptes", ("int level;", "bool level;")),
    "a number is cut off": in_one("get_mmio_spte_generation", ("u64 gen;", "u8 gen;"), file=SPTE_H),
    "a limit is off by one": in_one("detect_write_flooding", (">= 3;", "> 3;")),
    "a loop ends early": in_one(
        "update_gfn_disallow_lpage_count", ("i <= KVM_MAX_HUGEPAGE_LEVEL;", "i < KVM_MAX_HUGEPAGE_LEVEL;")
    ),
    "dependent statements change places": in_one(
        "try_step_side",
        (
            "iter->gfn += KVM_PAGES_PER_HPAGE(iter->level); iter->next_last_level_gfn = iter->gfn;",
            "iter->next_last_level_gfn = iter->gfn;\n\titer->gfn += KVM_PAGES_PER_HPAGE(iter->level);",
        ),
        file=TDP_ITER_C,
    ),
    "a field of a role is left as it was": in_one(
        "kvm_calc_tdp_mmu_root_page_role", ("role.has_4_byte_gpte = false;", "role.has_4_byte_gpte = true;")
    ),
    "a macro loses its width": Refactor(
        edits=(
            edit(
                r"^static inline bool is_mmu_writable_spte\((?s:.*?)^\}\n",
                "#define is_mmu_writable_spte(spte)\t(!!((u32)(spte) & shadow_mmu_writable_mask))\n",
                SPTE_H,
            ),
        ),
        functions=("leaf_spte_change_needs_tlb_flush",),
    ),
    "an error of a page frame is another": in_one(
        "kvm_handle_error_pfn", ("fault->pfn == KVM_PFN_ERR_RO_FAULT", "fault->pfn == KVM_PFN_ERR_HWPOISON")
    ),
    "no memory at all is no MMIO": in_one(
        "mmu_set_spte", ("if (unlikely(is_noslot_pfn(pfn))) {", "if (!fault && is_noslot_pfn(pfn)) {")
    ),
    "a level of the TDP MMU is any but the last": in_one(
        "is_last_spte",
        ("(level == PG_LEVEL_4K) || is_large_pte(pte)", "level <= PG_LEVEL_2M || is_large_pte(pte)"),
        file=SPTE_H,
    ),
}
"""One mistake in each: the function is not equal, and no row says so."""

UNSEEN: tuple[str, ...] = ()
"""Those of them whose function is not compared."""
