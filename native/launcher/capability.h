/* Linux capabilities by Kubernetes' names (without CAP_), and which of them a container may have. */
#ifndef CAPABILITY_H
#define CAPABILITY_H

#include <stdint.h>

/* What a name grants: its bit, 0 when it is unknown or refused, everything grantable for ALL. */
uint64_t capability_grantable(const char *name);

/* The name of a capability that may be granted, or NULL. */
const char *capability_name(int number);

/* The highest number to drop from bounding sets; the kernel refuses those it does not know. */
enum { CAPABILITY_LAST = 63 };

#endif
