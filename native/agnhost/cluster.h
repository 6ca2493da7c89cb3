/* The cluster's API as a pod finds it: by the environment, and by its ServiceAccount's token and authority. */
#ifndef CLUSTER_H
#define CLUSTER_H

#include <stddef.h>

#include "../standin/buffer.h"
#include "../standin/http.h"

/* -1 with client-go's words when this is no pod of a cluster. */
int cluster_probe(char *why, size_t size);
/*
 * Gets an object as JSON, which is appended to `text` and is what the answer points into; a zero slice with Go's
 * message. The token is read each time: the kubelet renews it.
 */
struct slice cluster_get(const char *path, struct buffer *text, char *why, size_t size);

#endif
