#include "ports.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "listener.h"

static void open_line(const char *line)
{
	char protocol[4];
	int port, end = 0;

	if (sscanf(line, "%3s %5d%n", protocol, &port, &end) != 2 || port < 1 || port > 65535 || line[end] != '\n')
		fprintf(stderr, "standin: no port: %s", line);
	else if (strcmp(protocol, "tcp") == 0)
		listener_tcp(port);
	else if (strcmp(protocol, "udp") == 0)
		listener_udp(port);
}

void ports_read(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[64];

	if (!file) {
		fprintf(stderr, "standin: %s: %s\n", path, strerror(errno));
		return;
	}
	while (fgets(line, sizeof line, file))
		open_line(line);
	fclose(file);
}
