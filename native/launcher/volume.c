#include "volume.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "files.h"

/* A container may have put a symbolic link into its volume: the kernel checks while it resolves. */
static int open_within(const struct volume *volume)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	size_t length = strlen(volume->within);
	const char *rest = volume->source + length;
	int within, fd;

	errno = EXDEV;
	if (strncmp(volume->source, volume->within, length) != 0 || (*rest && *rest != '/'))
		return -1;
	within = open(volume->within, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (within < 0)
		return -1;
	while (*rest == '/')
		rest++;
	fd = (int)syscall(SYS_openat2, within, *rest ? rest : ".", &how, sizeof how);
	close(within);
	return fd;
}

/* A detached copy of the source's mounts, with the flags set before anyone can see it. */
static int clone_tree(int source, int read_only)
{
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };
	int tree = open_tree(source, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (read_only)
		attributes.attr_set |= MOUNT_ATTR_RDONLY;
	if (tree >= 0 && mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) != 0) {
		close(tree);
		return -1;
	}
	return tree;
}

int volume_mount(int root, const struct volume *volume)
{
	int source = volume->within ? open_within(volume) : open(volume->source, O_PATH | O_CLOEXEC);
	int tree, target, failed;
	struct stat stat;

	if (source < 0 || fstat(source, &stat) != 0)
		return -1;
	tree = clone_tree(source, volume->read_only);
	close(source);
	if (tree < 0)
		return -1;
	target = open_in_root(root, volume->target, S_ISDIR(stat.st_mode));
	failed = target < 0 ||
		 move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0;
	close(tree);
	if (target >= 0)
		close(target);
	return failed ? -1 : 0;
}
