#define _GNU_SOURCE
#include "io/log.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/mem.h"
#include "base/plain.h"
#include "os/stderr.h"
#include "task/error.h"
#include "wire/json.h"
#include "wire/number.h"

enum {
    TAIL = 400,                          /* of a line, kept free for its trace, the count of dropped lines and its end */
    FIELD_ROOM = 64,
    GATHERED_MAX = 64 * 1024,            /* beyond that lines are dropped when stderr takes nothing */
    FLUSH_AT = 16 * 1024,
    UNKNOWN = 99
};

static const char *const level_names[] = { "error", "warning", "info", "debug" };

/* ---- what is wanted ---- */

int weft__log_most = UNKNOWN;
static bool as_json;                     /* all of these by atomic loads and stores, from any thread */
static uint64_t counts[weft_count(level_names)], all_dropped;

static int level_named(const char *name)
{
    for (int i = 0; i < (int)weft_count(level_names); i++)
        if (strcmp(name, level_names[i]) == 0) return i;
    return strcmp(name, "off") == 0 ? WEFT_LOG_OFF : UNKNOWN;
}

/* What the runtime says by itself: "weft: loop blocked 312 ms: ...", with lines below it. */
static void say_as_json(weft_str text)
{
    static const weft_str name = WEFT_S("weft: ");
    while (text.len && text.ptr[text.len - 1] == '\n') text.len--;
    if (text.len > name.len && memcmp(text.ptr, name.ptr, name.len) == 0) text = (weft_str){ text.ptr + name.len, text.len - name.len };
    weft__log(WEFT_LOG_WARNING, "%.*s", WEFT_FMT(text));
}

static void set_json(bool json)
{
    __atomic_store_n(&as_json, json, __ATOMIC_RELAXED);
    __atomic_store_n(&weft__say_instead, json ? say_as_json : NULL, __ATOMIC_RELEASE);
}

/* Two threads that ask at the same time find the same. */
static int most(void)
{
    int now = __atomic_load_n(&weft__log_most, __ATOMIC_RELAXED);
    if (now != UNKNOWN) return now;
    const char *level = getenv("WEFT_LOG"), *format = getenv("WEFT_LOG_FORMAT");
    now = level ? level_named(level) : WEFT_LOG_INFO;
    if (now == UNKNOWN) now = WEFT_LOG_INFO;
    if (format && strcmp(format, "json") == 0) set_json(true);
    __atomic_store_n(&weft__log_most, now, __ATOMIC_RELAXED);
    return now;
}

void weft_log_set_level(weft_log_level level)
{
    (void)most();
    __atomic_store_n(&weft__log_most, (int)level, __ATOMIC_RELAXED);
}

weft_log_level weft_log_get_level(void) { return (weft_log_level)most(); }

void weft_log_set_json(bool json)
{
    (void)most();
    set_json(json);
}

uint64_t weft__log_count(weft_log_level level) { return __atomic_load_n(&counts[level], __ATOMIC_RELAXED); }
uint64_t weft__log_dropped(void) { return __atomic_load_n(&all_dropped, __ATOMIC_RELAXED); }

weft__log_ids weft__log_id_here;
weft__traces weft__trace_here;

/* ---- what a loop gathers ---- */

typedef struct gathered {
    weft__timer timer;                   /* runs while something waits to be written */
    weft__loop *loop;
    int of;                              /* the process */
    weft__buf out;
    int64_t base_ns, base_us, second;    /* the clock of the loop and that of the wall, at the same moment */
    char stamp[20];                      /* of `second` */
} gathered;

static _Thread_local unsigned long dropped;      /* since the last line that was written */

static void flush(gathered *g)
{
    size_t at = 0;
    g->out.failed = 0;
    if (!g->out.len) return;
    while (at < g->out.len) {
        size_t n = g->out.len - at;
        if (n > WEFT__STDERR_MAX) n = (size_t)((const char *)memrchr(g->out.ptr + at, '\n', WEFT__STDERR_MAX) + 1 - (g->out.ptr + at));
        if (!weft__os_stderr_try(g->out.ptr + at, n)) break;
        at += n;
    }
    if (at) memmove(g->out.ptr, g->out.ptr + at, g->out.len - at);
    g->out.len -= at;
}

static void flush_later(gathered *g)
{
    if (g->timer.place) return;
    if (weft__timer_start(g->loop, &g->timer, weft__loop_now(g->loop) + 1000000000) < 0) flush(g);
}

static void second_over(weft__timer *t)
{
    gathered *g = (gathered *)t;
    flush(g);
    if (g->out.len) flush_later(g);
}

static void gathered_free(void *arg)
{
    gathered *g = arg;
    weft__timer_stop(g->loop, &g->timer);
    flush(g);
    weft__buf_free(&g->out);
    *weft__loop_slot(g->loop, WEFT__SLOT_LOG) = NULL;
    weft__free(g);
}

