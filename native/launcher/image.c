#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

const char *const system_directories[] = { "usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", NULL };

static const char *const directories[] = {
	"etc/ssl", "proc",	"sys",	     "dev",	 "run/lock", "var/log", "var/lib", "var/cache",
	"var/spool", "home", "srv",	     "mnt",	 "media",    "opt",	"root",	   "tmp",
	"var/tmp", NULL,
};

/* Relative to /etc. Of /etc/ssl not `private`. */
static const char *const etc[] = {
	"ssl/certs", "ssl/openssl.cnf", "alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "protocols",
	"services", "ethertypes", "localtime", "os-release", "debian_version", "mime.types", "inputrc", "gai.conf",
	"profile", "bash.bashrc", "iproute2", "perl", "python3", "python3.11", "nginx", "redis", "terminfo", NULL,
};

static const struct {
	const char *path;
	const char *text;
} files[] = {
	{ "etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
			"daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
			"www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n"
			"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n" },
	{ "etc/group", "root:x:0:\ndaemon:x:1:\ntty:x:5:\nwww-data:x:33:\nnogroup:x:65534:\n" },
	{ "etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nprotocols: files\nservices: files\n" },
	{ "etc/hosts", "127.0.0.1 localhost\n::1 localhost\n" },
	{ "etc/hostname", "" },
	{ "etc/resolv.conf", "" },
};

static int make_system_directories(int image)
{
	struct stat stat;
	char path[16];

	for (const char *const *name = system_directories; *name; name++) {
		snprintf(path, sizeof path, "/%s", *name);
		if (lstat(path, &stat) != 0)
			continue;
		if (S_ISLNK(stat.st_mode)) {
			int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
			int failed = copy_tree(root, image, *name);

			close(root);
			if (failed)
				return -1;
		} else if (mkdirat(image, *name, 0755) != 0 && errno != EEXIST) {
			return -1;
		}
	}
	return 0;
}

static int make_directories_of_image(const char *image)
{
	char path[4096];

	for (const char *const *name = directories; *name; name++) {
		snprintf(path, sizeof path, "%s/%s", image, *name);
		if (make_directories(path, 0755) != 0)
			return -1;
		if (strstr(*name, "tmp") && chmod(path, 01777) != 0)
			return -1;
	}
	snprintf(path, sizeof path, "%s/var/run", image);
	if (symlink("/run", path) != 0 && errno != EEXIST)
		return -1;
	snprintf(path, sizeof path, "%s/etc/mtab", image);
	return symlink("/proc/mounts", path) != 0 && errno != EEXIST ? -1 : 0;
}

static int copy_etc(int image)
{
	int from = open("/etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int to = openat(image, "etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int failed = from < 0 || to < 0;

	for (const char *const *name = etc; *name && !failed; name++)
		failed = copy_tree(from, to, *name);
	close(from);
	close(to);
	return failed ? -1 : 0;
}

static int write_files(const char *image)
{
	char path[4096];

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/%s", image, files[i].path);
		if (write_file(path, files[i].text) != 0)
			return -1;
	}
	return 0;
}

const char *image_build(const char *directory)
{
	const char *failed = NULL;
	int image;

	if (make_directories_of_image(directory) != 0)
		return "directories";
	image = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (image < 0)
		return "directory";
	if (make_system_directories(image) != 0)
		failed = "system directories";
	else if (copy_etc(image) != 0)
		failed = "/etc";
	else if (write_files(directory) != 0)
		failed = "files";
	close(image);
	return failed;
}
