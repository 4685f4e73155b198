#ifndef WEFT_LOG_H
#define WEFT_LOG_H
/* The log: one line an event, on stderr.
 *
 *     weft_log_info("%.*s ordered %d looms", WEFT_FMT(name), n);
 *     weft_log_event(WEFT_LOG_INFO, "ordered", weft_log_text("who", name), weft_log_int("looms", n));
 *
 *     2026-02-03T04:05:06.789Z info [9f3a] ada ordered 3 looms
 *     {"time":"2026-02-03T04:05:06.789Z","level":"info","message":"ordered","request_id":"9f3a","who":"ada","looms":3}
 *
 * A line has the time, the level, the request's id (weft_request_ids), the text, fields, and the trace, where they are known. Whatever is in a
 * text: control characters, ends of lines and what is no UTF-8 are escaped, so nothing can forge a line or drive a terminal. A line has
 * 4096 bytes at most; what is longer is cut, with "..." at its end.
 *
 * In a loop debug and info are gathered and written together, within a second; warnings and errors at once, with what was gathered
 * before them. So a line costs a fraction of a microsecond, and a program that is killed loses the last second of info.
 * As JSON, what the runtime says by itself (the watchdog, failures that nobody awaited) is an object, too, a warning.
 * Nothing here waits or blocks: when stderr takes nothing, lines are dropped, and the next one says how many were.
 * May be called anywhere: in tasks, on threads, outside of both. */
#include "weft/base.h"

typedef enum weft_log_level { WEFT_LOG_OFF = -1, WEFT_LOG_ERROR, WEFT_LOG_WARNING, WEFT_LOG_INFO, WEFT_LOG_DEBUG } weft_log_level;

/* A line of text, as of printf. What is not wanted is not even formatted. Wait: never. */
#define weft_log_error(...)   weft__log_at(WEFT_LOG_ERROR, __VA_ARGS__)
#define weft_log_warning(...) weft__log_at(WEFT_LOG_WARNING, __VA_ARGS__)
#define weft_log_info(...)    weft__log_at(WEFT_LOG_INFO, __VA_ARGS__)
#define weft_log_debug(...)   weft__log_at(WEFT_LOG_DEBUG, __VA_ARGS__)
#define weft__log_at(level, ...) (weft_log_wants(level) ? weft__log((level), __VA_ARGS__) : (void)0)
void weft__log(weft_log_level level, const char *fmt, ...) WEFT_PRINTF(2, 3);

/* A line with fields: names are yours and plain, values may be anything. As text they stand behind the message, name=value, in quotes
 * where they have spaces; as JSON they are members. Waits: never. */
typedef struct weft_log_field {
    const char *name;
    enum { WEFT__LOG_TEXT, WEFT__LOG_INT, WEFT__LOG_DOUBLE } kind;
    union { weft_str text; int64_t n; double d; };
} weft_log_field;
static inline weft_log_field weft_log_text(const char *name, weft_str text) { return (weft_log_field){ .name = name, .kind = WEFT__LOG_TEXT, .text = text }; }
static inline weft_log_field weft_log_int(const char *name, int64_t n) { return (weft_log_field){ .name = name, .kind = WEFT__LOG_INT, .n = n }; }
static inline weft_log_field weft_log_double(const char *name, double d) { return (weft_log_field){ .name = name, .kind = WEFT__LOG_DOUBLE, .d = d }; }
#define weft_log_event(level, message, ...) (weft_log_wants(level) ? weft_log_event_with((level), (message), \
    (const weft_log_field[]){ __VA_ARGS__ }, sizeof((const weft_log_field[]){ __VA_ARGS__ }) / sizeof(weft_log_field)) : (void)0)
void weft_log_event_with(weft_log_level level, const char *message, const weft_log_field *fields, size_t count);

/* ---- what is wanted ---- */

/* Lines up to this level are wanted; WEFT_LOG_OFF: none. At first what WEFT_LOG in the environment says (debug, info, warning, error,
 * off), or info. While weft_serve runs SIGUSR1 switches debug on, and the next one back to what was wanted before, unless the program uses that signal itself; each
 * says so in a line. Where debug is wanted already, by WEFT_LOG or the program, it stays, and the line says that.
 * May be called at any time, from any thread. Wait: never. */
void weft_log_set_level(weft_log_level level);
weft_log_level weft_log_get_level(void);

/* Lines as JSON objects, or as text; at first what WEFT_LOG_FORMAT in the environment says (json, text), or text. */
void weft_log_set_json(bool json);

extern int weft__log_most;           /* not for use; beyond all levels: the environment was not asked yet */
static inline bool weft_log_wants(weft_log_level level) { return (int)level <= __atomic_load_n(&weft__log_most, __ATOMIC_RELAXED); }

/* The trace that this task is part of, as the header traceparent says it (W3C Trace Context), to pass it on by other ways than
 * weft_fetch and its like, which do so themselves; "" without one. Applications with .trace = true take it from their requests, or begin
 * one. Lives as long as weft_alloc's. Waits: never. */
weft_str weft_traceparent(void);
#endif
