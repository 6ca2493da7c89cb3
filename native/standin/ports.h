/* Ports that are added while the stand-in runs: a Service made later may send clients to one. */
#ifndef PORTS_H
#define PORTS_H

/* Opens what the file names, a `tcp PORT` or `udp PORT` a line, and is not open yet. What cannot be is said on stderr. */
void ports_read(const char *path);

#endif
