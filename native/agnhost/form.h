/* Parameters of a query or of a form's body (application/x-www-form-urlencoded), as Go's net/url reads them. */
#ifndef FORM_H
#define FORM_H

#include <stddef.h>

/* The first value of the name, on the heap; NULL when it is not there. Pairs that are badly escaped do not count. */
char *form_value(const char *text, size_t length, const char *name);
/* Undoes %XX (and + where `plus`), in place; -1 when it is badly escaped. The length shrinks with it. */
int form_unescape(char *text, size_t *length, int plus);

#endif
