/* What the parts of the program know of each other.  It is booted in the place of a kernel, has the processor to itself,
 * and does what a plan says, in the lines that the VMM reads too. */
#ifndef METAL_H
#define METAL_H

#include <stdint.h>

/* Lines on the serial port that the runner reads: each begins with "@ ".  Of a format, %s, %u and %x are known;
 * numbers are of 64 bits, and %x begins with 0x. */
void open_port(void);
void say(const char *format, ...);
/* Says that the try is broken, and goes to its end. */
void fail(const char *format, ...) __attribute__((noreturn));
/* Where that is, as __builtin_setjmp() leaves it. */
extern void *end_of_try[5];

/* The words of a line of the plan. */
enum { MOST_WORDS = 32 };
struct line {
	int count;
	char *word[MOST_WORDS];
};
int same(const char *one, const char *other);
const char *word(const struct line *line, int place);
uint64_t number(const struct line *line, int place);

/* The guest's memory: what is ours to give. */
void forget_memory(void);
void add_memory(const struct line *line);
void write_memory(const struct line *line);
void peek(const struct line *line);
uint8_t *memory_at(uint64_t gpa, uint64_t size);
void copy(void *to, const void *from, uint64_t size);

/* The processor. */
void prepare_processor(void);
/* Out of VMX operation, and without SVM. */
void leave_virtualization(void);
void set_mode(const struct line *line);
void set_msr(const struct line *line);
void write_control(const struct line *line);
void run(const struct line *line);
void say_width(const struct line *line);
void need_feature(const struct line *line);
/* Where to go on after an exception of our own. */
uint64_t own_exception(uint64_t vector, uint64_t rip);

#endif
