/* What is said on the console, and the words of the plan. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm.h"

static void say_all(const char *before, const char *format, va_list arguments, const char *after)
{
	char text[1024];
	int size = snprintf(text, sizeof(text), "@ %s", before);

	size += vsnprintf(text + size, sizeof(text) - size, format, arguments);
	if (size > (int)sizeof(text) - 100)
		size = sizeof(text) - 100;
	size += snprintf(text + size, sizeof(text) - size, "%s\n", after);
	if (write(1, text, size) != size)
		_exit(2);
}

void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say_all("", format, arguments, "");
	va_end(arguments);
}

void fail(const char *format, ...)
{
	char reason[64] = "";
	va_list arguments;

	if (errno)
		snprintf(reason, sizeof(reason), ": %s", strerror(errno));
	va_start(arguments, format);
	say_all("broken: ", format, arguments, reason);
	va_end(arguments);
	_exit(1);
}

const char *word(const struct line *line, int place)
{
	if (place >= line->count)
		fail("'%s' lacks words", line->word[0]);
	return line->word[place];
}

uint64_t number(const struct line *line, int place)
{
	const char *text = word(line, place);
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	if (!*text || *end)
		fail("'%s' is no number", text);
	return value;
}

int is(const struct line *line, const char *command)
{
	return line->count && !strcmp(line->word[0], command);
}
