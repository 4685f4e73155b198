/* weft_access_log: a line for each request, gathered and written by a task that comes when there are some. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/plain.h"
#include "io/log.h"
#include "os/stderr.h"
#include "task/loop.h"
#include "web/onion.h"
#include "web/words.h"
#include "weft/file.h"
#include "wire/json.h"

enum {
    LINES_BYTES_MAX = 1 << 20,
    LINES_ROOM_KEPT = 64 * 1024,
    FLUSH_BYTES = 32 * 1024,         /* as many are written at once, before the second is over */
    FLUSH_MS = 1000,
    LAST_MS = 2000,                  /* for the last lines, when the server ends */
    TARGET_MAX = 2000,               /* so that a line is written in one piece: WEFT__STDERR_MAX */
    AGENT_MAX = 500,
    DATE_ROOM = 40
};

typedef struct access_log {
    const weft_access_log_opts *opts;
    weft__buf lines;
    uint64_t dropped;
    bool writing;                    /* there is a task that will write them */
    weft__fiber *sleeper;            /* which it is, while it waits for more or for its time; else NULL */
    bool fails;                      /* the last write did, which was said */
    char date[DATE_ROOM];
    size_t date_len;
    char prefix[WEFT__PEER_ROOM + DATE_ROOM + 16];   /* of a line of text: "127.0.0.1 - - [date] \"", as long as both are the same */
    size_t prefix_len;
    weft__peer peer;
    int64_t date_ns, date_us;        /* when it was made, on both clocks */
    int64_t date_until_ns;
} access_log;

/* What is told of a request, kept while its head is there. */
typedef struct seen {
    int64_t began_ns;
    weft_str line, method, path, query, referer, agent;
    int minor;
    bool to_head;
} seen;

/* ---- writing ---- */

static void count_lines(access_log *l, weft_str lines)
{
    for (size_t i = 0; i < lines.len; i++) l->dropped += lines.ptr[i] == '\n';
}

static void say_dropped(access_log *l)
{
    if (!l->dropped) return;
    weft__log(WEFT_LOG_WARNING, "the access log dropped %llu lines: nobody took them", (unsigned long long)l->dropped);
    l->dropped = 0;
}

static void write_file(access_log *l)
{
    weft__buf mine = l->lines;
    weft__buf_init(&l->lines, LINES_BYTES_MAX);
    WEFT_SCOPE(last, .shield = true, .timeout_ms = LAST_MS);
    int rc = weft_file_append(l->opts->path, weft__buf_str(&mine));
    if (rc < 0) count_lines(l, weft__buf_str(&mine));
    if (rc < 0 && !l->fails) weft__log(WEFT_LOG_ERROR, "the access log: %s", weft_error_of(rc)->text);
    l->fails = rc < 0;
    weft__buf_clear(&mine);
    if (!l->lines.ptr && mine.room <= LINES_ROOM_KEPT) l->lines = mine;
    else weft__buf_free(&mine);
}

/* Whole lines, as many as surely fit at once; what finds no room stays for the next time. */
static void write_stdout(access_log *l)
{
    size_t at = 0;
    while (at < l->lines.len) {
        size_t n = l->lines.len - at;
        while (n > WEFT__STDERR_MAX) {
            const char *end = memrchr(l->lines.ptr + at, '\n', WEFT__STDERR_MAX);
            n = end ? (size_t)(end + 1 - l->lines.ptr) - at : WEFT__STDERR_MAX;
        }
        if (!weft__os_stdout_try(l->lines.ptr + at, n)) break;
        at += n;
    }
    l->lines.len -= at;
    if (at) memmove(l->lines.ptr, l->lines.ptr + at, l->lines.len);
    if (!l->lines.len && l->lines.room > LINES_ROOM_KEPT) weft__buf_free(&l->lines);
}

/* 0: it is time to write; else the code of a cancel. */
static int wait_for_lines(access_log *l)
{
    l->sleeper = weft__self();
    int rc = weft__park("lines of the access log", weft__loop_clock(weft__loop_here()) + FLUSH_MS * INT64_C(1000000));
    l->sleeper = NULL;
    return weft__cancelled() ? rc : 0;
}

/* Until there is nothing left to write, or the server ends. */
static int write_lines(void *arg)
{
    access_log *l = arg;
    int rc = 0;
    while (rc == 0 && l->lines.len) {
        WEFT_TEMP;
        rc = wait_for_lines(l);
        if (l->opts->path) write_file(l);
        else write_stdout(l);
        say_dropped(l);
    }
    l->writing = false;
    return 0;
}

static void begin_writing(access_log *l, const weft__exchange *x)
{
    if (l->lines.len >= FLUSH_BYTES && l->sleeper) (void)weft__wake(l->sleeper, 0);
    if (!l->writing) l->writing = weft__start(weft__exchange_scope(x), "the access log", write_lines, l) == 0;
}

