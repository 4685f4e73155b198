#include "io/log.h"
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include "base/plain.h"
#include "os/stderr.h"
#include "task/loop.h"

weft__log_ids weft__log_id_here;

static const char *const level_names[] = { "error", "warn", "info" };
static _Thread_local unsigned long dropped;

typedef struct line { char text[WEFT__STDERR_MAX]; size_t len; } line;

enum { TAIL = 80 }; /* kept free for the count of dropped lines and the line's end */

static void add_time(line *l)
{
    weft__loop *loop = weft__loop_here();
    if (!loop) return;
    weft__os *os = weft__loop_os(loop);
    int64_t us = os->ops->wall_us(os);
    time_t seconds = (time_t)(us / 1000000);
    struct tm t;
    if (us < 0 || !gmtime_r(&seconds, &t)) return;
    l->len += strftime(l->text + l->len, sizeof l->text - l->len, "%Y-%m-%dT%H:%M:%S", &t);
    l->len += (size_t)snprintf(
        l->text + l->len, sizeof l->text - l->len, ".%03dZ ", (int)(us / 1000 % 1000));
}

static void add_escaped(line *l, weft_str text)
{
    l->len += weft__plain(&text, l->text + l->len, sizeof l->text - TAIL - l->len, false);
    if (text.len) l->len += (size_t)snprintf(l->text + l->len, sizeof l->text - l->len, "...");
}

void weft__log(weft__log_level level, const char *fmt, ...)
{
    line l = { .len = 0 };
    char text[WEFT__STDERR_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    add_time(&l);
    l.len += (size_t)snprintf(l.text + l.len, sizeof l.text - l.len, "%s ", level_names[level]);
    weft__log_id id = weft_local_get(&weft__log_id_here, (weft__log_id){ .len = 0 });
    if (id.len) l.len += (size_t)snprintf(l.text + l.len, sizeof l.text - l.len, "[%.*s] ", (int)id.len, id.text);
    add_escaped(&l, weft_str_of(text));
    size_t room = sizeof l.text - l.len;
    const char *many = dropped == 1 ? "" : "s";
    if (dropped)
        l.len += (size_t)snprintf(l.text + l.len, room,
            " (%lu line%s before this dropped: stderr was full)", dropped, many);
    l.text[l.len++] = '\n';
    dropped = weft__os_stderr_try(l.text, l.len) ? 0 : dropped + 1;
}
