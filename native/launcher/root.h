/*
 * A container's root, put together in a mount namespace of its own:
 *
 *   SCRATCH/root         overlay of the base image, written to SCRATCH/upper
 *   SCRATCH/root/usr …   overlays of the machine's system directories
 *   SCRATCH/root/dev     a tmpfs with device nodes of its own (a chmod in a container must not reach the machine's)
 *   SCRATCH/root/sys     sysfs of the current network namespace, read-only
 *   …                    the container's volumes
 */
#ifndef ROOT_H
#define ROOT_H

#include "spec.h"

/*
 * Builds the root in the current mount namespace, which must be private. NULL, or the step that failed, with errno;
 * `detail` (256 bytes) then says which path. On success the working directory is the scratch directory.
 */
const char *root_build(const struct spec *spec, const char *image, char *detail);

#endif
