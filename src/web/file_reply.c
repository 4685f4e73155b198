/* A file as an answer: what is asked of it, and its bytes, read on the file pool as the client takes them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "io/file.h"
#include "io/log.h"
#include "task/job.h"
#include "web/failure.h"
#include "web/media_type.h"
#include "weft/file.h"
#include "wire/bytes.h"
#include "wire/conditional.h"

enum { LINES_BYTES = 512, SECOND_US = 1000000 };

/* ---- what handlers call ---- */

bool weft__file_absent(int rc)
{
    return rc == WEFT_ENOENT || rc == -EXDEV || rc == -ENOTDIR || rc == -EISDIR || rc == -ELOOP || rc == -ENAMETOOLONG
        || rc == -EACCES || rc == -ENXIO || rc == -ENODEV || rc == WEFT_EINVAL;
}

int weft__reply_file_open(weft_file **f, const char *path, const char *beneath)
{
    int rc = weft_file_open(f, path, .beneath = beneath);
    if (rc < 0 || (*f)->regular) return rc;
    weft_file_free(*f);
    return weft__fail_as(NULL, WEFT_EINVAL, 0, "cannot answer with %s: it is no regular file", path);
}

void weft__reply_expect_file(weft_reply *r, weft__exchange *x)
{
    weft__http_verb verb = x->head->verb;
    r->exchange = x;
    if ((verb != WEFT__GET && verb != WEFT__HEAD) || !weft__conditions_any(x->head)) return;
    /* Without memory for the head it is as if nothing had been asked. */
    r->conditions = weft__exchange_keep_head(x) == 0;
}

void weft__reply_drop_file(weft_reply *r)
{
    weft_file_free(r->file);
    r->file = NULL;
}

static bool plain_name(weft_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c < ' ' || c > '~' || c == '"' || c == '\\' || c == '%') return false;
    }
    return true;
}

/* A name that is no plain ASCII is told percent-encoded, which all browsers read. RFC 6266, 4.3; RFC 8187. */
static int set_filename(weft_reply *r, weft_str name)
{
    static const char hex[] = "0123456789ABCDEF";
    if (plain_name(name)) return weft_reply_header(r, "Content-Disposition", "attachment; filename=\"%.*s\"", WEFT_FMT(name));
    char *encoded = weft__arena_alloc(r->arena, 3 * name.len + 1), *to = encoded;
    if (!encoded) return WEFT_ENOMEM;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i], low = c | 32;
        if ((low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_') {
            *to++ = (char)c;
            continue;
        }
        *to++ = '%';
        *to++ = hex[c >> 4];
        *to++ = hex[c & 15];
    }
    *to = 0;
    return weft_reply_header(r, "Content-Disposition", "attachment; filename*=UTF-8''%s", encoded);
}

int weft__reply_file_over(weft_reply *r, weft_file *f, weft_str name, const weft_reply_file_opts *o)
{
    int rc = o->filename ? set_filename(r, weft_str_of(o->filename)) : 0;
    if (rc == 0 && o->content_type) rc = weft_reply_header(r, "Content-Type", "%s", o->content_type);
    if (rc < 0) {
        weft_file_free(f);
        return rc;
    }
    if (!o->content_type) r->content_type = weft__media_type(name);
    weft__reply_drop_file(r);
    r->file = f;
    r->body = (weft_str){ "", 0 };
    r->has_body = true;
    return 0;
}

int weft_reply_file_with(weft_reply *r, const char *path, const weft_reply_file_opts *o)
{
    weft_file *f = NULL;
    if (r->sent) return weft_fail(WEFT_EINVAL, "weft_reply_file %s: the head has been sent", path);
    if (!r->exchange) return weft_fail(WEFT_EINVAL, "weft_reply_file %s: expected the output of a route", path);
    int rc = weft__reply_file_open(&f, path, o->beneath);
    if (rc < 0 && o->beneath && weft__self() && weft__file_absent(rc))
        return weft__fail_as(NULL, WEFT_ENOENT, 0, "there is no file %s beneath %s to be read", path, o->beneath);
    return rc < 0 ? rc : weft__reply_file_over(r, f, weft_str_of(path), o);
}

/* ---- what it says of itself ---- */

static const weft_header *own(const weft_reply *r, weft_str name)
{
    for (uint32_t i = 0; i < r->headers.count; i++)
        if (weft__same_nocase(r->headers.items[i].name, name)) return &r->headers.items[i];
    return NULL;
}

