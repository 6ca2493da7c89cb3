/* Running a command inside a container that lives. */
#ifndef CONTAINER_H
#define CONTAINER_H

#include "spec.h"

/*
 * Enters all namespaces of the process, takes on the identity, and runs the command there, waiting for it: a PID
 * namespace is entered by children only. Signals sent to this process go to the command. Returns its exit status as
 * shells give it; when it cannot be run, the step is reported on `status` (-1: on stderr).
 */
int container_run(int pidfd, const struct spec *spec, int status);

#endif
