/* JSON strings as Go's encoding/json writes them: <, > and & escaped, bytes that are no UTF-8 as U+FFFD. */
#ifndef JSON_H
#define JSON_H

#include "../standin/buffer.h"

void json_string(struct buffer *json, const char *text, size_t length);

#endif