/* A task may end the program: what its loop has gathered goes out then. A forked child has a copy that is not its to write. */
static void flush_at_exit(void)
{
    weft__loop *loop = weft__loop_here();
    gathered *g = loop ? *weft__loop_slot(loop, WEFT__SLOT_LOG) : NULL;
    if (g && g->of == weft__os_pid()) flush(g);
}

/* Without memory nothing is gathered: lines go out one by one. */
static gathered *gathered_new(weft__loop *loop)
{
    static bool registered;
    gathered *g = weft__calloc(sizeof *g);
    if (!g) return NULL;
    g->loop = loop;
    g->of = weft__os_pid();
    if (!__atomic_exchange_n(&registered, true, __ATOMIC_RELAXED)) (void)atexit(flush_at_exit);
    g->timer.fire = second_over;
    g->second = -1;
    g->base_ns = INT64_MIN / 2;
    weft__buf_init(&g->out, GATHERED_MAX);
    if (weft__loop_on_free(loop, gathered_free, g) == 0) {
        *weft__loop_slot(loop, WEFT__SLOT_LOG) = g;
        return g;
    }
    weft__free(g);
    return NULL;
}

static gathered *gathered_here(void)
{
    weft__loop *loop = weft__loop_here();
    gathered *g = loop ? *weft__loop_slot(loop, WEFT__SLOT_LOG) : NULL;
    return loop && !g ? gathered_new(loop) : g;
}

void weft__log_flush(void)
{
    weft__loop *loop = weft__loop_here();
    gathered *g = loop ? *weft__loop_slot(loop, WEFT__SLOT_LOG) : NULL;
    if (g) flush(g);
}

/* ---- one line ---- */

typedef struct line {
    weft__buf out;                       /* over `text`, and never more */
    bool json, cut;
    char text[WEFT__STDERR_MAX + 1];
} line;

static void line_init(line *l)
{
    l->json = __atomic_load_n(&as_json, __ATOMIC_RELAXED);
    l->cut = false;
    l->out = (weft__buf){ .ptr = l->text, .room = WEFT__STDERR_MAX - TAIL, .bytes_max = WEFT__STDERR_MAX - TAIL };
}

/* The wall's clock is read once a second; in between that of the loop counts. */
static int64_t wall_us(gathered *g)
{
    int64_t now = weft__loop_now(g->loop);
    if (now - g->base_ns >= 1000000000) {
        weft__os *os = weft__loop_os(g->loop);
        g->base_us = os->ops->wall_us(os);
        g->base_ns = now;
    }
    return g->base_us + (now - g->base_ns) / 1000;
}

static void stamp_second(gathered *g, int64_t second)
{
    struct tm t;
    time_t seconds = (time_t)second;
    if (!gmtime_r(&seconds, &t)) return;
    strftime(g->stamp, sizeof g->stamp, "%Y-%m-%dT%H:%M:%S", &t);
    g->second = second;
}

static void add_time(line *l, gathered *g)
{
    char text[] = "2026-02-03T04:05:06.789Z";
    if (!g) return;
    int64_t us = wall_us(g);
    if (us < 0) return;
    if (us / 1000000 != g->second) stamp_second(g, us / 1000000);
    int ms = (int)(us / 1000 % 1000);
    memcpy(text, g->stamp, 19);
    text[20] = (char)('0' + ms / 100);
    text[21] = (char)('0' + ms / 10 % 10);
    text[22] = (char)('0' + ms % 10);
    if (l->json) weft__buf_lit(&l->out, "\"time\":\"");
    weft__buf_add(&l->out, text, 24);
    if (l->json) weft__buf_lit(&l->out, "\",");
    else weft__buf_add_char(&l->out, ' ');
}

static bool harmless(weft_str text)
{
    return weft__json_plain_end(text.ptr, text.ptr + text.len) == text.ptr + text.len && !memchr(text.ptr, 0x7f, text.len);
}

/* Escaped for people, and between quotes once more; as much as finds room. */
static void add_escaped(line *l, weft_str text, bool quoted)
{
    while (text.len && !l->cut) {
        char plain[256];
        size_t n = weft__plain(&text, plain, sizeof plain, false);
        for (size_t i = 0; i < n; i++) {
            bool escape = quoted && (plain[i] == '"' || plain[i] == '\\');
            if (l->out.room - l->out.len < 8 && ((unsigned char)plain[i] & 0xc0) != 0x80) {
                l->cut = true;
                return;
            }
            if (escape) weft__buf_add_char(&l->out, '\\');
            weft__buf_add_char(&l->out, plain[i]);
        }
    }
}

static void add_text(line *l, weft_str text, bool quoted)
{
    if (text.len && text.len + 8 < l->out.room - l->out.len && harmless(text)) weft__buf_add_str(&l->out, text);
    else add_escaped(l, text, quoted);
    if (l->cut) weft__buf_lit(&l->out, "...");
}

static void add_number(line *l, const weft_log_field *f)
{
    char text[WEFT__DOUBLE_MAX];
    if (f->kind == WEFT__LOG_INT) weft__buf_add_int(&l->out, f->n);
    else if (isfinite(f->d)) weft__buf_add(&l->out, text, weft__double_write(text, f->d));
    else weft__buf_lit(&l->out, "null");
}

