#ifndef WEFT_TESTS_WEB_TOLD_H
#define WEFT_TESTS_WEB_TOLD_H
/* What happened in a test, in its order: "open a, open b, close b 0". */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "weft.h"

static char told_text[4096] __attribute__((unused));

static inline WEFT_PRINTF(1, 2) void tell(const char *fmt, ...)
{
    va_list args;
    size_t n = strlen(told_text);
    if (n) n += (size_t)snprintf(told_text + n, sizeof told_text - n, ", ");
    va_start(args, fmt);
    vsnprintf(told_text + n, sizeof told_text - n, fmt, args);
    va_end(args);
}

/* All of it since the last time. */
static inline bool told_at(const char *file, int line, const char *text)
{
    bool same = weft__check_str(file, line, "what was told", weft_str_of(told_text), text);
    told_text[0] = 0;
    return same;
}
#define TOLD(text) told_at(__FILE__, __LINE__, (text))
#endif
