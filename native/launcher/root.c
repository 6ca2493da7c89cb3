#include "root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "files.h"
#include "image.h"
#include "volume.h"

enum { DETAIL = 256 };

/* Mounts an overlay at a directory relative to the scratch directory, with upper and work directories beside it. */
static int mount_overlay(const char *lower, const char *name, const char *target)
{
	char options[1024], path[64];

	snprintf(path, sizeof path, "upper/%s", name);
	if (make_directories(path, 0755) != 0)
		return -1;
	snprintf(path, sizeof path, "work/%s", name);
	if (make_directories(path, 0700) != 0)
		return -1;
	snprintf(options, sizeof options, "lowerdir=%s,upperdir=upper/%s,workdir=work/%s", lower, name, name);
	return mount("overlay", target, "overlay", MS_NOSUID | MS_NODEV, options);
}

/* The image's path may hold what overlay options give a meaning to; a path to its descriptor does not. */
static int mount_image(const char *image)
{
	char lower[64];
	int fd = open(image, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int failed;

	if (fd < 0)
		return -1;
	snprintf(lower, sizeof lower, "/proc/self/fd/%d", fd);
	failed = mount_overlay(lower, "root", "root");
	close(fd);
	return failed;
}

/* Puts a tmpfs over the scratch directory, for this container alone, and moves there. */
static int scratch_in_memory(const char *scratch)
{
	if (mount("scratch", scratch, "tmpfs", MS_NOSUID | MS_NODEV, "mode=700") != 0 || chdir(scratch) != 0)
		return -1;
	return make_directories("root", 0755);
}

/* An overlay cannot be written to another overlay (a machine that is itself a container): then take memory. */
static int mount_base(const struct spec *spec, const char *image)
{
	if (mount_image(image) == 0)
		return 0;
	return errno == EINVAL && scratch_in_memory(spec->scratch) == 0 ? mount_image(image) : -1;
}

static int is_directory(const char *path)
{
	struct stat stat;

	return lstat(path, &stat) == 0 && S_ISDIR(stat.st_mode);
}

static int mount_system_directories(char *detail)
{
	char lower[16], target[32];

	for (const char *const *name = system_directories; *name; name++) {
		snprintf(lower, sizeof lower, "/%s", *name);
		snprintf(target, sizeof target, "root/%s", *name);
		snprintf(detail, DETAIL, "%s", lower);
		if (is_directory(lower) && mount_overlay(lower, *name, target) != 0)
			return -1;
	}
	return 0;
}

static int set_read_only(const char *path)
{
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY };

	return mount_setattr(AT_FDCWD, path, 0, &attributes, sizeof attributes);
}

/* Last of all, since mount points had to be made. */
static int make_root_read_only(void)
{
	char target[32];

	for (const char *const *name = system_directories; *name; name++) {
		snprintf(target, sizeof target, "root/%s", *name);
		if (is_directory(target) && set_read_only(target) != 0)
			return -1;
	}
	return set_read_only("root");
}

static int make_devices(void)
{
	static const struct {
		const char *path;
		unsigned int minor, major;
	} nodes[] = {
		{ "root/dev/null", 3, 1 },   { "root/dev/zero", 5, 1 },	   { "root/dev/full", 7, 1 },
		{ "root/dev/random", 8, 1 }, { "root/dev/urandom", 9, 1 }, { "root/dev/tty", 0, 5 },
	};

	for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
		if (mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) != 0)
			return -1;
	return 0;
}

static int make_device_links(void)
{
	static const char *const links[][2] = {
		{ "pts/ptmx", "root/dev/ptmx" },	   { "/proc/self/fd", "root/dev/fd" },
		{ "/proc/self/fd/0", "root/dev/stdin" },   { "/proc/self/fd/1", "root/dev/stdout" },
		{ "/proc/self/fd/2", "root/dev/stderr" },
	};

	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		if (symlink(links[i][0], links[i][1]) != 0)
			return -1;
	return 0;
}

static int mount_dev(void)
{
	mode_t mask = umask(0);
	int failed = mount("dev", "root/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k") != 0 ||
		     make_devices() != 0 || make_device_links() != 0 || mkdir("root/dev/pts", 0755) != 0 ||
		     mkdir("root/dev/shm", 01777) != 0 ||
		     mount("devpts", "root/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
			   "newinstance,ptmxmode=0666,mode=0620,gid=5") != 0 ||
		     mount("shm", "root/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=64m") != 0;

	umask(mask);
	return failed ? -1 : 0;
}

static int mount_sys(void)
{
	if (mount("sysfs", "root/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0 ||
	    set_read_only("root/sys") != 0)
		return -1;
	/* Firmware tables tell about the machine; not every machine has them. */
	return mount("none", "root/sys/firmware", "tmpfs", MS_RDONLY, "size=0") != 0 && errno != ENOENT ? -1 : 0;
}

static int mount_volumes(const struct spec *spec, char *detail)
{
	int root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return -1;
	for (size_t i = 0; i < spec->volume_count; i++) {
		snprintf(detail, DETAIL, "%s on %s", spec->volumes[i].source, spec->volumes[i].target);
		if (volume_mount(root, &spec->volumes[i]) != 0)
			return -1;
	}
	close(root);
	return 0;
}

const char *root_build(const struct spec *spec, const char *image, char *detail)
{
	snprintf(detail, DETAIL, "%s", spec->scratch);
	/* For root alone: a container may leave a set-user-ID file there. */
	if (make_directories(spec->scratch, 0700) != 0 || chmod(spec->scratch, 0700) != 0 || chdir(spec->scratch) != 0 ||
	    make_directories("root", 0755) != 0)
		return "scratch";
	if (mount_base(spec, image) != 0 || mount_system_directories(detail) != 0)
		return "overlay";
	detail[0] = '\0';
	if (mount_dev() != 0)
		return "dev";
	if (mount_sys() != 0)
		return "sys";
	if (mount_volumes(spec, detail) != 0)
		return "mount";
	return spec->read_only_root && make_root_read_only() != 0 ? "read-only root" : NULL;
}
