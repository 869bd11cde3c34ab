/* The guest's memory.  It is the machine's own, at the same addresses. */
#include "metal.h"

enum { MOST_SLOTS = 8 };
/* From here on it is ours; and there is no memory in the last part of the first MByte. */
static const uint64_t ours = 0x4000000, hole = 0xa0000, hole_end = 0x100000;

static struct {
	uint64_t gpa, size;
} slot[MOST_SLOTS];
static int slots;

static void zero(uint64_t from, uint64_t size)
{
	uint64_t count = size / 8;

	asm volatile("rep stosq" : "+D"(from), "+c"(count) : "a"(0ull) : "memory");
}

void copy(void *to, const void *from, uint64_t size)
{
	asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

void *memset(void *at, int value, unsigned long size)
{
	void *to = at;

	asm volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
	return at;
}

void forget_memory(void)
{
	slots = 0;
}

/* "memory GPA SIZE huge|small [read-only]": zeroes.  There is nobody to whom a guest's write could go instead. */
void add_memory(const struct line *line)
{
	uint64_t gpa = number(line, 1), size = number(line, 2), end = gpa + size;

	if (line->count > 4)
		fail("without a kernel there is no memory that is read only");
	if (end > ours)
		fail("there is no memory at %x", end);
	if (slots == MOST_SLOTS)
		fail("more than %u slots", (uint64_t)MOST_SLOTS);
	slot[slots].gpa = gpa;
	slot[slots++].size = size;
	if (gpa < hole)
		zero(gpa, (end < hole ? end : hole) - gpa);
	if (end > hole_end)
		zero(gpa > hole_end ? gpa : hole_end, end - (gpa > hole_end ? gpa : hole_end));
}

uint8_t *memory_at(uint64_t gpa, uint64_t size)
{
	for (int i = 0; i < slots; i++)
		if (gpa >= slot[i].gpa && gpa + size <= slot[i].gpa + slot[i].size)
			return (uint8_t *)gpa;
	fail("the guest has no memory at %x", gpa);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	fail("there is no digit of the guest's memory");
}

/* "write GPA HEX": bytes, two digits each. */
void write_memory(const struct line *line)
{
	const char *text = word(line, 2);
	uint64_t size = 0;
	uint8_t *at;

	while (text[size])
		size++;
	size /= 2;
	at = memory_at(number(line, 1), size);
	for (uint64_t i = 0; i < size; i++)
		at[i] = digit(text[2 * i]) << 4 | digit(text[2 * i + 1]);
}

/* "peek NAME GPA": eight bytes of the guest's memory. */
void peek(const struct line *line)
{
	say("fact %s=%x", word(line, 1), *(volatile uint64_t *)memory_at(number(line, 2), sizeof(uint64_t)));
}
