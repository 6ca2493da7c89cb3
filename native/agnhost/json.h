/* JSON strings as Go's encoding/json writes them: <, > and & escaped, bytes that are no UTF-8 as U+FFFD. */
#ifndef JSON_H
#define JSON_H

#include "../standin/buffer.h"

/* Length of the UTF-8 sequence that begins with a byte above 0x7f; 0 when it is none (RFC 3629: no surrogates, none longer than need be). */
size_t json_sequence(const unsigned char *text, size_t length);
void json_string(struct buffer *json, const char *text, size_t length);

#endif
