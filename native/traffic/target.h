/* Whom traffic goes to: `1.2.3.4:80` or `[fd00::1]:80`. */
#ifndef TARGET_H
#define TARGET_H

#include <sys/socket.h>

struct target {
	char text[64];
	struct sockaddr_storage address;
	socklen_t size;
};

/* -1 for what is no address with a port. */
int target_read(struct target *target, const char *text);
/* A socket that begins to connect; -1 with errno where that fails at once. */
int target_connect(const struct target *target, int type);

#endif
