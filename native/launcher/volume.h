/* Mounting one volume of a container. */
#ifndef VOLUME_H
#define VOLUME_H

#include "spec.h"

/* Binds the volume below the root, with everything mounted below it; no device and no set-user-ID file works there. */
int volume_mount(int root, const struct volume *volume);

#endif
