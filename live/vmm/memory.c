/* The guest's memory: slots, and what is in them. */
#define _GNU_SOURCE
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "vmm.h"

enum { MOST_REGIONS = 8 };
static const uint64_t huge = 2 << 20;

static struct region {
	uint64_t gpa, size;
	uint8_t *at;
} region[MOST_REGIONS];
static int regions;

/* "memory GPA SIZE huge|small": a slot of zeroes, in pages of 2 MBytes or 4 KBytes. */
void add_memory(const struct line *line)
{
	struct region *new = &region[regions];
	struct kvm_userspace_memory_region slot = { .slot = regions };
	int large = !strcmp(word(line, 3), "huge");

	if (regions++ == MOST_REGIONS)
		fail("more than %d slots", MOST_REGIONS);
	new->gpa = number(line, 1);
	new->size = number(line, 2);
	new->at = mmap(0, new->size + huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (new->at == MAP_FAILED)
		fail("memory of %s bytes", line->word[2]);
	new->at = (uint8_t *)(((uintptr_t)new->at + huge - 1) & ~(huge - 1));
	if (madvise(new->at, new->size, large ? MADV_HUGEPAGE : MADV_NOHUGEPAGE))
		fail("madvise");
	memset(new->at, 0, new->size);
	slot.guest_phys_addr = new->gpa;
	slot.memory_size = new->size;
	slot.userspace_addr = (uintptr_t)new->at;
	if (ioctl(vm_fd(), KVM_SET_USER_MEMORY_REGION, &slot))
		fail("slot at %s", line->word[1]);
}

uint8_t *memory_if_any(uint64_t gpa, uint64_t size)
{
	for (struct region *each = region; each < region + regions; each++)
		if (gpa >= each->gpa && gpa + size <= each->gpa + each->size)
			return each->at + (gpa - each->gpa);
	return 0;
}

uint8_t *memory_at(uint64_t gpa, uint64_t size)
{
	uint8_t *at = memory_if_any(gpa, size);

	if (!at)
		fail("the guest has no memory at %#llx", (unsigned long long)gpa);
	return at;
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
