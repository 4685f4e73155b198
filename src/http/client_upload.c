/* Bodies of requests that are sent while they come, from a function or a file. */
#include "base/mem.h"
#include "http/client.h"
#include "http/lane.h"
#include "weft/file.h"
#include "wire/chunk.h"
#include <errno.h>

enum { FILE_BYTES = 64 * 1024, AFTER_MS = 60000, STATUS_AT = sizeof "HTTP/1.1 " - 1 };
static const char SENDING[] = "sending the request's body";

typedef struct upload {
    weft__call *call;
    weft_body_next *next;
    void *ctx;
    weft_file *file;
    char *page;           /* of what was read from the file */
    int64_t length, went; /* length: 0: not known */
    weft__buf early;      /* an answer that began before the body's end, and was no refusal */
    bool heard;           /* ... so that nothing more is looked for */
    weft__buf last;       /* what ends a body in chunks, with its trailers */
} upload;

/* ---- what is to be sent ---- */

static int refuse(weft__call *c, const char *why)
{
    return weft__call_fail(c, WEFT_EINVAL, "%s", why);
}

int weft__upload_begin(weft__call *c, weft_exchange_opts *own)
{
    weft_file_info info;
    if (own->body.len) return refuse(c, "a body in pieces, and body besides");
    if (own->body_next && own->body_file) return refuse(c, "both body_next and body_file");
    if (own->body_length < 0) return refuse(c, "body_length makes no sense");
    c->streams = true;
    if (own->body_next) return 0;
    int rc = weft_file_info_of(own->body_file, &info);
    if (rc < 0) return rc;
    own->body_length = info.bytes - weft_file_position(own->body_file);
    if (own->body_length <= 0)
        c->streams = false; /* no body is no stream */
    return 0;
}

void weft__upload_lines(const weft__call *c, weft__buf *out)
{
    const char *type = c->opts->content_type;
    weft__buf_lit(out, "Content-Type: ");
    weft__buf_add_str(out, weft_str_of(type ? type : "application/octet-stream"));
    weft__buf_lit(out, "\r\n");
    if (c->opts->body_length) weft__http_add_length(out, (uint64_t)c->opts->body_length);
    else weft__buf_lit(out, "Transfer-Encoding: chunked\r\n");
    weft__call_announce_trailers(c, out);
}

static int next_of_file(upload *u, weft_str *piece)
{
    int64_t left = u->length - u->went;
    if (!left) return 0;
    int64_t n = weft_file_read(u->file, u->page, left < FILE_BYTES ? (size_t)left : FILE_BYTES);
    if (n <= 0) return (int)n;
    *piece = (weft_str){ u->page, (size_t)n };
    return 1;
}

/* An empty piece would end a chunked body: it is passed over. */
static int next_piece(upload *u, weft_str *piece)
{
    int rc;
    do {
        *piece = (weft_str){ 0 };
        rc = u->file ? next_of_file(u, piece) : u->next(u->ctx, piece);
    } while (rc > 0 && !piece->len);
    return rc;
}

/* The peer has closed: it may have said why, which is then all of its answer. */
enum { GONE = 1 };

/* ---- what the peer says meanwhile ---- */

/* What came early is read as if it came now. */
static int early_again(upload *u)
{
    weft__call *c = u->call;
    if (!u->early.len) return 0;
    memcpy(c->client->in, u->early.ptr, u->early.len);
    c->came = u->early.len;
    return WEFT__CALL_EARLY;
}

/* A refusal ends the sending: a status of 300 and above. Anything else that comes early is kept for
 * later, RFC 9112, 9.5. */
static int heard(upload *u, size_t n)
{
    weft__call *c = u->call;
    weft__buf_add(&u->early, c->client->in, n);
    if (u->early.failed) return weft__call_fail(c, WEFT_ENOMEM, "no memory for the answer");
    if (u->early.len <= STATUS_AT) return 0;
    u->heard = true;
    if (u->early.ptr[STATUS_AT] == '1' || u->early.ptr[STATUS_AT] == '2') return 0;
    c->cut_short = true;
    return early_again(u);
}

/* 0: go on; GONE; WEFT__CALL_EARLY; or a code, recorded. */
static int look(upload *u)
{
    weft__call *c = u->call;
    if (c->conn->lane) return weft__lane_status(c->conn->lane) >= 300 ? GONE : 0;
    if (u->heard || !c->conn->stream.may_read) return 0;
    size_t room = WEFT__CLIENT_IN - u->early.len;
    ssize_t n = weft__stream_try_recv(&c->conn->stream, c->client->in, room);
    if (n == -EAGAIN) return 0;
    return n > 0 ? heard(u, (size_t)n) : weft__call_no_answer(c, (int)n);
}

/* ---- sending ---- */

/* A peer that takes all at once is no reason never to wait. */
static int in_time(const upload *u)
{
    const weft__call *c = u->call;
    if (weft__loop_now(c->client->loop) < c->total_ns) return 0;
    return weft__call_fail_io(c, WEFT_ETIMEDOUT, SENDING);
}

static int send_failed(upload *u, int code)
{
    u->call->cut_short = true;
    if (code == -EPIPE || code == WEFT_ECONNRESET) return GONE;
    return weft__call_fail_io(u->call, code, SENDING);
}