/* ---- a line ---- */

static void make_date(access_log *l, int64_t now_ns)
{
    weft__os *os = weft__loop_os(weft__loop_here());
    struct tm t;
    if (now_ns < l->date_until_ns) return;
    int64_t us = os->ops->wall_us(os);
    time_t seconds = (time_t)(us / 1000000);
    if (!gmtime_r(&seconds, &t)) return;
    l->date_len = strftime(l->date, sizeof l->date, l->opts->json ? "%Y-%m-%dT%H:%M:%S" : "%d/%b/%Y:%H:%M:%S +0000", &t);
    l->prefix_len = 0;
    l->date_us = us;
    l->date_ns = now_ns;
    l->date_until_ns = now_ns + (1000000 - us % 1000000) * 1000;
}

static char *put(char *to, weft_str s)
{
    if (s.len) memcpy(to, s.ptr, s.len);
    return to + s.len;
}
#define PUT(to, literal) put((to), WEFT_S(literal))

static char *put_number(char *to, uint64_t n)
{
    char digits[20];
    int at = sizeof digits;
    if (n < 10) {
        *to = (char)('0' + n);
        return to + 1;
    }
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    while (at < (int)sizeof digits) *to++ = digits[at++];
    return to;
}

static char *put_three(char *to, unsigned n)
{
    to[0] = (char)('0' + n / 100);
    to[1] = (char)('0' + n / 10 % 10);
    to[2] = (char)('0' + n % 10);
    return to + 3;
}

static void make_prefix(access_log *l, const weft__exchange *x)
{
    const weft__peer *peer = weft__exchange_peer_raw(x);
    if (l->prefix_len && memcmp(peer, &l->peer, sizeof *peer) == 0) return;
    char *to = l->prefix + weft__exchange_peer(x, l->prefix);
    to = PUT(to, " - - [");
    to = put(to, (weft_str){ l->date, l->date_len });
    to = PUT(to, "] \"");
    l->prefix_len = (size_t)(to - l->prefix);
    l->peer = *peer;
}

/* What may stand between quotes; `to` has twice the room. */
static char *put_quoted(char *to, weft_str s)
{
    if (!s.len || (!memchr(s.ptr, '"', s.len) && !memchr(s.ptr, '\\', s.len))) return put(to, s);
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"' || s.ptr[i] == '\\') *to++ = '\\';
        *to++ = s.ptr[i];
    }
    return to;
}

/* From anywhere, and of any bytes. */
static char *put_foreign(char *to, weft_str s)
{
    char plain[4 * AGENT_MAX + WEFT__PLAIN_ROOM];
    to = PUT(to, " \"");
    size_t n = weft__plain(&s, plain, sizeof plain, false);
    to = n ? put_quoted(to, (weft_str){ plain, n }) : PUT(to, "-");
    return PUT(to, "\"");
}

typedef struct outcome { int status; uint64_t bytes, us; bool broken; weft__log_id id; } outcome;

static void add_text(access_log *l, const weft__exchange *x, const seen *s, const outcome *o)
{
    enum { AROUND = 320 };
    size_t foreign = l->opts->combined ? 2 * (8 * AGENT_MAX + 16) : 0;
    char *from = weft__buf_reserve(&l->lines, AROUND + 2 * s->line.len + foreign), *to = from;
    if (!to) return;
    make_prefix(l, x);
    to = put(to, (weft_str){ l->prefix, l->prefix_len });
    to = put_quoted(to, s->line);
    to = s->minor ? PUT(to, " HTTP/1.1\" ") : PUT(to, " HTTP/1.0\" ");
    to = put_three(to, (unsigned)o->status);
    to = PUT(to, " ");
    to = o->bytes ? put_number(to, o->bytes) : PUT(to, "-");
    if (l->opts->combined) to = put_foreign(put_foreign(to, s->referer), s->agent);
    to = PUT(to, " ");
    to = put_number(to, o->us / 1000);
    to = PUT(to, ".");
    to = put_three(to, (unsigned)(o->us % 1000));
    to = PUT(to, "ms ");
    to = o->id.len ? put(to, (weft_str){ o->id.text, o->id.len }) : PUT(to, "-");
    to = PUT(to, "\n");
    l->lines.len += (size_t)(to - from);
}

static void add_member(weft__buf *out, const char *name, weft_str value)
{
    weft__buf_printf(out, ",\"%s\":", name);
    weft__json_add_text_lossy(out, value);
}

