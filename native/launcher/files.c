#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int make_directories(const char *path, mode_t mode)
{
	char part[PATH_MAX];

	if (strlen(path) >= sizeof part) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(part, path);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, mode) != 0 && errno != EEXIST)
			return -1;
		*slash = '/';
	}
	return mkdir(part, mode) != 0 && errno != EEXIST ? -1 : 0;
}

static int open_beneath(int root, const char *path, int flags)
{
	struct open_how how = { .flags = (__u64)(flags | O_PATH | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT };

	return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

static int make_leaf(int parent, const char *name, int directory)
{
	int fd;

	if (directory)
		return mkdirat(parent, name, 0755);
	fd = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

/* Opens `path`, making its last component when it is missing: its parents are there. */
static int open_or_make(int root, const char *path, int directory)
{
	char parent_path[PATH_MAX];
	int fd = open_beneath(root, path, directory ? O_DIRECTORY : 0);
	const char *name = strrchr(path, '/') + 1;
	int parent, failed;

	if (fd >= 0 || errno != ENOENT)
		return fd;
	snprintf(parent_path, sizeof parent_path, "%.*s", (int)(name - path), path);
	parent = open_beneath(root, parent_path, O_DIRECTORY);
	if (parent < 0)
		return -1;
	failed = make_leaf(parent, name, directory);
	close(parent);
	return failed && errno != EEXIST ? -1 : open_beneath(root, path, directory ? O_DIRECTORY : 0);
}

int open_in_root(int root, const char *path, int directory)
{
	char part[PATH_MAX];
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	if (length >= sizeof part) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (size_t i = 1; i < length; i++) {
		int fd;

		if (path[i] != '/' || path[i - 1] == '/')
			continue;
		snprintf(part, sizeof part, "%.*s", (int)i, path);
		fd = open_or_make(root, part, 1);
		if (fd < 0)
			return -1;
		close(fd);
	}
	snprintf(part, sizeof part, "%.*s", (int)length, path);
	return open_or_make(root, part, directory);
}

int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t n;
	int error;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	error = errno;
	close(fd);
	errno = error;
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

static int copy_file(int from_directory, int to_directory, const char *name, mode_t mode)
{
	int from = openat(from_directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int to = openat(to_directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	ssize_t n = -1;
	int error;

	if (from >= 0 && to >= 0)
		while ((n = sendfile(to, from, NULL, 1 << 20)) > 0)
			;
	error = errno;
	close(from);
	close(to);
	errno = error;
	return n < 0 ? -1 : 0;
}

static int copy_link(int from_directory, int to_directory, const char *name)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(from_directory, name, target, sizeof target - 1);

	if (length < 0)
		return -1;
	target[length] = '\0';
	return symlinkat(target, to_directory, name) != 0 && errno != EEXIST ? -1 : 0;
}

static int copy_directory(int from_directory, int to_directory, const char *name)
{
	int from = openat(from_directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *entries = from < 0 ? NULL : fdopendir(from);
	int to, failed = 0;

	if (!entries)
		return -1;
	mkdirat(to_directory, name, 0755);
	to = openat(to_directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (struct dirent *entry; to >= 0 && !failed && (entry = readdir(entries));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			failed = copy_tree(from, to, entry->d_name);
	closedir(entries);
	close(to);
	return to < 0 ? -1 : failed;
}

int copy_tree(int from_directory, int to_directory, const char *name)
{
	struct stat stat;

	if (fstatat(from_directory, name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -1;
	if (S_ISDIR(stat.st_mode))
		return copy_directory(from_directory, to_directory, name);
	if (S_ISLNK(stat.st_mode))
		return copy_link(from_directory, to_directory, name);
	/* Keys and the like are for their owner alone: no container gets them. */
	if (!S_ISREG(stat.st_mode) || !(stat.st_mode & S_IROTH))
		return 0;
	return copy_file(from_directory, to_directory, name, stat.st_mode & 0755);
}
