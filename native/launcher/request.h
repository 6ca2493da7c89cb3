/* Requests of clients. */
#ifndef REQUEST_H
#define REQUEST_H

#include <stddef.h>
#include <stdint.h>

/* Handles one request; the bytes are valid fields and need not outlive the call. */
void request_handle(uint64_t client, const char *bytes, size_t length);

#endif
