/*
 * The base image of all containers: a directory made once, the lower layer of every container's root. It has no
 * system directory itself; those are laid over it (root.h). Of /etc it has what programs need to run and to
 * resolve names and certificates, and nothing that tells about the machine or its users.
 */
#ifndef IMAGE_H
#define IMAGE_H

/* The machine's directories of programs and libraries; where one is a symbolic link, the image has the same link. */
extern const char *const system_directories[];

/* Makes the image; NULL, or what failed, with errno. */
const char *image_build(const char *directory);

#endif
