/* What blocked the loops of this process, counted by place, and how it is logged. */
#include "task/blocked.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "os/sampler.h"
#include "os/stderr.h"
#include "task/error.h"

typedef struct entry { weft__blocked seen; int64_t told_ns; } entry;

static const int64_t NEWS_NS = 60000000000;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static entry entries[WEFT__BLOCKED_MAX];
static size_t count;

/* The last place is everybody's who came too late for one. */
static entry *entry_of(const char *work, const char *place)
{
    for (size_t i = 0; i < count; i++)
        if (strncmp(entries[i].seen.work, work, sizeof entries[i].seen.work - 1) == 0
            && strncmp(entries[i].seen.place, place, sizeof entries[i].seen.place - 1) == 0)
            return &entries[i];
    if (count == WEFT__BLOCKED_MAX) return &entries[count - 1];
    bool others = count == WEFT__BLOCKED_MAX - 1;
    entry *e = &entries[count++];
    snprintf(e->seen.work, sizeof e->seen.work, "%s", others ? "(others)" : work);
    snprintf(e->seen.place, sizeof e->seen.place, "%s", others ? "" : place);
    return e;
}

void weft__blocked_add(const char *work, const char *place, int64_t ms)
{
    pthread_mutex_lock(&lock);
    weft__blocked *b = &entry_of(work, place)->seen;
    b->count++;
    b->total_ms += (uint64_t)ms;
    if ((uint64_t)ms > b->longest_ms) b->longest_ms = (uint64_t)ms;
    pthread_mutex_unlock(&lock);
}

bool weft__blocked_is_news(const char *work, const char *place, int64_t now_ns)
{
    pthread_mutex_lock(&lock);
    entry *e = entry_of(work, place);
    bool news = !e->told_ns || now_ns - e->told_ns > NEWS_NS;
    if (news) e->told_ns = now_ns;
    pthread_mutex_unlock(&lock);
    return news;
}

size_t weft__watchdog_blocked(weft__blocked *out, size_t max)
{
    size_t n = 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < count && n < max; i++)
        if (entries[i].seen.count) out[n++] = entries[i].seen;
    pthread_mutex_unlock(&lock);
    return n;
}

/* ---- the log ---- */

/* What is too long is cut, with the end of its line kept. */
static void add(char *to, size_t *n, const char *fmt, ...) WEFT_PRINTF(3, 4);
static void add(char *to, size_t *n, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int more = vsnprintf(to + *n, WEFT__STDERR_MAX - *n, fmt, args);
    va_end(args);
    *n += more > 0 ? (size_t)more : 0;
    if (*n < WEFT__STDERR_MAX) return;
    *n = WEFT__STDERR_MAX - 1;
    to[*n - 1] = '\n';
}

static void add_stack(char *to, size_t *n, const weft__block *b)
{
    if (b->task[0]) add(to, n, "weft:   task %s, started at %s\n", b->task, b->spawned);
    for (const char *at = b->stack; *at;) {
        int line = (int)strcspn(at, "\n");
        add(to, n, "weft:   at %.*s\n", line, at);
        at += line + (at[line] == '\n');
    }
}

void weft__watchdog_log(void *ctx, const weft__block *b)
{
    (void)ctx;
    char text[WEFT__STDERR_MAX];
    size_t n = 0;
    long long ms = b->ms;
    const char *in = b->place[0] ? " in " : "", *in_all = b->last ? " in all" : "";
    if (b->starved) add(text, &n, "weft: loop late by %lld ms%s: the machine gave it no processor (%s)\n", ms, in_all, b->work);
    else add(text, &n, "weft: loop blocked %lld ms%s: %s%s%s\n", ms, in_all, b->work, in, b->place);
    bool news = b->first && !b->starved && weft__blocked_is_news(b->work, b->function, weft__sampler_now_ns());
    if (news) add_stack(text, &n, b);
    void (*instead)(weft_str) = __atomic_load_n(&weft__say_instead, __ATOMIC_ACQUIRE);
    if (instead) instead((weft_str){ text, n });
    else (void)weft__os_stderr_try(text, n);
}
