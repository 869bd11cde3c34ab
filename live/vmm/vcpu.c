/* The VM and its vCPUs: making, setting and running them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "vmm.h"

enum { MOST_VCPUS = 2, MOST_CPUID = 256, MOST_EVENTS = 16, RUN_SECONDS = 2 };
static const int iopl = 12;
static const uint32_t address_sizes = 0x80000008;
/* TLFS, 2.4: the first leaf of a hypervisor has who it is, the next one whose interface it offers. */
static const uint32_t hypervisor = 0x40000000, interface = 0x40000001;
static const uint64_t tss_address = 0xfffbd000;

static int kvm = -1, vm = -1, now;
static unsigned int width;	/* 0: that of the host */
static int hyperv;
static struct vcpu {
	int fd;
	struct kvm_run *run;
} vcpu[MOST_VCPUS];

int vm_fd(void)
{
	if (vm >= 0)
		return vm;
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		fail("/dev/kvm");
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0 || ioctl(vm, KVM_SET_TSS_ADDR, tss_address))
		fail("a VM");
	return vm;
}

/* "width BITS": MAXPHYADDR of the vCPUs that come. */
void set_width(const struct line *line)
{
	width = number(line, 1);
}

/* "hyperv": the vCPUs that come are those of Hyper-V. */
void set_hyperv(const struct line *line)
{
	(void)line;
	hyperv = 1;
}

static void tell_of_hyperv(struct kvm_cpuid_entry2 *entry)
{
	if (entry->function == hypervisor) {
		memcpy(&entry->ebx, "Micr", 4);
		memcpy(&entry->ecx, "osof", 4);
		memcpy(&entry->edx, "t Hv", 4);
	}
	if (entry->function == interface)
		memcpy(&entry->eax, "Hv#1", 4);
}

static void set_cpuid(int fd)
{
	struct kvm_cpuid2 *all = calloc(1, sizeof(*all) + MOST_CPUID * sizeof(all->entries[0]));

	all->nent = MOST_CPUID;
	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, all))
		fail("the CPUID that KVM supports");
	for (uint32_t i = 0; i < all->nent; i++) {
		if (hyperv)
			tell_of_hyperv(&all->entries[i]);
		if (all->entries[i].function != address_sizes)
			continue;
		if (width)
			all->entries[i].eax = (all->entries[i].eax & ~0xff) | width;
		say("fact width=%u", all->entries[i].eax & 0xff);
	}
	if (ioctl(fd, KVM_SET_CPUID2, all))
		fail("CPUID");
	free(all);
}

static struct vcpu *current(void)
{
	struct vcpu *v = &vcpu[now];

	if (v->fd)
		return v;
	v->fd = ioctl(vm_fd(), KVM_CREATE_VCPU, now);
	if (v->fd < 0)
		fail("a vCPU");
	v->run = mmap(0, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED)
		fail("the vCPU's memory");
	set_cpuid(v->fd);
	return v;
}

/* "vcpu NUMBER": the lines that follow are about this one. */
void choose_vcpu(const struct line *line)
{
	if (number(line, 1) >= MOST_VCPUS)
		fail("more than %d vCPUs", MOST_VCPUS);
	now = number(line, 1);
}

static struct kvm_segment flat(int selector, int type, int system, int bits)
{
	return (struct kvm_segment){ .limit = 0xffffffff, .selector = selector, .type = type, .present = 1,
				     .s = !system, .l = bits == 64, .db = bits == 32, .g = 1 };
}

static struct kvm_segment of_level(struct kvm_segment s, int cpl)
{
	s.selector |= cpl;
	s.dpl = cpl;
	return s;
}

/* "mode 64|32 CR0 CR3 CR4 EFER RIP RSP GDT IDT CPL RDI": flat segments of that width. */
void set_mode(const struct line *line)
{
	int bits = number(line, 1), cpl = number(line, 10), fd = current()->fd;
	struct kvm_regs regs = { .rip = number(line, 6), .rsp = number(line, 7), .rdi = number(line, 11),
				 .rflags = 2 | cpl << iopl };
	struct kvm_sregs s;

	if (ioctl(fd, KVM_GET_SREGS, &s))
		fail("reading registers");
	s.cs = of_level(flat(8, 0xb, 0, bits), cpl);
	s.ds = s.es = s.fs = s.gs = s.ss = of_level(flat(16, 3, 0, 32), cpl);
	/* QEMU takes the stack for CPL 0 from no busy 32-bit TSS, and aborts; VMX wants a busy one. */
	s.tr = flat(24, bits == 32 && !access("/sys/module/kvm_amd", F_OK) ? 0x9 : 0xb, 1, 0);
	s.tr.limit = 0x67;
	s.tr.g = 0;
	s.ldt.unusable = 1;
	s.ldt.present = 0;
	s.cr0 = number(line, 2);
	s.cr3 = number(line, 3);
	s.cr4 = number(line, 4);
	s.efer = number(line, 5);
	s.gdt = (struct kvm_dtable){ .base = number(line, 8), .limit = 0x2f };
	s.idt = (struct kvm_dtable){ .base = number(line, 9), .limit = 0xfff };
	if (ioctl(fd, KVM_SET_SREGS, &s) || ioctl(fd, KVM_SET_REGS, &regs))
		fail("setting registers");
}

struct one_msr {
	struct kvm_msrs head;
	struct kvm_msr_entry entry;
};

