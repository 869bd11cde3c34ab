/* What is said on the serial port, and the words of the plan. */
#include <stdarg.h>

#include "metal.h"

enum { PORT = 0x3f8, SPEED = 0, CONTROL = 3, STATE = 5, MAY_SEND = 0x20 };

static void out(uint16_t port, uint8_t value)
{
	asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in(uint16_t port)
{
	uint8_t value;

	asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

void open_port(void)
{
	/* 115200 bits a second, eight bits, no parity; no interrupts. */
	out(PORT + CONTROL, 0x80);
	out(PORT + SPEED, 1);
	out(PORT + SPEED + 1, 0);
	out(PORT + CONTROL, 3);
	out(PORT + 1, 0);
}

static void put(char c)
{
	while (!(in(PORT + STATE) & MAY_SEND))
		;
	out(PORT, c);
}

static void put_text(const char *text)
{
	while (*text)
		put(*text++);
}

static void put_number(uint64_t value, unsigned int base)
{
	char digits[20];
	int count = 0;

	do {
		digits[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	while (count)
		put(digits[--count]);
}

static void say_all(const char *before, const char *format, va_list arguments)
{
	put_text("@ ");
	put_text(before);
	for (; *format; format++) {
		if (*format != '%') {
			put(*format);
			continue;
		}
		switch (*++format) {
		case 's':
			put_text(va_arg(arguments, const char *));
			break;
		case 'x':
			put_text("0x");
			put_number(va_arg(arguments, uint64_t), 16);
			break;
		default:
			put_number(va_arg(arguments, uint64_t), 10);
		}
	}
	put('\n');
}

void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say_all("", format, arguments);
	va_end(arguments);
}

void *end_of_try[5];

void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say_all("broken: ", format, arguments);
	va_end(arguments);
	__builtin_longjmp(end_of_try, 1);
}

int same(const char *one, const char *other)
{
	while (*one && *one == *other)
		one++, other++;
	return *one == *other;
}

const char *word(const struct line *line, int place)
{
	if (place >= line->count)
		fail("'%s' lacks words", line->word[0]);
	return line->word[place];
}

uint64_t number(const struct line *line, int place)
{
	const char *text = word(line, place), *at = text;
	unsigned int base = at[0] == '0' && at[1] == 'x' ? 16 : 10;
	uint64_t value = 0;

	for (at += base == 16 ? 2 : 0; *at; at++) {
		unsigned int digit = *at >= '0' && *at <= '9' ? *at - '0' : *at >= 'a' && *at <= 'f' ? *at - 'a' + 10 : 16;

		if (digit >= base)
			fail("'%s' is no number", text);
		value = value * base + digit;
	}
	return value;
}
