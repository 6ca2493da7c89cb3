/* Reads JSON as Go's encoding/json does: a text is checked as a whole, then looked into. */
#ifndef JSON_READ_H
#define JSON_READ_H

#include "../standin/buffer.h"
#include "../standin/http.h"

/*
 * The text's first value; what follows it is an error where it is to be `alone`. A zero slice with Go's message of
 * what is wrong: as json.Unmarshal says it where it is alone, else as json.Decoder does.
 */
struct slice json_value(const char *text, size_t length, int alone, char *problem, size_t size);

/* What follows takes values that json_value has returned, or parts of them. */

/* `object`, `array`, `string`, `number`, `bool` or `null`. */
const char *json_kind(struct slice value);
/* The object's last member of the name, in upper or lower case, that is not null; a zero slice when there is none. */
struct slice json_member(struct slice object, const char *name);
/* Moves from a zero slice to an array's first element, and on to the next; 0 behind the last one. */
int json_next(struct slice array, struct slice *element);
/* Appends what a string says; anything else says nothing. */
void json_text(struct slice string, struct buffer *text);

#endif
