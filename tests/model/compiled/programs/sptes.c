/*
 * Probes into spte.c, which is compiled whole as the first part of this file (KERNEL_UNIT is its path).
 * ARGUMENTS_f lists the names of the parameters that f() has in this tree.
 */
#include KERNEL_UNIT
#include "probe.h"

#define CALL(function) function(ARGUMENTS_##function)

/* Of other files of the kernel. */
typeof(boot_cpu_data) boot_cpu_data;
typeof(kvm_x86_ops) kvm_x86_ops;
/* No page frame has a struct page, so whether one is MMIO is up to e820__mapped_raw_any(). */
typeof(mem_section) mem_section;

static struct kvm the_kvm;
static struct kvm_vcpu the_vcpu;
static struct kvm_mmu the_mmu;

/* What the calls answer that the lifted code does not follow. */
static u64 memory_type, unsync_fails, is_ram;

u8 __SCT__kvm_x86_get_mt_mask(struct kvm_vcpu *vcpu, gfn_t gfn, bool is_mmio)
{
	return memory_type;
}

/* The linker puts it in place of the one in mmu.c. */
int __wrap_mmu_try_to_unsync_pages(void)
{
	return unsync_fails;
}

bool e820__mapped_raw_any(u64 start, u64 end, enum e820_type type)
{
	return is_ram;
}

void mark_page_dirty_in_slot(struct kvm *kvm, const struct kvm_memory_slot *memslot, gfn_t gfn)
{
}

struct masks {
	u64 phys_bits, cache_bits, has_l1tf, maxphyaddr, allow_mmio_caching, uses_ept, has_ad_bits, has_exec_only;
	/* What svm.c looks at before it moves the mask of MMIO; memory encryption is off, so it leaves it. */
	u64 largest_leaf, encryption_leaf, syscfg;
	u64 me_mask;
};

static void set_masks(const struct masks *in)
{
	bool has_ad_bits = in->has_ad_bits, has_exec_only = in->has_exec_only;

	memset(&boot_cpu_data, 0, sizeof(boot_cpu_data));
	boot_cpu_data.x86_phys_bits = in->phys_bits;
	boot_cpu_data.x86_cache_bits = in->cache_bits;
	if (in->has_l1tf)
		boot_cpu_data.x86_capability[X86_BUG_L1TF / 32] |= 1u << X86_BUG_L1TF % 32;
	kvm_host.maxphyaddr = in->maxphyaddr;
	allow_mmio_caching = in->allow_mmio_caching;
	kvm_mmu_reset_all_pte_masks();
	if (in->uses_ept)
		CALL(kvm_mmu_set_ept_masks);
	else
		kvm_mmu_set_me_spte_mask(in->me_mask, in->me_mask);
}

static void shadow_masks(const void *words, unsigned long long *out)
{
	set_masks(words);
	*out++ = shadow_host_writable_mask;
	*out++ = shadow_mmu_writable_mask;
	*out++ = shadow_nx_mask;
	*out++ = shadow_user_mask;
	/* Kernels that tell user-mode execution apart have two masks for the one. */
#ifdef ACC_USER_EXEC_MASK
	*out++ = shadow_xs_mask;
	*out++ = shadow_xu_mask;
#else
	*out++ = shadow_x_mask;
	*out++ = 0;
#endif
	*out++ = shadow_accessed_mask;
	*out++ = shadow_dirty_mask;
	*out++ = shadow_present_mask;
	*out++ = shadow_acc_track_mask;
	*out++ = shadow_mmio_value;
	*out++ = shadow_mmio_mask;
	*out++ = shadow_me_value;
	*out++ = shadow_nonpresent_or_rsvd_mask;
	*out = warned;
}

struct entry {
	struct masks masks;
	u64 spte;
};

static void access_track(const void *words, unsigned long long *out)
{
	const struct entry *in = words;

	set_masks(&in->masks);
	out[0] = mark_spte_for_access_track(in->spte);
	out[1] = restore_acc_track_spte(out[0]);
	out[2] = mark_spte_for_access_track(out[0]);
	out[3] = is_access_track_spte(out[0]);
	out[4] = is_access_track_spte(in->spte);
	out[5] = warned;
}

static void predicates(const void *words, unsigned long long *out)
{
	const struct entry *in = words;

	set_masks(&in->masks);
	the_kvm.arch.shadow_mmio_value = shadow_mmio_value;
	out[0] = is_frozen_spte(in->spte);
	out[1] = is_mmio_spte(&the_kvm, in->spte);
	out[2] = is_shadow_present_pte(in->spte);
}

struct request {
	struct masks masks;
	u64 role, level, ad_disabled, pte_access, pfn, gfn, old_spte, prefetch, synchronizing, host_writable;
	u64 nx_huge_pages, disable_nx_huge_pages, dirty_log_size, slot_flags;
	u64 no_memory_types, memory_type, unsync_fails, is_mmio, no_mmu;
	u64 rsvd_bits_mask[2][5], bad_mt_xwr;
};

static void make(const void *words, unsigned long long *out)
{
	const struct request *in = words;
	struct kvm *kvm = &the_kvm;
	struct kvm_vcpu *vcpu = &the_vcpu;
	struct kvm_mmu_page the_page = {}, *sp = &the_page;
	struct kvm_memory_slot the_slot = { .flags = in->slot_flags }, *slot = &the_slot;
	unsigned int pte_access = in->pte_access;
	u64 gfn = in->gfn, pfn = in->pfn, old_spte = in->old_spte, made = 0, *new_spte = &made;
	bool prefetch = in->prefetch, synchronizing = in->synchronizing, can_unsync = !in->synchronizing;
	bool host_writable = in->host_writable;

	set_masks(&in->masks);
	kvm_x86_ops.get_mt_mask = in->no_memory_types ? NULL : __SCT__kvm_x86_get_mt_mask;
	memory_type = in->memory_type;
	unsync_fails = in->unsync_fails;
	is_ram = !in->is_mmio;
	nx_huge_pages = in->nx_huge_pages;
	kvm->arch.disable_nx_huge_pages = in->disable_nx_huge_pages;
	kvm->arch.shadow_mmio_value = shadow_mmio_value;
	DIRTY_LOG_SIZE = in->dirty_log_size;
	sp->role.word = in->role;
	sp->role.level = in->level;
	sp->role.ad_disabled = in->ad_disabled;
	memcpy(the_mmu.shadow_zero_check.rsvd_bits_mask, in->rsvd_bits_mask, sizeof(in->rsvd_bits_mask));
	the_mmu.shadow_zero_check.bad_mt_xwr = in->bad_mt_xwr;
	vcpu->kvm = kvm;
	vcpu->arch.mmu = in->no_mmu ? NULL : &the_mmu;
	out[1] = CALL(make_spte);
	out[0] = made;
	out[2] = is_nx_huge_page_enabled(kvm);
	out[3] = warned;
}

const struct probe spte_probes[] = {
	{ "shadow_masks", shadow_masks, sizeof(struct masks) / 8, 15 },
	{ "access_track", access_track, sizeof(struct entry) / 8, 6 },
	{ "predicates", predicates, sizeof(struct entry) / 8, 3 },
	{ "make_spte", make, sizeof(struct request) / 8, 4 },
	{ }
};
