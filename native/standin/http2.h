/*
 * As much of HTTP/2 (RFC 9113) as gRPC's health checks need: a container that is stood in for is probed by them, too.
 * Check of grpc.health.v1.Health says SERVING for every service; other gRPC calls are unimplemented, and what is no
 * gRPC is told to come with HTTP/1.1.
 */
#ifndef HTTP2_H
#define HTTP2_H

#include "exchange.h"

/* Answers the client's preface, which is at the start of `in`. */
void http2_begin(struct connection *connection);

/* Goes one frame on with what has come in; 0 when it needs more bytes. */
int http2_take_frame(struct connection *connection);

#endif
