/* The kernel's log: what a try has made the kernel say. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "vmm.h"

static int log_fd = -1;

void mark_log(void)
{
	if (log_fd < 0)
		log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log_fd < 0 || lseek(log_fd, 0, SEEK_END) < 0)
		fail("/dev/kmsg");
}

void say_log(void)
{
	char record[8192];
	ssize_t size;

	/* EPIPE: records were overwritten before we have read them. */
	while ((size = read(log_fd, record, sizeof(record) - 1)) > 0 || (size < 0 && errno == EPIPE)) {
		char *text, *end;

		if (size < 0) {
			say("broken: the kernel's log was too long");
			continue;
		}
		record[size] = 0;
		text = strchr(record, ';');
		if (!text)
			continue;
		end = strchr(text, '\n');
		if (end)
			*end = 0;
		say("log %.800s", text + 1);
	}
}
