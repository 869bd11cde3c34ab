/* The first process: mounts what is needed, and goes through the plan.  Each try is a process of its own. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm.h"

enum { TRY_SECONDS = 20, END_SECONDS = 25, LOOKS_PER_SECOND = 20 };

static void mount_all(void)
{
	mkdir("/dev", 0755);
	mkdir("/sys", 0755);
	mkdir("/proc", 0755);
	if (mount("proc", "/proc", "proc", 0, 0) || mount("devtmpfs", "/dev", "devtmpfs", 0, 0) ||
	    mount("sysfs", "/sys", "sysfs", 0, 0))
		fail("mount");
}

static void open_console(void)
{
	int console = open("/dev/console", O_RDWR);

	for (int fd = 0; fd < 3 && console >= 0; fd++)
		dup2(console, fd);
}

static int next_line(FILE *plan, struct line *line)
{
	static char *text;
	static size_t size;
	char *rest, *found;

	if (getline(&text, &size, plan) < 0)
		return 0;
	line->count = 0;
	for (found = strtok_r(text, " \n", &rest); found; found = strtok_r(0, " \n", &rest)) {
		if (line->count == MOST_WORDS)
			fail("a line of the plan has more than %d words", MOST_WORDS);
		line->word[line->count++] = found;
	}
	return 1;
}

static void skip_to_end(FILE *plan)
{
	struct line line;

	while (next_line(plan, &line))
		if (is(&line, "end"))
			return;
	fail("the plan ends inside a try");
}

/* A child of ours goes through the lines of a try.  It has its own copy of the plan's place. */
static void child(const char *path, long place)
{
	FILE *plan = fopen(path, "r");
	struct line line;

	alarm(TRY_SECONDS);
	if (!plan || fseek(plan, place, SEEK_SET))
		fail("%s", path);
	while (next_line(plan, &line) && !is(&line, "end"))
		if (line.count)
			do_line(&line);
	/* Before the VM goes away: that may be what the kernel dies of. */
	say_log();
	_exit(0);
}

/* Whether a process has ended as it should; one in which the kernel has died never does, or just vanishes. */
static int ended(pid_t pid, int *status)
{
	for (int look = 0; look < END_SECONDS * LOOKS_PER_SECOND; look++) {
		pid_t found = waitpid(pid, status, WNOHANG);

		if (found)
			return found == pid;
		usleep(1000000 / LOOKS_PER_SECOND);
	}
	return 0;
}

static void try(const char *path, FILE *plan, const char *name)
{
	long place = ftell(plan);
	int status;
	pid_t pid;

	say("try %s", name);
	mark_log();
	pid = fork();
	if (pid == 0)
		child(path, place);
	if (pid < 0)
		fail("fork");
	if (!ended(pid, &status))
		say("stuck");
	else if (WIFSIGNALED(status))
		say("broken: the try was ended by signal %d%s", WTERMSIG(status),
		    WTERMSIG(status) == SIGALRM ? ", it took too long" : "");
	say_log();
	say("end %s", name);
	skip_to_end(plan);
}

static void go_through(const char *path)
{
	FILE *plan = fopen(path, "r");
	struct line line;

	if (!plan)
		fail("%s", path);
	while (next_line(plan, &line)) {
		if (is(&line, "module"))
			load_module(&line);
		else if (is(&line, "unload"))
			unload_module(&line);
		else if (is(&line, "try")) {
			char *name = strdup(word(&line, 1));

			try(path, plan, name);
			free(name);
		} else if (line.count)
			fail("the plan has '%s' outside a try", line.word[0]);
	}
}

int main(void)
{
	pid_t pid;
	int status;

	mount_all();
	open_console();
	say("up");
	/* The first process must not end: the kernel would panic. */
	pid = fork();
	if (pid == 0) {
		go_through("/plan");
		_exit(0);
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status))
		say("done");
	else
		say("dead");
	for (;;)
		pause();
}
