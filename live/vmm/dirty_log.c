/* The log of the pages that a guest writes. */
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm.h"

enum { PAGE_BITS = 12, LOG_BITS = 64 };

static size_t log_size(uint64_t pages)
{
	return (pages + LOG_BITS - 1) / LOG_BITS * sizeof(uint64_t);
}

/* "log GPA": pages of the slot are logged; all are dirty at first, and protected when userspace clears them. */
void log_writes(const struct line *line)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
				      .args = { KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET } };
	struct kvm_userspace_memory_region slot = *slot_at(number(line, 1));

	slot.flags = KVM_MEM_LOG_DIRTY_PAGES;
	if (ioctl(vm_fd(), KVM_ENABLE_CAP, &cap))
		fail("a log that is cleared by hand");
	if (ioctl(vm_fd(), KVM_SET_USER_MEMORY_REGION, &slot))
		fail("a log of the slot at %s", line->word[1]);
}

/* "unlog GPA": pages of the slot are logged no more. */
void stop_log(const struct line *line)
{
	struct kvm_userspace_memory_region slot = *slot_at(number(line, 1));

	if (ioctl(vm_fd(), KVM_SET_USER_MEMORY_REGION, &slot))
		fail("the slot at %s without a log", line->word[1]);
}

/* "clear GPA COUNT": pages of a slot are clean, from its first one on. */
void clear_log(const struct line *line)
{
	struct kvm_clear_dirty_log clear = { .slot = slot_at(number(line, 1))->slot, .num_pages = number(line, 2) };

	clear.dirty_bitmap = malloc(log_size(clear.num_pages));
	memset(clear.dirty_bitmap, 0xff, log_size(clear.num_pages));
	if (ioctl(vm_fd(), KVM_CLEAR_DIRTY_LOG, &clear))
		fail("clearing the log of the slot at %s", line->word[1]);
	free(clear.dirty_bitmap);
}

/* "logged NAME GPA": whether the page is dirty. */
void say_logged(const struct line *line)
{
	uint64_t gpa = number(line, 2);
	const struct kvm_userspace_memory_region *slot = slot_at(gpa);
	struct kvm_dirty_log log = { .slot = slot->slot };
	uint64_t page = (gpa - slot->guest_phys_addr) >> PAGE_BITS;
	uint64_t *bits = calloc(1, log_size(slot->memory_size >> PAGE_BITS));

	log.dirty_bitmap = bits;
	if (ioctl(vm_fd(), KVM_GET_DIRTY_LOG, &log))
		fail("the log of the slot at %s", line->word[2]);
	say("fact %s=%d", word(line, 1), (int)(bits[page / LOG_BITS] >> page % LOG_BITS & 1));
	free(bits);
}
