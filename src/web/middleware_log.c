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
#include "wire/put.h"

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
    weft__behind behind;
    access_log *log;
    int64_t began_ns;
    bool to_head;
    weft_str line;                   /* of text: as it stands there, to its second quote */
    weft_str referer, agent;         /* of text that has them, and of JSON the second */
    weft_str method, path, query;    /* of JSON */
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
    int64_t us = os->ops->wall_us(os);
    time_t seconds = (time_t)(us / 1000000);
    if (!gmtime_r(&seconds, &t)) return;
    l->date_len = strftime(l->date, sizeof l->date, l->opts->json ? "%Y-%m-%dT%H:%M:%S" : "%d/%b/%Y:%H:%M:%S +0000", &t);
    l->prefix_len = 0;
    l->date_us = us;
    l->date_ns = now_ns;
    l->date_until_ns = now_ns + (1000000 - us % 1000000) * 1000;
}

static void make_prefix(access_log *l, const weft__exchange *x)
{
    const weft__peer *peer = weft__exchange_peer_raw(x);
    if (l->prefix_len && memcmp(peer, &l->peer, sizeof *peer) == 0) return;
    char *to = l->prefix + weft__exchange_peer(x, l->prefix);
    to = WEFT__PUT(to, " - - [");
    to = weft__put(to, (weft_str){ l->date, l->date_len });
    to = WEFT__PUT(to, "] \"");
    l->prefix_len = (size_t)(to - l->prefix);
    l->peer = *peer;
}

/* Is one of n bytes one that is escaped between quotes? 16 at a time: what stands behind them up to the next 16 is neither, and there. */
static inline bool has_quotes(const char *from, size_t n)
{
    typedef char sixteen __attribute__((vector_size(16)));
    typedef uint64_t two __attribute__((vector_size(16)));
    two found = { 0 };
    for (size_t at = 0; at < n; at += 16) {
        sixteen bytes;
        memcpy(&bytes, from + at, 16);
        found |= (two)(bytes == '"') | (two)(bytes == '\\');
    }
    return found[0] | found[1];
}

/* What may stand between quotes; `to` has twice the room, and 16 bytes. */
static inline char *put_quoted(char *to, weft_str s)
{
    char *from = to, *end = weft__put(to, s);
    memset(end, 0, 16);
    if (__builtin_expect(!has_quotes(from, s.len), 1)) return end;
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
    to = WEFT__PUT(to, " \"");
    size_t n = weft__plain(&s, plain, sizeof plain, false);
    to = n ? put_quoted(to, (weft_str){ plain, n }) : WEFT__PUT(to, "-");
    return WEFT__PUT(to, "\"");
}

typedef struct outcome { int status; uint64_t bytes, us; bool broken; } outcome;

static inline void add_text(access_log *l, const weft__exchange *x, const seen *s, const outcome *o)
{
    enum { AROUND = 320 };
    size_t foreign = l->opts->combined ? 2 * (8 * AGENT_MAX + 48) : 0;
    char *from = weft__buf_reserve(&l->lines, AROUND + s->line.len + foreign), *to = from;
    if (!to) return;
    make_prefix(l, x);
    to = weft__put(to, (weft_str){ l->prefix, l->prefix_len });
    to = weft__put(to, s->line);
    to = weft__put_three(to, (unsigned)o->status);
    *to++ = ' ';
    if (o->bytes) to = weft__put_number(to, o->bytes);
    else *to++ = '-';
    if (l->opts->combined) to = put_foreign(put_foreign(to, s->referer), s->agent);
    *to++ = ' ';
    if (o->us < 1000) to = weft__put_three(WEFT__PUT(to, "0."), (unsigned)o->us);
    else {
        to = weft__put_number(to, o->us / 1000);
        *to++ = '.';
        to = weft__put_three(to, (unsigned)(o->us % 1000));
    }
    to = WEFT__PUT(to, "ms ");
    if (x->id.len) to = weft__put(to, x->id);
    else *to++ = '-';
    *to++ = '\n';
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
    if (request->exchange->id.len) add_member(out, "id", request->exchange->id);
    if (s->agent.len) add_member(out, "agent", s->agent);
    if (o->broken) weft__buf_lit(out, ",\"broken\":true");
    weft__buf_lit(out, "}\n");
}

/* What became of it: 499 for a client that left before it was answered. */
static int status_of(const weft__exchange *x, const weft_reply *reply)
{
    bool cut = x->failed == WEFT_ECANCELED && weft__exchange_cut(x);
    bool left = !reply->sent && (cut || weft__exchange_left(x));
    return left || !reply->status ? 499 : reply->status;
}

