/* The lines of a try. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm.h"

/* "peek NAME GPA": eight bytes of the guest's memory. */
static void peek(const struct line *line)
{
	uint64_t value;

	memcpy(&value, memory_at(number(line, 2), sizeof(value)), sizeof(value));
	say("fact %s=%#llx", word(line, 1), (unsigned long long)value);
}

/* "parameter MODULE NAME": its value, or that there is none. */
static void parameter(const struct line *line)
{
	char path[128], value[64] = "none";
	int fd;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", word(line, 1), word(line, 2));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		ssize_t size = read(fd, value, sizeof(value) - 1);

		value[size < 0 ? 0 : size] = 0;
		value[strcspn(value, "\n")] = 0;
		close(fd);
	}
	say("fact %s.%s=%s", line->word[1], line->word[2], value);
}

/* "feature LEAF BIT": what CPUID of the emulated processor has to have in EDX. */
static void need_feature(const struct line *line)
{
	uint32_t a = number(line, 1), b, c = 0, d;

	asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	if (!(d >> number(line, 2) & 1))
		fail("the processor has no bit %s of EDX in CPUID %s", line->word[2], line->word[1]);
}

/* "host": how many address bits the kernel says that the processor has. */
static void host_width(const struct line *line)
{
	FILE *cpus = fopen("/proc/cpuinfo", "r");
	char text[4096];
	int bits = 0;

	if (!cpus)
		fail("%s: /proc/cpuinfo", line->word[0]);
	while (!bits && fgets(text, sizeof(text), cpus))
		if (sscanf(text, "address sizes : %d bits physical", &bits) != 1)
			bits = 0;
	fclose(cpus);
	say("fact host.width=%d", bits);
}

static const struct {
	const char *name;
	void (*act)(const struct line *line);
} commands[] = {
	{ "memory", add_memory }, { "write", write_memory }, { "width", set_width }, { "vcpu", choose_vcpu },
	{ "mode", set_mode },     { "msr", set_msr },        { "go", go },           { "control", write_control },
	{ "run", run },           { "peek", peek },          { "parameter", parameter },
	{ "host", host_width },   { "log", log_writes },     { "clear", clear_log },   { "logged", say_logged },
	{ "smm", show_to_smm },   { "smi", interrupt_to_smm }, { "feature", need_feature }, { "hyperv", set_hyperv },      { "unlog", stop_log },
};

void do_line(const struct line *line)
{
	errno = 0;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (is(line, commands[i].name)) {
			commands[i].act(line);
			return;
		}
	fail("a try has no '%s'", line->word[0]);
}
