/* The processor: how a guest runs, what it is asked, and what is left of it when it has stopped. */
#include "crossing.h"
#include "metal.h"

enum { EFER = 0xc0000080, LMA = 1 << 10, SVME = 1 << 12, VMXE = 1 << 13, LA57 = 1 << 12, IOPL = 12, STOP = 0x20 };
enum { VECTORS = 32, VECTOR_SIZE = 16, INTERRUPT_GATE = 0x8e };

extern char crossing_load[], crossing_size[], own_tables[], own_vectors[];
extern const struct descriptors own_gdtr;

static struct crossed *const crossed = (struct crossed *)CROSSED;
static char *const crossing = (char *)0x18000;
static struct gate {
	uint16_t low, selector, kind, high;
	uint32_t top, unused;
} own_gates[VECTORS];
static uint64_t go_on_at;

static uint64_t msr(uint32_t index)
{
	uint32_t low, high;

	asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
	return (uint64_t)high << 32 | low;
}

static void write_msr(uint32_t index, uint64_t value)
{
	asm volatile("wrmsr" : : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static uint64_t cr4(void)
{
	uint64_t value;

	asm volatile("mov %%cr4, %0" : "=r"(value));
	return value;
}

static void write_cr4(uint64_t value)
{
	asm volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

static struct gate gate_to(uint64_t at)
{
	return (struct gate){ .low = at, .selector = CODE, .kind = INTERRUPT_GATE << 8, .high = at >> 16, .top = at >> 32 };
}

uint64_t own_exception(uint64_t vector, uint64_t rip)
{
	uint64_t at = go_on_at;

	if (at) {
		go_on_at = 0;
		return at;
	}
	fail("exception %u of the program itself, at %x", vector, rip);
}

void prepare_processor(void)
{
	struct descriptors idt = { sizeof(own_gates) - 1, (uint64_t)own_gates };

	for (int i = 0; i < VECTORS; i++)
		own_gates[i] = gate_to((uint64_t)own_vectors + VECTOR_SIZE * i);
	asm volatile("lidt %0" : : "m"(idt));
}

void leave_virtualization(void)
{
	if (cr4() & VMXE) {
		static const uint64_t all[2];

		/* An exception tells that it was not in VMX operation. */
		asm volatile("movq $1f, %0\n\tinvept %1, %2\n\tvmxoff\n1:"
			     : "=m"(go_on_at) : "m"(all), "r"(2ull) : "memory", "cc");
		go_on_at = 0;
		write_cr4(cr4() & ~VMXE);
	}
	if (msr(EFER) & SVME) {
		asm volatile("stgi");
		write_msr(EFER, msr(EFER) & ~SVME);
	}
}

/* The guest's descriptors get ours after them, and a task that is not busy; its interrupts one that stops it. */
static void extend(uint64_t gdt, uint64_t idt, int bits)
{
	uint64_t *descriptors = (uint64_t *)memory_at(gdt, 0x50);
	uint64_t code = bits == 64 ? 0x00af9b000000ffff : 0x00cf9b000000ffff, of_user = 3ull << 45;

	descriptors[TASK / 8] &= ~(1ull << 41);
	descriptors[USER_CODE / 8] = code | of_user;
	descriptors[USER_DATA / 8] = 0x00cf93000000ffff | of_user;
	descriptors[CODE_32 / 8] = 0x00cf9b000000ffff;
	descriptors[CODE_64 / 8] = 0x00af9b000000ffff;
	if (bits == 64) {
		struct gate gate = gate_to((uint64_t)stopped_64);

		copy(memory_at(idt, 0x1000) + STOP * sizeof(gate), &gate, sizeof(gate));
	} else {
		struct gate gate = gate_to((uint64_t)stopped_32);

		copy(memory_at(idt, 0x1000) + STOP * 8, &gate, 8);
	}
}

/* "mode 64|32 CR0 CR3 CR4 EFER RIP RSP GDT IDT CPL RDI": flat segments of that width. */
void set_mode(const struct line *line)
{
	int bits = number(line, 1), cpl = number(line, 10);

	copy(crossing, crossing_load, (uint64_t)crossing_size);
	*crossed = (struct crossed){
		.bits = bits,
		.cr0 = number(line, 2),
		.cr3 = number(line, 3),
		.cr4 = number(line, 4),
		.efer = number(line, 5),
		.rip = number(line, 6),
		.rsp = number(line, 7),
		.gdt = { 0x4f, number(line, 8) },
		.idt = { 0xfff, number(line, 9) },
		.cpl = cpl,
		.rdi = number(line, 11),
		.rflags = 2 | cpl << IOPL,
		.cs = cpl ? USER_CODE | cpl : CODE,
		.ss = cpl ? USER_DATA | cpl : DATA,
		.own_cr3 = (uint64_t)own_tables,
		.own_gdt = own_gdtr,
		.own_idt = { sizeof(own_gates) - 1, (uint64_t)own_gates },
	};
	crossed->in_place = bits == 64 && !(crossed->cr4 & LA57);
	extend(crossed->gdt.base, crossed->idt.base, bits);
}

/* "msr INDEX VALUE": one that has the value already may be locked. */
void set_msr(const struct line *line)
{
	uint32_t index = number(line, 1);

	if (msr(index) != number(line, 2))
		write_msr(index, number(line, 2));
}

/* "control GPA MSR WANTED": the control word of VMX with what the MSR demands; all that is wanted must be offered. */
void write_control(const struct line *line)
{
	uint64_t offered = msr(number(line, 2)), wanted = number(line, 3);

	if (wanted & ~(offered >> 32))
		fail("the VMX MSR %s does not offer %s", line->word[2], line->word[3]);
	*(uint64_t *)memory_at(number(line, 1), sizeof(uint64_t)) = wanted | (uint32_t)offered;
}

/* "run LABEL hlt": until it stops. */
void run(const struct line *line)
{
	const char *label = word(line, 1);

	((void (*)(void))cross)();
	say("fact %s.stop=hlt", label);
	say("fact %s.rip=%x", label, crossed->rip);
	say("fact %s.rax=%x", label, crossed->rax);
	say("fact %s.rbx=%x", label, crossed->rbx);
	say("fact %s.top=%x", label, *(uint64_t *)memory_at(crossed->rsp, sizeof(uint64_t)));
}

/* "host": how many address bits the processor says that it has. */
void say_width(const struct line *line)
{
	uint32_t sizes = 0x80000008, b, c = 0, d;

	(void)line;
	asm volatile("cpuid" : "+a"(sizes), "=b"(b), "+c"(c), "=d"(d));
	say("fact host.width=%u", (uint64_t)(sizes & 0xff));
}

/* "feature LEAF BIT": what CPUID of the processor has to have in EDX. */
void need_feature(const struct line *line)
{
	uint32_t a = number(line, 1), b, c = 0, d;

	asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	if (!(d >> number(line, 2) & 1))
		fail("the processor has no bit %u of EDX in CPUID %x", number(line, 2), number(line, 1));
}
