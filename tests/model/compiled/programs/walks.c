/*
 * Probes into mmu.c, which is compiled whole as the first part of this file (KERNEL_UNIT is its path).
 *
 * Kernels add and drop parameters.  ARGUMENTS_f, which the build takes from the tree, lists the names of the
 * parameters of f(); a probe that calls f() has local variables of these names.
 */
#include KERNEL_UNIT
#include "probe.h"

#define CALL(function) function(ARGUMENTS_##function)

enum { NESTED_EPT, NESTED_NPT, GUEST };

/* x86.c's. */
typeof(kvm_host) kvm_host;

static struct kvm the_kvm;
static struct kvm_vcpu the_vcpu;
static struct kvm_mmu guest_walker;

/* What the calls answer that the lifted code does not follow. */
static u64 rflags, fetched_cr0;

unsigned long __SCT__kvm_x86_get_rflags(struct kvm_vcpu *vcpu)
{
	return rflags;
}

/* Nothing here asks for another register than CR0. */
void __SCT__kvm_x86_cache_reg(struct kvm_vcpu *vcpu, enum kvm_reg reg)
{
	vcpu->arch.cr0 = fetched_cr0;
}

struct walk {
	u64 kind, cpu_role, root_role, permissions[16], pkru_mask;
};

/* A vCPU and the MMU that walks: guest_mmu, as for nested tables, or one of its own. */
/* A BUG of the VM asks its vCPUs to stop; there are none. */
bool kvm_make_all_cpus_request(struct kvm *kvm, unsigned int req)
{
	return false;
}

static struct kvm_mmu *start(const struct walk *in)
{
	struct kvm_mmu *mmu = in->kind == GUEST ? &guest_walker : &the_vcpu.arch.guest_mmu;
	int i;

	memset(&the_kvm, 0, sizeof(the_kvm));
	memset(&the_vcpu, 0, sizeof(the_vcpu));
	memset(&guest_walker, 0, sizeof(guest_walker));
	the_vcpu.kvm = &the_kvm;
	tdp_enabled = false;
	mmu->cpu_role.as_u64 = in->cpu_role;
	mmu->root_role.word = in->root_role;
	for (i = 0; i < 16; i++)
		mmu->permissions[i] = in->permissions[i];
	mmu->pkru_mask = in->pkru_mask;
	return mmu;
}

static void recompute(const struct walk *in, struct kvm_mmu *mmu)
{
	bool tdp = true, ept = true;

	/* kvm_init_shadow_*_mmu() keep the two alike. */
	if (in->kind != GUEST)
		mmu->root_role = mmu->cpu_role.base;
	if (in->kind == NESTED_EPT) {
		CALL(update_permission_bitmask);
		mmu->pkru_mask = 0;
	} else {
		reset_guest_paging_metadata(&the_vcpu, mmu);
	}
}

static void metadata(const struct kvm_mmu *mmu, unsigned long long *out)
{
	int i;

	for (i = 0; i < 16; i++)
		out[i] = mmu->permissions[i];
	out[16] = mmu->pkru_mask;
}

static void guest_walk(const void *words, unsigned long long *out)
{
	struct kvm_mmu *mmu = start(words);

	recompute(words, mmu);
	metadata(mmu, out);
	out[17] = warned;
}

struct fault {
	struct walk walk;
	u64 tdp_enabled, cr0, cr0_is_cached, fetched_cr0, cr0_guest_owned_bits, rflags, pkru;
	u64 pte_access, pte_pkey, access;
};

static void fault(const void *words, unsigned long long *out)
{
	const struct fault *in = words;
	struct kvm_mmu *mmu = start(&in->walk);

	recompute(&in->walk, mmu);
	tdp_enabled = in->tdp_enabled;
	the_vcpu.arch.cr0 = in->cr0;
	memset(&the_vcpu.arch.regs_avail, in->cr0_is_cached ? 0xff : 0, sizeof(the_vcpu.arch.regs_avail));
	fetched_cr0 = in->fetched_cr0;
	the_vcpu.arch.cr0_guest_owned_bits = in->cr0_guest_owned_bits;
	rflags = in->rflags;
	the_vcpu.arch.pkru = in->pkru;
	out[0] = permission_fault(&the_vcpu, mmu, in->pte_access, in->pte_pkey, in->access);
	out[1] = warned;
}

struct entry {
	struct walk walk;
	u64 gpte, execonly;
};

#define is_present(format) !!format##_is_present_gpte(ARGUMENTS_is_present_gpte)

static void guest_entry(const void *words, unsigned long long *out)
{
	const struct entry *in = words;
	struct kvm_mmu *mmu = start(&in->walk);
	struct rsvd_bits_validate check = {};
	u64 pte = in->gpte;

	recompute(&in->walk, mmu);
	out[0] = is_present(ept);
	out[1] = is_present(paging64);
	out[2] = is_present(paging32);
	out[3] = ept_gpte_access(in->gpte);
	out[4] = paging64_gpte_access(in->gpte);
	out[5] = paging32_gpte_access(in->gpte);
	__reset_rsvds_bits_mask_ept(&check, 0, in->execonly, 3);
	out[6] = !!__is_bad_mt_xwr(&check, in->gpte);
}

struct set_up {
	struct walk walk;
	u64 maxphyaddr, tdp_level, hflags, execonly, accessed_dirty, mbec, new_eptp;
	u64 cr0, cr4, efer, nested_cr3, gmet, vm_bugged;
};

static void nested_set_up(const void *words, unsigned long long *out)
{
	const struct set_up *in = words;
	struct kvm_mmu *mmu = start(&in->walk);
	struct kvm_vcpu *vcpu = &the_vcpu;
	bool execonly = in->execonly, accessed_dirty = in->accessed_dirty, mbec = in->mbec;
	u64 new_eptp = in->new_eptp, nested_cr3 = in->nested_cr3, efer = in->efer, misc_ctl = 0;
	unsigned long cr0 = in->cr0 | X86_CR0_PG, cr4 = in->cr4;
	int huge_page_level = 3, i;

#ifdef SVM_MISC_ENABLE_GMET
	misc_ctl = in->gmet ? SVM_MISC_ENABLE_GMET : 0;
#endif
	kvm_host.maxphyaddr = in->maxphyaddr;
	tdp_root_level = in->tdp_level;
	vcpu->arch.hflags = in->hflags;
	vcpu->kvm->vm_bugged = in->vm_bugged;
	/* There is no root to switch to, nor one to leave. */
	vcpu->arch.mmu = mmu;
	mmu->root.hpa = INVALID_PAGE;
	for (i = 0; i < KVM_MMU_NUM_PREV_ROOTS; i++)
		mmu->prev_roots[i].hpa = INVALID_PAGE;
	if (in->walk.kind == NESTED_EPT)
		CALL(kvm_init_shadow_ept_mmu);
	else
		CALL(kvm_init_shadow_npt_mmu);
	metadata(mmu, out);
	out[17] = mmu->cpu_role.as_u64;
	out[18] = mmu->root_role.word;
	out[19] = warned;
}

const struct probe walk_probes[] = {
	{ "guest_walk", guest_walk, sizeof(struct walk) / 8, 18 },
	{ "permission_fault", fault, sizeof(struct fault) / 8, 2 },
	{ "guest_entry", guest_entry, sizeof(struct entry) / 8, 7 },
	{ "nested_set_up", nested_set_up, sizeof(struct set_up) / 8, 20 },
	{ }
};
