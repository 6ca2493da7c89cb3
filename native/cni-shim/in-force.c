#include "in-force.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"

/* The whole of a short file, NUL-terminated; its length, or -1. */
static ssize_t read_short(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -1;
	length = read(fd, text, size - 1);
	close(fd);
	if (length >= 0)
		text[length] = 0;
	return length;
}

int is_in_force(const char *config, size_t length)
{
	char path[PATH_MAX], recorded[128], boot[64], now[128];
	struct stat pins;

	if (json_find_string(config, length, "complete", path, sizeof path) != 0 ||
	    read_short(path, recorded, sizeof recorded) <= 0)
		return 0;
	if (json_find_string(config, length, "pins", path, sizeof path) != 0 || stat(path, &pins) != 0)
		return 0;
	if (read_short("/proc/sys/kernel/random/boot_id", boot, sizeof boot) <= 0)
		return 0;
	boot[strcspn(boot, "\n")] = 0;
	snprintf(now, sizeof now, "%s %llu:%llu\n", boot, (unsigned long long)pins.st_dev,
		 (unsigned long long)pins.st_ino);
	return strcmp(recorded, now) == 0;
}
