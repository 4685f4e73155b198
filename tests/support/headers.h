#ifndef WEFT_TESTS_SUPPORT_HEADERS_H
#define WEFT_TESTS_SUPPORT_HEADERS_H
#include <string.h>
#include "weft.h"

/* The next of lines "Name: value", divided by line feeds: false when there is none. */
static inline bool header_next(const char **lines, weft_header *out)
{
    const char *at = *lines;
    if (!at || !*at) return false;
    size_t name = strcspn(at, ":"), line = strcspn(at, "\n");
    *out = (weft_header){ { at, name }, { at + name + 2, line - name - 2 } };
    *lines = at + line + (at[line] == '\n');
    return true;
}

static inline size_t headers_of(const char *lines, weft_header *out, size_t room)
{
    size_t n = 0;
    while (n < room && header_next(&lines, &out[n])) n++;
    return n;
}
#endif