static void add_json(access_log *l, const weft_request *request, const seen *s, const outcome *o, int64_t now_ns)
{
    weft__buf *out = &l->lines;
    char client[WEFT__PEER_ROOM];
    size_t n = weft__exchange_peer(request->exchange, client);
    int64_t us = l->date_us + (now_ns - l->date_ns) / 1000;
    weft__buf_printf(out, "{\"time\":\"%.*s.%03dZ\"", (int)l->date_len, l->date, (int)(us / 1000 % 1000));
    add_member(out, "client", (weft_str){ client, n });
    add_member(out, "method", s->method);
    add_member(out, "path", s->path);
    if (s->query.ptr) add_member(out, "query", s->query);
    add_member(out, "route", weft_request_route(request));
    weft__buf_printf(out, ",\"status\":%d,\"bytes\":%llu,\"ms\":%llu.%03llu", o->status, (unsigned long long)o->bytes,
        (unsigned long long)o->us / 1000, (unsigned long long)o->us % 1000);
    if (o->id.len) add_member(out, "id", (weft_str){ o->id.text, o->id.len });
    if (s->agent.len) add_member(out, "agent", s->agent);
    if (o->broken) weft__buf_lit(out, ",\"broken\":true");
    weft__buf_lit(out, "}\n");
}

static void add_line(access_log *l, const weft_request *request, const weft_reply *reply, const seen *s)
{
    weft__exchange *x = request->exchange;
    int64_t now_ns = weft__loop_clock(weft__loop_here());
    size_t before = l->lines.len;
    bool begun = weft_reply_begun(reply), cut = weft__exchange_cut(x) && x->failed == WEFT_ECANCELED;
    bool left = !begun && (cut || weft__exchange_left(x));
    outcome o = { .status = left || !reply->status ? 499 : reply->status, .us = (uint64_t)(now_ns - s->began_ns) / 1000, .broken = begun && x->failed };
    bool bare = s->to_head || weft__http_bodiless(o.status) || o.status == 499;
    if (!bare) o.bytes = weft_reply_bytes_of(reply);
    o.id = weft_local_get(&weft__log_id_here, (weft__log_id){ .len = 0 });
    make_date(l, now_ns);
    if (l->opts->json) add_json(l, request, s, &o, now_ns);
    else add_text(l, x, s, &o);
    if (l->lines.failed) {
        l->lines.len = before;
        l->lines.failed = 0;
        l->dropped++;
    }
    begin_writing(l, x);
}

/* ---- the layer ---- */

static weft_str cut(weft_str s, size_t max) { return s.len > max ? (weft_str){ s.ptr, max } : s; }

static weft_str value_of(const weft__http_head *head, weft_str name)
{
    const weft__http_header *h = weft__http_find(head, name, NULL);
    return h ? cut(h->value, AGENT_MAX) : (weft_str){ "", 0 };
}

/* A slice of the line as it came is one of the copy; "*" is none. */
static weft_str same_place(weft_str s, weft_str from, const char *to)
{
    size_t at = (size_t)((uintptr_t)s.ptr - (uintptr_t)from.ptr);
    if (!s.ptr || at > from.len) return s;
    return (weft_str){ to + at, s.len < from.len - at ? s.len : from.len - at };
}

static seen *look(const access_log *l, const weft__http_head *head, weft_arena *arena)
{
    seen *s = weft__arena_alloc(arena, sizeof *s);
    size_t all = (size_t)(head->target.ptr + head->target.len - head->method.ptr);
    weft_str line = cut((weft_str){ head->method.ptr, all }, TARGET_MAX), copy = weft__arena_dup(arena, line);
    if (!s || !copy.ptr) return NULL;
    *s = (seen){ .began_ns = weft__loop_now(weft__loop_here()), .line = copy, .minor = head->minor, .to_head = head->verb == WEFT__HEAD };
    s->method = same_place(head->method, line, copy.ptr);
    s->path = same_place(head->path, line, copy.ptr);
    s->query = same_place(head->query, line, copy.ptr);
    if (!l->opts->json && !l->opts->combined) return s;
    s->agent = weft__arena_dup(arena, value_of(head, WEFT_S("User-Agent")));
    s->referer = weft__arena_dup(arena, value_of(head, WEFT_S("Referer")));
    return s->agent.ptr && s->referer.ptr ? s : NULL;
}

static int run(const weft_request *request, weft_reply *reply, weft_next *next)
{
    access_log *l = (access_log *)(uintptr_t)weft_next_config(next);
    seen *s = look(l, weft__request_head(request), reply->arena);
    if (!s) return WEFT_ENOMEM;
    int rc = weft_next_run(next);
    add_line(l, request, reply, s);
    return rc;
}

static int make(weft__layer_making *m, const void *config)
{
    access_log *l = weft__arena_zalloc(m->arena, sizeof *l);
    if (!l) return WEFT_ENOMEM;
    l->opts = config;
    weft__buf_init(&l->lines, LINES_BYTES_MAX);
    if (l->opts->json && l->opts->combined) WEFT__LAYER_FAULT(m, ".json and .combined; expected one of them");
    m->made = l;
    return 0;
}

static void drop(void *made) { weft__buf_free(&((access_log *)made)->lines); }

const weft__layer_kind weft__access_log_kind = { .name = "weft_access_log", .run = run, .make = make, .drop = drop };
