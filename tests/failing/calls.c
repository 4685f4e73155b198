/* What stands between weft and the system in the program of tools/fail-each: each allocation and each call that can
 * fail is counted, and one of them fails. In that program the library's own objects call fail_NAME where they call
 * NAME elsewhere; tests and libc are left alone. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include "failing.h"

failing_state *failing_now;
const char *failing_call;

/* True when it is this one's turn. */
static int due(const char *name)
{
    failing_state *s = failing_now;
    if (!s || !s->armed || (failing_call && !strstr(name, failing_call))) return 0;
    long at = __atomic_add_fetch(&s->calls, 1, __ATOMIC_RELAXED);
    if (at != s->fail_at) return 0;
    s->failed = name;
    return 1;
}

void *weft__malloc(size_t), *weft__calloc(size_t), *weft__realloc(void *, size_t);
void *fail_weft__malloc(size_t), *fail_weft__calloc(size_t), *fail_weft__realloc(void *, size_t);
void *fail_weft__malloc(size_t n) { return due("weft__malloc") ? NULL : weft__malloc(n); }
void *fail_weft__calloc(size_t n) { return due("weft__calloc") ? NULL : weft__calloc(n); }
void *fail_weft__realloc(void *p, size_t n) { return n && due("weft__realloc") ? NULL : weft__realloc(p, n); }

/* Arguments of these calls are words, at most seven of them: passed on as they came. */
#define FAILING_CALL(name, value, error) \
    extern long real_##name(long, ...) __asm__(#name); \
    long fail_##name(long a, long b, long c, long d, long e, long f, long g); \
    long fail_##name(long a, long b, long c, long d, long e, long f, long g) \
    { \
        if (!due(#name)) return real_##name(a, b, c, d, e, f, g); \
        errno = error; \
        return value; \
    }
#include "calls.list"