/* "msr INDEX VALUE" */
void set_msr(const struct line *line)
{
	struct one_msr msr = { { .nmsrs = 1 }, { .index = number(line, 1), .data = number(line, 2) } };

	if (ioctl(current()->fd, KVM_SET_MSRS, &msr) != 1)
		fail("MSR %s", line->word[1]);
}

/* "control GPA MSR WANTED": the control word of VMX with what the MSR demands; all that is wanted must be offered. */
void write_control(const struct line *line)
{
	struct one_msr msr = { { .nmsrs = 1 }, { .index = number(line, 2) } };
	uint64_t wanted = number(line, 3), word;

	if (ioctl(current()->fd, KVM_GET_MSRS, &msr) != 1)
		fail("MSR %s", line->word[2]);
	if (wanted & ~(msr.entry.data >> 32))
		fail("the VMX MSR %s does not offer %s", line->word[2], line->word[3]);
	word = wanted | (uint32_t)msr.entry.data;
	memcpy(memory_at(number(line, 1), sizeof(word)), &word, sizeof(word));
}

static struct kvm_regs regs(int fd)
{
	struct kvm_regs r;

	if (ioctl(fd, KVM_GET_REGS, &r))
		fail("reading registers");
	return r;
}

/* "go RIP" */
void go(const struct line *line)
{
	int fd = current()->fd;
	struct kvm_regs r = regs(fd);

	r.rip = number(line, 1);
	if (ioctl(fd, KVM_SET_REGS, &r))
		fail("setting registers");
}

/* "smi": the vCPU goes to system-management mode before it does anything else. */
void interrupt_to_smm(const struct line *line)
{
	if (ioctl(current()->fd, KVM_SMI))
		fail("%s", line->word[0]);
}

typedef unsigned long long ull;

/* Says an exit that the guest gets on from; whether it was one. */
static int say_event(struct kvm_run *run, const char *label, int count)
{
	if (run->exit_reason == KVM_EXIT_MMIO) {
		say("fact %s.event%d=mmio-%s:%#llx", label, count, run->mmio.is_write ? "write" : "read",
		    (ull)run->mmio.phys_addr);
		memset(run->mmio.data, 0, sizeof(run->mmio.data));
		return 1;
	}
	if (run->exit_reason == KVM_EXIT_IO) {
		say("fact %s.event%d=io-%s:%#x:0x%x", label, count, run->io.direction ? "out" : "in", run->io.port,
		    ((uint8_t *)run)[run->io.data_offset]);
		if (!run->io.direction)
			memset((uint8_t *)run + run->io.data_offset, 0, run->io.size);
		return 1;
	}
	return 0;
}

static void say_registers(int fd, const char *label)
{
	struct kvm_regs r = regs(fd);
	const uint8_t *stack = memory_if_any(r.rsp, sizeof(uint64_t));
	uint64_t top = 0;

	if (stack)
		memcpy(&top, stack, sizeof(top));
	say("fact %s.rip=%#llx", label, (ull)r.rip);
	say("fact %s.rax=%#llx", label, (ull)r.rax);
	say("fact %s.rbx=%#llx", label, (ull)r.rbx);
	say("fact %s.top=%#llx", label, (ull)top);
}

static volatile sig_atomic_t busy_for_too_long;

static void too_long(int number)
{
	(void)number;
	busy_for_too_long = 1;
}

/* A vCPU that keeps its processor busy for so long never gets on.  The signal comes again if none was there to see it. */
static void bound_run(int seconds)
{
	struct itimerval bound = { .it_value.tv_sec = seconds, .it_interval.tv_sec = !!seconds };

	busy_for_too_long = 0;
	if (sigaction(SIGPROF, &(struct sigaction){ .sa_handler = too_long, .sa_flags = SA_RESTART }, 0) ||
	    setitimer(ITIMER_PROF, &bound, 0))
		fail("the bound of a run");
}

/* Runs to the next exit of the vCPU; whether there was one. */
static int run_to_exit(const struct vcpu *v, const char *label)
{
	while (ioctl(v->fd, KVM_RUN, 0) < 0) {
		if (errno == EINTR && !busy_for_too_long)
			continue;
		/* Nothing more can be asked of a VM that KVM has given up. */
		if (errno == EINTR)
			say("fact %s.stop=endless", label);
		else
			say("fact %s.stop=error-%d", label, errno);
		return 0;
	}
	return 1;
}

/* "run LABEL hlt|mmio": to a HLT, or to the next MMIO; I/O and other MMIO is told and answered with 0. */
void run(const struct line *line)
{
	const char *label = word(line, 1);
	int to_mmio = !strcmp(word(line, 2), "mmio");
	struct vcpu *v = current();

	bound_run(RUN_SECONDS);
	for (int count = 0; count < MOST_EVENTS; count++) {
		if (!run_to_exit(v, label)) {
			bound_run(0);
			return;
		}
		if (to_mmio && v->run->exit_reason == KVM_EXIT_MMIO)
			break;
		if (!say_event(v->run, label, count))
			break;
	}
	bound_run(0);
	switch (v->run->exit_reason) {
	case KVM_EXIT_HLT:
		say("fact %s.stop=hlt", label);
		break;
	case KVM_EXIT_MMIO:
		say("fact %s.stop=mmio:%#llx", label, (ull)v->run->mmio.phys_addr);
		break;
	default:
		say("fact %s.stop=exit-%u:%#llx", label, v->run->exit_reason, (ull)v->run->hw.hardware_exit_reason);
	}
	say_registers(v->fd, label);
}