static uint64_t bytes_of(const weft_reply *reply, const seen *s, int status)
{
    if (s->to_head || weft__http_bodiless(status) || status == 499) return 0;
    return reply->onion->in_parts ? weft_reply_bytes_of(reply) : reply->has_body ? reply->body.len : 0;
}

static void look(weft__behind *b, const weft_request *request, const weft_reply *reply)
{
    const seen *s = (seen *)b;
    access_log *l = s->log;
    weft__exchange *x = request->exchange;
    int64_t now_ns = x->told_ns = weft__loop_clock(weft__loop_here());
    size_t before = l->lines.len;
    int status = status_of(x, reply);
    outcome o = { status, bytes_of(reply, s, status), (uint64_t)(now_ns - s->began_ns) / 1000, reply->sent && x->failed };
    if (now_ns >= l->date_until_ns) make_date(l, now_ns);
    if (l->opts->json) add_json(l, request, s, &o, now_ns);
    else add_text(l, x, s, &o);
    if (__builtin_expect(l->lines.failed != 0, 0)) {
        l->lines.len = before;
        l->lines.failed = 0;
        l->dropped++;
    }
    if (!l->writing || l->lines.len >= FLUSH_BYTES) begin_writing(l, x);
}

/* ---- the layer ---- */

static weft_str cut(weft_str s, size_t max) { return s.len > max ? (weft_str){ s.ptr, max } : s; }

static bool keep_value(weft_arena *arena, const weft__http_head *head, weft_str name, weft_str *out)
{
    const weft__http_header *h = weft__http_find(head, name, NULL);
    *out = h ? weft__arena_dup(arena, cut(h->value, AGENT_MAX)) : (weft_str){ "", 0 };
    return out->ptr;
}

/* A slice of the line as it came is one of the copy; "*" is none. */
static weft_str same_place(weft_str s, weft_str from, const char *to)
{
    size_t at = (size_t)((uintptr_t)s.ptr - (uintptr_t)from.ptr);
    if (!s.ptr || at > from.len) return s;
    return (weft_str){ to + at, s.len < from.len - at ? s.len : from.len - at };
}

/* "GET /items/3?q=x": method and target as they came. */
static weft_str line_of(const weft__http_head *head)
{
    size_t all = (size_t)(head->target.ptr + head->target.len - head->method.ptr);
    return cut((weft_str){ head->method.ptr, all }, TARGET_MAX);
}

static bool keep_text(seen *s, const weft__exchange *x, weft_arena *arena, weft_str line)
{
    const weft__http_head *head = x->head;
    char *from = (char *)(s + 1), *to = put_quoted(from, line);
    if (__builtin_expect(x->ops != NULL, 0)) to = WEFT__PUT(weft__put(WEFT__PUT(to, " "), weft__exchange_version(x)), "\" ");
    else to = head->minor ? WEFT__PUT(to, " HTTP/1.1\" ") : WEFT__PUT(to, " HTTP/1.0\" ");
    s->line = (weft_str){ from, (size_t)(to - from) };
    if (!s->log->opts->combined) return true;
    return keep_value(arena, head, WEFT_S("Referer"), &s->referer) && keep_value(arena, head, WEFT_S("User-Agent"), &s->agent);
}

static bool keep_json(seen *s, const weft__http_head *head, weft_arena *arena, weft_str line)
{
    char *copy = (char *)(s + 1);
    weft__put(copy, line);
    s->method = same_place(head->method, line, copy);
    s->path = same_place(head->path, line, copy);
    s->query = same_place(head->query, line, copy);
    return keep_value(arena, head, WEFT_S("User-Agent"), &s->agent);
}

static int before(const weft_request *request, weft_reply *reply, const void *config)
{
    access_log *l = (access_log *)(uintptr_t)config;
    const weft__http_head *head = weft__request_head(request);
    weft_str line = line_of(head);
    seen *s = weft__arena_alloc(reply->arena, sizeof *s + 2 * line.len + 32);    /* the line follows, quoted at worst byte for byte */
    if (!s) return WEFT_ENOMEM;
    s->behind.look = look;
    s->log = l;
    s->began_ns = weft__loop_now(weft__loop_here());
    s->to_head = head->verb == WEFT__HEAD;
    if (l->opts->json ? !keep_json(s, head, reply->arena, line) : !keep_text(s, request->exchange, reply->arena, line)) return WEFT_ENOMEM;
    weft__onion_behind(reply, &s->behind);
    return 0;
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

const weft__layer_kind weft__access_log_kind = { .name = "weft_access_log", .before = before, .make = make, .drop = drop };
