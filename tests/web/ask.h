#ifndef WEFT_TESTS_WEB_ASK_H
#define WEFT_TESTS_WEB_ASK_H
/* Answers, looked at. */
#include <stdio.h>
#include <string.h>
#include "weft.h"

static inline weft_str header(const weft_response *r, const char *name) { return weft_response_header(r, name); }
static inline bool has(weft_str text, const char *part) { return text.ptr && strstr(text.ptr, part) != NULL; }

/* A line of a page of metrics. */
static inline bool has_line(const char *text, const char *line)
{
    size_t n = strlen(line);
    for (const char *at = text; (at = strstr(at, line)); at++)
        if ((at == text || at[-1] == '\n') && at[n] == '\n') return true;
    fprintf(stderr, "no line: %s\n", line);
    return false;
}
#endif
