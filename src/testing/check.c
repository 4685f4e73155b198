#include "weft/check.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "testing/verdict.h"

static weft__verdict alone;
weft__verdict *weft__verdict_now = &alone;
void (*weft__test_cleanup)(void);
int weft__check_fd = STDERR_FILENO;

void weft__check_fail(const char *file, int line, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    fflush(stdout);
    dprintf(weft__check_fd, "%s:%d: %s\n", file, line, text);
    atomic_fetch_add(&weft__verdict_now->failed_checks, 1);
}

bool weft__check(const char *file, int line, const char *text, bool holds)
{
    if (!holds) weft__check_fail(file, line, "expected %s", text);
    return holds;
}

bool weft__check_eq(const char *file, int line, const char *ea, const char *eb, long long a, long long b)
{
    if (a == b) return true;
    weft__check_fail(file, line, "expected %s == %s, got %lld and %lld", ea, eb, a, b);
    return false;
}

/* The bytes around `at`, quoted, with what cannot be printed escaped. */
static const char *excerpt(char *out, size_t room, weft_str s, size_t at)
{
    size_t from = at > 60 ? at - 40 : 0, n = 0;
    n += (size_t)snprintf(out, room, "%s\"", from ? "..." : "");
    for (size_t i = from; i < s.len && n + 16 < room; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool plain = c >= ' ' && c != '"' && c != '\\' && c != 127;
        n += (size_t)snprintf(out + n, room - n, plain ? "%c" : "\\x%02x", c);
        if (i + 1 < s.len && n + 17 >= room) return strcat(out, "\"...");
    }
    return strcat(out, "\"");
}

bool weft__check_str(const char *file, int line, const char *ea, weft_str a, const char *b)
{
    weft_str want = weft_str_of(b);
    if (weft_str_equal(a, want)) return true;
    size_t at = 0;
    while (at < a.len && at < want.len && a.ptr[at] == want.ptr[at]) at++;
    char got_text[256], want_text[256];
    weft__check_fail(file, line, "%s differs at byte %zu\n    expected %s (%zu bytes)\n    got      %s (%zu bytes)",
        ea, at, excerpt(want_text, sizeof want_text, want, at), want.len,
        excerpt(got_text, sizeof got_text, a, at), a.len);
    return false;
}

/* _exit, not exit: a test that is cut short has not freed anything, and may stand on a task's stack. */
void weft__test_abort(void)
{
    fflush(NULL);
    atomic_fetch_add(&weft__verdict_now->failed_checks, 1);
    _exit(1);
}

void weft__test_skip(const char *reason)
{
    fflush(NULL);
    snprintf(weft__verdict_now->skip_reason, sizeof weft__verdict_now->skip_reason, "%s", reason);
    weft__verdict_now->finished = true;
    _exit(WEFT__EXIT_SKIPPED);
}
