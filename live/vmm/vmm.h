/* What the parts of the VMM know of each other.  It is the first process of a kernel, and does what /plan says. */
#ifndef VMM_H
#define VMM_H

#include <stdint.h>

/* Lines on the console that the runner reads: each begins with "@ ". */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Says that the try is broken, with errno, and ends the process. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* The words of a line of the plan. */
enum { MOST_WORDS = 32 };
struct line {
	int count;
	char *word[MOST_WORDS];
};
/* The word at a place; fails if the line has none there. */
const char *word(const struct line *line, int place);
/* The word at a place as a number; fails if it is none. */
uint64_t number(const struct line *line, int place);
/* Whether the line's first word is this. */
int is(const struct line *line, const char *command);

/* Kernel modules.  A line: "module NAME PARAMETER=VALUE ..." or "unload NAME". */
void load_module(const struct line *line);
void unload_module(const struct line *line);

/* The kernel's log, from a point on. */
void mark_log(void);
void say_log(void);

/* A virtual machine, as one process has it: what a line between "try" and "end" asks for. */
void do_line(const struct line *line);

/* Memory. */
void add_memory(const struct line *line);
void write_memory(const struct line *line);
void show_to_smm(const struct line *line);
/* The host's address of guest memory; fails if it is not all there. */
uint8_t *memory_at(uint64_t gpa, uint64_t size);
/* The same, but a null pointer if it is not. */
uint8_t *memory_if_any(uint64_t gpa, uint64_t size);
/* The slot that an address is in; fails if it is in none. */
const struct kvm_userspace_memory_region *slot_at(uint64_t gpa);

/* The log of the pages that the guest writes. */
void log_writes(const struct line *line);
void stop_log(const struct line *line);
void clear_log(const struct line *line);
void say_logged(const struct line *line);

/* The VM and its vCPUs. */
int vm_fd(void);
void set_width(const struct line *line);
void set_hyperv(const struct line *line);
void set_mode(const struct line *line);
void set_msr(const struct line *line);
void write_control(const struct line *line);
void choose_vcpu(const struct line *line);
void go(const struct line *line);
void interrupt_to_smm(const struct line *line);
void run(const struct line *line);

#endif