typedef struct told { weft__selected what; char etag[64], date[WEFT__HTTP_DATE]; weft_str own_etag, own_date; } told;

/* One that has just changed may change again without its time telling: RFC 9110, 8.8.1. A date is never ahead of ours: 8.8.2.1. */
static void describe(const weft_reply *r, told *t)
{
    weft__os *os = weft__loop_os(weft__loop_here());
    const weft_header *etag = own(r, WEFT_S("etag")), *date = own(r, WEFT_S("last-modified"));
    int64_t now_us = os->ops->wall_us(os), modified_us = r->file->modified_us_at_open;
    bool young = now_us - modified_us < SECOND_US;
    snprintf(t->etag, sizeof t->etag, "%s\"%llx-%llx\"", young ? "W/" : "", (unsigned long long)modified_us,
        (unsigned long long)r->file->bytes_at_open);
    if (modified_us > now_us) modified_us = now_us;
    t->what = (weft__selected){ etag ? etag->value : weft_str_of(t->etag), modified_us / SECOND_US, now_us / SECOND_US, r->file->bytes_at_open };
    if (date) (void)!weft__http_date_parse(date->value, t->what.now_s, &t->what.modified_s);
    weft__http_date(t->date, t->what.modified_s);
    t->own_etag = etag ? (weft_str){ 0 } : t->what.etag;
    t->own_date = date ? (weft_str){ 0 } : (weft_str){ t->date, sizeof t->date };
}

static weft_str lines_of(weft__exchange *x, const weft_reply *r, const told *t, int status, const weft__range *range)
{
    char more[LINES_BYTES];
    int n = 0;
    if (t->own_etag.len) n += snprintf(more + n, sizeof more - (size_t)n, "ETag: %.*s\r\n", WEFT_FMT(t->own_etag));
    if (t->own_date.len) n += snprintf(more + n, sizeof more - (size_t)n, "Last-Modified: %.*s\r\n", WEFT_FMT(t->own_date));
    if (status == 206)
        n += snprintf(more + n, sizeof more - (size_t)n, "Content-Range: bytes %lld-%lld/%lld\r\n", (long long)range->from,
            (long long)(range->from + range->bytes - 1), (long long)t->what.bytes);
    if (status != 304) n += snprintf(more + n, sizeof more - (size_t)n, "Accept-Ranges: bytes\r\n");
    return weft__reply_lines(x->arena, r, status == 304 ? (weft_str){ 0 } : r->content_type, (weft_str){ more, (size_t)n });
}

/* ---- answers ---- */

static void refuse(const weft__endpoint *e, weft__exchange *x, weft_reply *r, int status)
{
    weft__reply_forget_body(r);
    if (status == 416) (void)!weft_reply_header(r, "Content-Range", "bytes */%lld", (long long)r->file->bytes_at_open);
    weft__failure_tell(e->site, e, x, &(weft__told){ .status = status, .text = weft__http_reason(status), .headers = r });
}

typedef struct answer { int status; weft_str lines; weft__range range; } answer;

static size_t at_most(int64_t left, size_t room) { return (uint64_t)left < room ? (size_t)left : room; }

static ssize_t send_from(weft__exchange *x, const weft_reply *r, int64_t at, char *piece, size_t room)
{
    int64_t n = weft_file_pread(r->file, piece, room, at);
    if (n == 0) return weft__fail_as(NULL, WEFT_EPROTO, 0, "%s has become shorter while it was sent", r->file->path);
    return n < 0 ? (ssize_t)n : weft__exchange_write_some(x, (weft_str){ piece, (size_t)n });
}

static ssize_t send_piece(weft__exchange *x, const weft_reply *r, int64_t at, int64_t left)
{
    size_t room;
    char *piece = weft__exchange_piece(x, at_most(left, WEFT__PIECE_BYTES), &room);
    if (!piece) return weft__fail_as(NULL, WEFT_ENOMEM, 0, "no memory for a piece of %s", r->file->path);
    ssize_t went = send_from(x, r, at, piece, at_most(left, room));
    weft__exchange_piece_back(x, piece, room);
    return went;
}

