#ifndef WEFT_TESTS_SUPPORT_HEADERS_H
#define WEFT_TESTS_SUPPORT_HEADERS_H
#include <stdio.h>
#include <string.h>
#include "weft.h"
#include "weft/check.h"

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

/* The response has the headers of such lines; "Name: " without a value: it has none of that name. */
static inline void headers_are(const weft_response *r, const char *lines)
{
    char name[64], value[256];
    for (weft_header h; header_next(&lines, &h);) {
        snprintf(name, sizeof name, "%.*s", WEFT_FMT(h.name));
        snprintf(value, sizeof value, "%.*s", WEFT_FMT(h.value));
        if (!WEFT_CHECK_STR(weft_response_header(r, name), value)) fprintf(stderr, "  (header %s)\n", name);
    }
}
#endif
