/*
 * Runs one probe: program NAME INPUTS OUTPUTS.  Cases come on standard input and results go to standard
 * output, both as 64-bit words.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <asm/prctl.h>

#include "probe.h"

#define WORDS 128

/* Where some WARN_ONCE() notes that it has fired: a section of the kernel's files, renamed by the build. */
extern char __start_data_once[] __attribute__((weak)), __stop_data_once[] __attribute__((weak));

volatile int warned;

/* Code for roots and pages may read these ahead, even where there is neither. */
unsigned long zero_pfn, zero_page_pfn, vmemmap_base, page_offset_base;

/* The kernel's per-CPU variables, such as the preemption count, are reached through GS. */
static char per_cpu[4096];

/* A WARN is a ud2 instruction; the kernel's trap handler prints and goes on behind it. */
static void on_ud2(int number, siginfo_t *info, void *context)
{
	ucontext_t *at = context;
	const unsigned char *code = (const unsigned char *)at->uc_mcontext.gregs[REG_RIP];

	if (code[0] != 0x0f || code[1] != 0x0b)
		abort();
	at->uc_mcontext.gregs[REG_RIP] += 2;
	warned = 1;
}

/* A WARN with a message calls one of these: either this one, which only prints, before its ud2 ... */
void __warn_printk(void)
{
}

/* ... or, in newer kernels, this one instead. */
void __SCT__WARN_trap(void)
{
	warned = 1;
}

static const struct probe *find(const struct probe *table, const char *name)
{
	for (; table->name; table++)
		if (!strcmp(table->name, name))
			return table;
	return NULL;
}

int main(int count, char **arguments)
{
	struct sigaction action = { .sa_sigaction = on_ud2, .sa_flags = SA_SIGINFO };
	unsigned long long in[WORDS], out[WORDS];
	const struct probe *probe;

	if (count != 4)
		return 2;
	probe = find(walk_probes, arguments[1]);
	if (!probe)
		probe = find(spte_probes, arguments[1]);
	if (!probe || probe->inputs > WORDS || probe->outputs > WORDS ||
	    probe->inputs != strtoul(arguments[2], NULL, 10) || probe->outputs != strtoul(arguments[3], NULL, 10)) {
		fprintf(stderr, "no probe %s with %s inputs and %s outputs\n", arguments[1], arguments[2], arguments[3]);
		return 2;
	}
	syscall(SYS_arch_prctl, ARCH_SET_GS, per_cpu);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	sigaction(SIGILL, &action, NULL);
	while (fread(in, sizeof(*in), probe->inputs, stdin) == probe->inputs) {
		warned = 0;
		if (__start_data_once)
			memset(__start_data_once, 0, __stop_data_once - __start_data_once);
		probe->run(in, out);
		fwrite(out, sizeof(*out), probe->outputs, stdout);
		/* Should the next case crash, it is the one behind the last result. */
		fflush(stdout);
	}
	return 0;
}