/* Whoever gives way, or waits for a client that takes nothing at the moment, does so without a piece: a crowd of slow ones holds none. */
static int send_bytes(weft__exchange *x, const weft_reply *r, const answer *a)
{
    int64_t at = a->range.from, end = at + a->range.bytes;
    while (at < end) {
        int rc = weft__exchange_has_room(x) ? 0 : weft__exchange_await_room(x);
        ssize_t went = rc < 0 ? rc : send_piece(x, r, at, end - at);
        if (went < 0) return (int)went;
        at += went;
        if (at < end) weft__give_way();
    }
    return 0;
}

static void break_off(weft_str name, weft__exchange *x, int rc)
{
    bool abandoned = weft__exchange_left(x) || weft__cancelled();
    x->failed = rc;
    weft__exchange_break(x);
    if (!abandoned) weft__log(WEFT_LOG_ERROR, "%.*s: broke off: %s", WEFT_FMT(name), weft_error_of(rc)->text);
}

/* Who has ended its own side may still listen: what cancelled the handler is no reason to break off. */
static __attribute__((noinline)) int send_shielded(weft__exchange *x, const weft_reply *r, const answer *a)
{
    WEFT_SCOPE(answering, .shield = true);
    return send_bytes(x, r, a);
}

static int send_all(weft__exchange *x, const weft_reply *r, const answer *a)
{
    return weft__exchange_cut(x) ? send_shielded(x, r, a) : send_bytes(x, r, a);
}

static void send_whole(weft_str name, weft__exchange *x, const weft_reply *r, const answer *a)
{
    weft__exchange_cancel_on_leave(x, false);
    int rc = weft__exchange_begin(x, a->status, a->lines, a->range.bytes);
    if (rc < 0) x->failed = rc;
    if (rc < 0 || weft__exchange_is_bare(x)) return;
    rc = send_all(x, r, a);
    if (rc == 0) rc = weft__exchange_end(x);
    if (rc < 0) break_off(name, x, rc);
}

/* Memory for a piece is there before the answer begins, but for who asks for its head alone. */
static bool can_send(weft__exchange *x, int64_t bytes)
{
    size_t room;
    char *piece = weft__exchange_piece(x, weft__exchange_is_head(x) ? 0 : at_most(bytes, WEFT__PIECE_BYTES), &room);
    weft__exchange_piece_back(x, piece, room);
    return piece != NULL;
}

typedef struct planning { weft__exchange *x; const weft_reply *r; answer *a; } planning;

/* On the loop's own stack: that of a task that may wait for long behind this is to stay flat. */
static int plan(void *planned)
{
    const planning *p = planned;
    answer *a = p->a;
    told t;
    describe(p->r, &t);
    a->range = (weft__range){ 0, t.what.bytes };
    if (a->status == 200 && p->r->conditions) a->status = weft__conditions(p->x->head, &t.what, &a->range);
    if (a->status != 412 && a->status != 416) a->lines = lines_of(p->x, p->r, &t, a->status, &a->range);
    return a->status;
}

void weft__file_send(const weft__endpoint *e, weft__exchange *x, weft_reply *r)
{
    answer a = { .status = r->status ? r->status : e->status };
    int status = weft__leaf(plan, &(planning){ x, r, &a });
    if (status == 412 || status == 416) {
        refuse(e, x, r, status);
        return;
    }
    if (!a.lines.ptr) {
        weft__failure_internal(e, x, "no memory for the answer's headers (request_bytes_max is %zu)", x->arena->bytes_max);
        return;
    }
    if (status == 304) {
        weft__onion_stands_for(x, r->content_type, (uint64_t)r->file->bytes_at_open);
        weft__exchange_reply(x, status, a.lines, WEFT_S(""));
        return;
    }
    if (can_send(x, a.range.bytes)) send_whole(e->name, x, r, &a);
    else weft__failure_internal(e, x, "no memory for a piece of %s (request_bytes_max is %zu)", r->file->path, x->arena->bytes_max);
}

/* Another file than the one that was asked for: nothing is held against it, and it says nothing of itself. */
bool weft__file_send_failure(weft_str name, weft__exchange *x, weft_reply *r)
{
    weft_str lines = weft__reply_lines(x->arena, r, r->content_type, (weft_str){ 0 });
    answer a = { .status = r->status, .lines = lines, .range = { 0, r->file->bytes_at_open } };
    bool has = lines.ptr && can_send(x, a.range.bytes);
    if (has) send_whole(name, x, r, &a);
    return has;
}