static void skip(struct iovec *iov, int n, size_t went)
{
    for (int i = 0; i < n && went; i++) {
        size_t part = went < iov[i].iov_len ? went : iov[i].iov_len;
        iov[i].iov_base = (char *)iov[i].iov_base + part;
        iov[i].iov_len -= part;
        went -= part;
    }
}

/* 0; GONE; WEFT__CALL_EARLY; or a code, recorded. */
static int send_all(upload *u, struct iovec *iov, int n)
{
    weft__stream *s = &u->call->conn->stream;
    for (;;) {
        while (n && !iov->iov_len) iov++, n--;
        if (!n) return 0;
        ssize_t went = weft__stream_try_send(s, iov, n);
        if (went < 0) return send_failed(u, (int)went);
        skip(iov, n, (size_t)went);
        if (s->may_write) continue;
        int rc = look(u);
        if (rc != 0) return rc;
        rc = weft__stream_wait(s, "a slow peer to take a body", weft__call_deadline(u->call));
        if (rc < 0) return send_failed(u, rc);
    }
}

/* On a lane the frames tell where it ends. */
static int send_framed(upload *u, weft_str piece)
{
    int rc = weft__lane_write(u->call->conn->lane, piece, weft__call_deadline(u->call));
    return rc < 0 ? send_failed(u, rc) : 0;
}

static int send_piece(upload *u, weft_str piece)
{
    char head[WEFT__CHUNK_HEAD];
    bool chunked = !u->length;
    size_t n = chunked ? weft__chunk_head(head, piece.len) : 0;
    struct iovec iov[3] = { { head, n }, { (void *)(uintptr_t)piece.ptr, piece.len },
        { "\r\n", chunked ? 2 : 0 } };
    u->went += (int64_t)piece.len;
    if (!chunked && u->went > u->length) {
        return weft__call_fail(u->call, WEFT_EINVAL,
            "the body has more than the %lld bytes that body_length says", (long long)u->length);
    }
    int rc = look(u);
    if (rc == 0) rc = in_time(u);
    if (rc == 0) rc = weft__checkpoint();
    if (rc != 0) return rc;
    return u->call->conn->lane ? send_framed(u, piece) : send_all(u, iov, 3);
}

/* The values are looked at now: what gave the body has told them meanwhile. */
static int send_trailers(upload *u)
{
    const weft__call *c = u->call;
    weft__buf lines, *last = &u->last;
    weft__buf_init(&lines, c->client->out.bytes_max);
    weft__buf_init(last, lines.bytes_max + 8);
    int rc = weft__call_write_trailers(c, &lines);
    if (rc == 0 && c->conn->lane) {
        rc = weft__lane_write_end(c->conn->lane, weft__buf_str(&lines));
    } else if (rc == 0) {
        weft__buf_lit(last, "0\r\n");
        weft__buf_add_str(last, weft__buf_str(&lines));
        weft__buf_lit(last, "\r\n");
    }
    weft__buf_free(&lines);
    if (rc == WEFT_ENOMEM || last->failed) return weft__call_fail(c, WEFT_ENOMEM, "no memory for the trailers");
    struct iovec iov = { last->ptr, last->len };
    return rc < 0 || c->conn->lane ? rc : send_all(u, &iov, 1);
}

static int send_end(upload *u)
{
    weft_str last = WEFT__CHUNK_LAST;
    if (u->went < u->length) {
        return weft__call_fail(u->call, WEFT_EINVAL, "the body ended after %lld of %lld bytes",
            (long long)u->went, (long long)u->length);
    }
    struct iovec iov = { (void *)(uintptr_t)last.ptr, last.len };
    if (u->call->opts->trailer_count) return send_trailers(u);
    if (u->call->conn->lane) return weft__lane_write_end(u->call->conn->lane, (weft_str){ "", 0 });
    return u->length ? 0 : send_all(u, &iov, 1);
}

static int send_pieces(upload *u)
{
    weft_str piece;
    for (;;) {
        int rc = next_piece(u, &piece);
        if (rc < 0) return rc;
        if (rc == 0) return send_end(u);
        rc = send_piece(u, piece);
        if (rc != 0) return rc;
    }
}

int weft__upload(weft__call *c)
{
    const weft_exchange_opts *o = c->opts;
    upload u = { .call = c, .next = o->body_next, .ctx = o->body_ctx, .file = o->body_file,
        .length = o->body_length };
    if (u.file && !(u.page = weft__malloc(FILE_BYTES)))
        return weft__call_fail(c, WEFT_ENOMEM, "no memory to read a file");
    if (!o->total_ms) c->total_ns = INT64_MAX;
    weft__buf_init(&u.early, 2 * WEFT__CLIENT_IN);
    int rc = c->cut_short ? GONE : send_pieces(&u);
    if (rc == 0 || rc == GONE) rc = early_again(&u);
    if (!o->total_ms) c->total_ns = weft__loop_clock(c->client->loop) + AFTER_MS * 1000000LL;
    weft__buf_free(&u.early);
    weft__buf_free(&u.last);
    weft__free(u.page);
    return rc;
}
