/*
 * The frame that the CNI shim and the node's agent speak over a unix stream socket. One request, one answer.
 *
 *   request:  u32 length, big endian | JSON of that many bytes
 *             {"env": {"CNI_COMMAND": "ADD", ...}, "config": <the configuration from stdin, verbatim> | null}
 *             `env` holds every variable that begins with CNI_; after it the shim half-closes the connection.
 *   answer:   u32 status, big endian | JSON until end of stream
 *             status 0: the JSON (it may be empty: DEL, CHECK, GC, STATUS) is the success result;
 *             else it is a CNI error object. The shim prints it and exits with the status.
 *
 * The configuration is not parsed here: one that is no JSON makes the whole request no JSON, and the agent
 * answers with code 6. An answer cut short (the agent died) becomes code 11, "try again later".
 * VERSION never reaches the agent. The agent has 2 s for STATUS (container runtimes ask it under the lock
 * that ADD takes) and 60 s for everything else.
 */
#ifndef FRAME_H
#define FRAME_H

#include <stddef.h>
#include <stdint.h>

enum { FRAME_CONFIG_MAX = 1 << 20, FRAME_ANSWER_MAX = 4 << 20 };

struct answer {
	uint32_t status;
	char *json;
	size_t length;
};

/* Sends the request; -1 with errno. `config` of length 0 is sent as null. */
int frame_send(int fd, char *const *environment, const char *config, size_t config_length);

/* Receives the answer; -1 with errno (EPROTO: cut short). */
int frame_receive(int fd, struct answer *answer);

#endif