static bool wants_quotes(weft_str text) { return !text.len || memchr(text.ptr, ' ', text.len) || memchr(text.ptr, '=', text.len) || !harmless(text); }

static void add_field(line *l, const weft_log_field *f)
{
    if (l->out.room - l->out.len < FIELD_ROOM + strlen(f->name)) l->cut = true;
    if (l->cut) return;
    bool text = f->kind == WEFT__LOG_TEXT, quotes = text && (l->json || wants_quotes(f->text));
    weft__buf_add_str(&l->out, l->json ? WEFT_S(",\"") : WEFT_S(" "));
    weft__buf_add_str(&l->out, weft_str_of(f->name));
    weft__buf_add_str(&l->out, l->json ? WEFT_S("\":") : WEFT_S("="));
    if (quotes) weft__buf_add_char(&l->out, '"');
    if (text) add_text(l, f->text, quotes);
    else add_number(l, f);
    if (quotes) weft__buf_add_char(&l->out, '"');
}

static void add_hex(line *l, const char *name, const uint8_t *bytes, size_t n)
{
    char text[32];
    weft__hex(text, bytes, n);
    add_field(l, &(weft_log_field){ .name = name, .text = { text, 2 * n } });
}

static void add_trace(line *l)
{
    weft__trace_ids ids = weft_local_get(&weft__trace_here, (weft__trace_ids){ .there = false });
    if (!ids.there) return;
    add_hex(l, "trace_id", ids.trace, sizeof ids.trace);
    add_hex(l, "span_id", ids.span, sizeof ids.span);
}

static void add_dropped(line *l)
{
    if (!dropped) return;
    if (l->json) weft__buf_printf(&l->out, ",\"dropped\":%lu", dropped);
    else weft__buf_printf(&l->out, " (%lu line%s before this dropped: stderr was full)", dropped, dropped == 1 ? "" : "s");
}

static void drop(void)
{
    dropped++;
    __atomic_fetch_add(&all_dropped, 1, __ATOMIC_RELAXED);
}

/* In virtual time nothing waits for a second that may never come. */
static void gather(gathered *g, weft_str text, weft_log_level level)
{
    if (text.len > GATHERED_MAX - g->out.len) flush(g);
    if (text.len > GATHERED_MAX - g->out.len) {
        drop();
        return;
    }
    weft__buf_add_str(&g->out, text);
    if (g->out.failed) {
        g->out.failed = 0;
        drop();
        return;
    }
    dropped = 0;
    bool now = level <= WEFT_LOG_WARNING || weft__loop_os(g->loop)->ops->virtual_time || g->out.len >= FLUSH_AT;
    if (now) flush(g);
    if (g->out.len) flush_later(g);
}

static void begin(line *l, gathered *g, weft_log_level level, weft_str message)
{
    line_init(l);
    if (l->json) weft__buf_add_char(&l->out, '{');
    add_time(l, g);
    if (l->json) weft__buf_lit(&l->out, "\"level\":\"");
    weft__buf_add_str(&l->out, weft_str_of(level_names[level]));
    if (l->json) weft__buf_lit(&l->out, "\",\"message\":\"");
    else weft__buf_add_char(&l->out, ' ');
    weft__log_id id = weft_local_get(&weft__log_id_here, (weft__log_id){ .len = 0 });
    if (id.len && !l->json) weft__buf_printf(&l->out, "[%.*s] ", (int)id.len, id.text);
    add_text(l, message, l->json);
    if (l->json) weft__buf_add_char(&l->out, '"');
    if (id.len && l->json) add_field(l, &(weft_log_field){ .name = "request_id", .text = { id.text, id.len } });
}

static void end(line *l, gathered *g, weft_log_level level)
{
    l->out.room = l->out.bytes_max = WEFT__STDERR_MAX;
    l->out.failed = 0;
    l->cut = false;
    add_trace(l);
    add_dropped(l);
    weft__buf_add_str(&l->out, l->json ? WEFT_S("}\n") : WEFT_S("\n"));
    __atomic_fetch_add(&counts[level], 1, __ATOMIC_RELAXED);
    if (g) gather(g, weft__buf_str(&l->out), level);
    else if (weft__os_stderr_try(l->out.ptr, l->out.len)) dropped = 0;
    else drop();
}

void weft__log(weft_log_level level, const char *fmt, ...)
{
    line l;
    char text[WEFT__STDERR_MAX];
    va_list args;
    if (level < WEFT_LOG_ERROR || (int)level > most()) return;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n < 0) return;
    gathered *g = gathered_here();
    begin(&l, g, level, (weft_str){ text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1 });
    end(&l, g, level);
}

void weft_log_event_with(weft_log_level level, const char *message, const weft_log_field *fields, size_t count)
{
    line l;
    if (level < WEFT_LOG_ERROR || (int)level > most()) return;
    gathered *g = gathered_here();
    begin(&l, g, level, weft_str_of(message));
    for (size_t i = 0; i < count; i++) add_field(&l, &fields[i]);
    end(&l, g, level);
}
