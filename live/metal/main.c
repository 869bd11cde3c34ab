/* The plan, line by line. */
#include "metal.h"

static const struct {
	const char *name;
	void (*act)(const struct line *line);
} commands[] = {
	{ "memory", add_memory }, { "write", write_memory }, { "mode", set_mode }, { "msr", set_msr },
	{ "control", write_control }, { "run", run }, { "peek", peek }, { "host", say_width },
	{ "feature", need_feature },
};

static void do_line(const struct line *line)
{
	for (unsigned int i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (same(line->word[0], commands[i].name)) {
			commands[i].act(line);
			return;
		}
	fail("without a kernel there is no '%s'", line->word[0]);
}

/* The next line of the plan, split; 0 at its end. */
static int next_line(char **plan, struct line *line)
{
	char *at = *plan;

	line->count = 0;
	while (*at && *at != '\n') {
		if (line->count < MOST_WORDS)
			line->word[line->count++] = at;
		while (*at && *at != '\n' && *at != ' ')
			at++;
		if (*at == ' ')
			*at++ = 0;
	}
	if (!*at)
		return line->count;
	*at = 0;
	*plan = at + 1;
	return 1;
}

static void try(char **plan, const char *name)
{
	struct line line;

	say("try %s", name);
	leave_virtualization();
	forget_memory();
	if (!__builtin_setjmp(end_of_try))
		while (next_line(plan, &line) && line.count && !same(line.word[0], "end"))
			do_line(&line);
	else
		while (next_line(plan, &line) && line.count && !same(line.word[0], "end"))
			;
	say("end %s", name);
}

/* The plan's text and its size; there is room for a zero after it. */
void main(char *plan, uint64_t size)
{
	struct line line;

	open_port();
	prepare_processor();
	say("up");
	plan[size] = 0;
	while (next_line(&plan, &line))
		if (line.count && same(line.word[0], "try"))
			try(&plan, word(&line, 1));
	say("done");
}
