/* Directories and files, also below a root whose contents are not trusted. */
#ifndef FILES_H
#define FILES_H

#include <sys/types.h>

/* Makes a directory and its parents; fine when it exists. -1 with errno. */
int make_directories(const char *path, mode_t mode);

/*
 * Opens (O_PATH) the file or directory at an absolute path below a root, making what is missing. Symbolic links
 * resolve inside the root, whoever planted them. -1 with errno.
 */
int open_in_root(int root, const char *path, int directory);

/* Writes a file anew, or into a kernel file that exists. -1 with errno. */
int write_file(const char *path, const char *text);

/* Copies a file, symbolic link or directory with all below it; fine when the source is missing. -1 with errno. */
int copy_tree(int from_directory, int to_directory, const char *name);

#endif
