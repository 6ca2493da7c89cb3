/* Setting sysctls of a network namespace. */
#ifndef SYSCTL_H
#define SYSCTL_H

#include "spec.h"

/* Applies the `set` fields (net.KEY=VALUE) in the current network namespace; -1 with errno, `detail` names the key. */
int sysctl_apply(const struct spec *spec, char *detail);

#endif
