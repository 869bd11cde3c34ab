// Properties of Linux 7.2: mmuproof ask --kernel linux-7.2 --file properties.c
#include "mmuproof.h"

/* What the TDP MMU freezes is no MMIO SPTE, whatever the host's address width. */
set_up_for(intel) set_up_for(amd)
bool frozen_is_not_mmio(struct kvm *kvm, u64 spte)
{
	assume(is_frozen_spte(spte));
	return !is_mmio_spte(kvm, spte);
}

static bool has_any_permission(u64 spte)
{
	return spte & VMX_EPT_RWX_MASK;
}

/* The processor never uses an SPTE that is access-tracked. */
set_up_for(intel)
bool tracked_has_no_permission(u64 spte)
{
	return !is_access_track_spte(spte) || !has_any_permission(spte);
}

/* The property above is not true for want of such SPTEs. */
set_up_for(intel) must_be_possible
bool tracked_can_be(u64 spte)
{
	return is_access_track_spte(spte);
}

/* make_spte() gives no write access that it is not asked for. */
set_up_for(intel) set_up_for(amd) set_up_for(shadow)
bool writable_only_if_asked(struct kvm_vcpu *vcpu, struct kvm_mmu_page *sp, struct kvm_memory_slot *slot,
			    unsigned int pte_access, gfn_t gfn, kvm_pfn_t pfn, u64 old_spte, bool host_writable)
{
	u64 spte;

	assume(sp->role.level >= PG_LEVEL_4K && sp->role.level <= PG_LEVEL_1G);
	assume(pfn < (1ULL << 40));
	make_spte(vcpu, sp, slot, pte_access, gfn, pfn, old_spte, false, true, host_writable, &spte);
	return !is_writable_pte(spte) || (pte_access & ACC_WRITE_MASK);
}

/* It maps the frame that it is asked for, and no other.  With memory encryption, spte_to_pfn() has the C-bit in it. */
set_up_for(amd)
bool maps_the_frame_asked_for(struct kvm_vcpu *vcpu, struct kvm_mmu_page *sp, struct kvm_memory_slot *slot,
			      unsigned int pte_access, gfn_t gfn, kvm_pfn_t pfn, u64 old_spte)
{
	u64 spte;

	assume(sp->role.level >= PG_LEVEL_4K && sp->role.level <= PG_LEVEL_1G);
	assume(pfn < (1ULL << 40));
	assume(!shadow_me_value);
	make_spte(vcpu, sp, slot, pte_access, gfn, pfn, old_spte, false, true, true, &spte);
	return spte_to_pfn(spte) == pfn;
}
