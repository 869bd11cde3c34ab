/* The guest's memory: slots, and what is in them. */
#define _GNU_SOURCE
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "vmm.h"

enum { MOST_SLOTS = 8 };
static const uint64_t huge = 2 << 20;

static struct kvm_userspace_memory_region slot[MOST_SLOTS];
static uint32_t slots;

/* "memory GPA SIZE huge|small [read-only]": a slot of zeroes, in pages of 2 MBytes or 4 KBytes. */
void add_memory(const struct line *line)
{
	struct kvm_userspace_memory_region *new = &slot[slots];
	int large = !strcmp(word(line, 3), "huge");
	uint8_t *at;

	if (slots == MOST_SLOTS)
		fail("more than %d slots", MOST_SLOTS);
	new->slot = slots++;
	new->guest_phys_addr = number(line, 1);
	new->memory_size = number(line, 2);
	at = mmap(0, new->memory_size + 2 * huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		  -1, 0);
	if (at == MAP_FAILED)
		fail("memory of %s bytes", line->word[2]);
	/* A huge page of the host's can be one of the guest's only if both begin at the same place of it. */
	at = (uint8_t *)(((uintptr_t)at + huge - 1) & ~(huge - 1)) + (new->guest_phys_addr & (huge - 1));
	if (madvise(at, new->memory_size, large ? MADV_HUGEPAGE : MADV_NOHUGEPAGE))
		fail("madvise");
	memset(at, 0, new->memory_size);
	new->userspace_addr = (uintptr_t)at;
	if (line->count > 4)
		new->flags = KVM_MEM_READONLY;
	if (ioctl(vm_fd(), KVM_SET_USER_MEMORY_REGION, new))
		fail("slot at %s", line->word[1]);
}

static const struct kvm_userspace_memory_region *slot_if_any(uint64_t gpa, uint64_t size)
{
	for (const struct kvm_userspace_memory_region *each = slot; each < slot + slots; each++)
		if (gpa >= each->guest_phys_addr && gpa + size <= each->guest_phys_addr + each->memory_size)
			return each;
	return 0;
}

static const struct kvm_userspace_memory_region *slot_of(uint64_t gpa, uint64_t size)
{
	const struct kvm_userspace_memory_region *found = slot_if_any(gpa, size);

	if (!found)
		fail("the guest has no memory at %#llx", (unsigned long long)gpa);
	return found;
}

const struct kvm_userspace_memory_region *slot_at(uint64_t gpa)
{
	return slot_of(gpa, 1);
}

/* "smm GPA": the same memory at the same place for a vCPU in system-management mode, as a slot of its own. */
void show_to_smm(const struct line *line)
{
	enum { SMM_ADDRESS_SPACE = 1 << 16 };
	struct kvm_userspace_memory_region same = *slot_at(number(line, 1));

	same.slot |= SMM_ADDRESS_SPACE;
	if (ioctl(vm_fd(), KVM_SET_USER_MEMORY_REGION, &same))
		fail("a slot for SMM at %s", line->word[1]);
}

static uint8_t *in_slot(const struct kvm_userspace_memory_region *each, uint64_t gpa)
{
	return (uint8_t *)(uintptr_t)each->userspace_addr + (gpa - each->guest_phys_addr);
}

uint8_t *memory_if_any(uint64_t gpa, uint64_t size)
{
	const struct kvm_userspace_memory_region *found = slot_if_any(gpa, size);

	return found ? in_slot(found, gpa) : 0;
}

uint8_t *memory_at(uint64_t gpa, uint64_t size)
{
	return in_slot(slot_of(gpa, size), gpa);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	fail("'%c' is no digit of the guest's memory", c);
}

/* "write GPA HEX": bytes, two digits each. */
void write_memory(const struct line *line)
{
	const char *text = word(line, 2);
	size_t size = strlen(text) / 2;
	uint8_t *at = memory_at(number(line, 1), size);

	for (size_t i = 0; i < size; i++)
		at[i] = digit(text[2 * i]) << 4 | digit(text[2 * i + 1]);
}
