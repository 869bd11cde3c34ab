/* Loading and unloading modules of the kernel, from /m. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm.h"

enum { UNLOAD_TRIES = 50, BETWEEN_TRIES = 100000 };

void load_module(const struct line *line)
{
	char path[128], parameters[512] = "";
	size_t used = 0;
	int fd;

	snprintf(path, sizeof(path), "/m/%s.ko", word(line, 1));
	for (int i = 2; i < line->count && used < sizeof(parameters); i++)
		used += snprintf(parameters + used, sizeof(parameters) - used, "%s ", line->word[i]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_finit_module, fd, parameters, 0))
		fail("module %s %s", line->word[1], parameters);
	close(fd);
	say("module %s %s", line->word[1], parameters);
}

void unload_module(const struct line *line)
{
	char name[64];
	int tries = 0;

	snprintf(name, sizeof(name), "%s", word(line, 1));
	for (char *c = name; *c; c++)
		if (*c == '-')
			*c = '_';
	/* The last VM may be about to go. */
	while (syscall(SYS_delete_module, name, O_NONBLOCK)) {
		if ((errno != EAGAIN && errno != EBUSY) || ++tries == UNLOAD_TRIES)
			fail("unload %s", name);
		usleep(BETWEEN_TRIES);
	}
}
