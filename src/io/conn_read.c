/* Reading from connections for users. What came stays in the buffer until a call has all that it
 * wants, so that one that is cancelled in the middle takes nothing. */
#define _GNU_SOURCE
#include <stdio.h>
#include "base/mem.h"
#include "io/conn.h"

enum { FIRST_ROOM = 4096 };
static const char DOING[] = "reading from";

/* ---- the buffer ---- */

static size_t have(const weft_conn *c) { return c->len - c->start; }

static bool grow(weft_conn *c, size_t most)
{
    size_t room = c->room ? c->room * 2 : FIRST_ROOM;
    if (room > most) room = most;
    char *in = weft__realloc(c->in, room + 1);
    if (!in) return false;
    c->in = in;
    c->room = c->lent_at = room;
    return true;
}

/* Room for at least one more byte, unless `most` are there: one more than ever fits a message.
 * False: no memory. */
static bool make_room(weft_conn *c, size_t most)
{
    bool larger = c->filled && c->room < c->buffer_bytes_max && c->room < most;
    c->filled = false;
    if (c->start == c->len) {
        c->start = c->len = 0;
        if (larger) (void)grow(c, most); /* many bytes at a time: without memory, fewer */
    }
    if (c->len < c->room) return true;
    if (c->start) {
        memmove(c->in, c->in + c->start, have(c));
        c->len -= c->start;
        c->start = 0;
        return true;
    }
    return c->room < most && grow(c, most);
}

/* More bytes, of which at most `most` are kept: > 0, 0 at the end, < 0. */
static ssize_t fill(weft_conn *c, size_t most)
{
    if (!make_room(c, most)) return WEFT_ENOMEM;
    size_t room = c->room - c->len;
    int64_t deadline_ns =
        c->read_ms ? weft__loop_clock(c->stream.loop) + c->read_ms * 1000000LL : INT64_MAX;
    ssize_t got = weft__stream_recv(&c->stream, c->in + c->len, room, deadline_ns);
    if (got > 0) c->len += (size_t)got;
    c->filled = got > 0 && (size_t)got == room;
    return got;
}

/* The next n bytes, and `skip` more that are taken out. What follows them is lent to their NUL
 * until the next step. */
static int give(weft_conn *c, size_t n, size_t skip, weft_str *out)
{
    *out = (weft_str){ c->in + c->start, n };
    c->lent_at = c->start + n;
    c->lent = c->in[c->lent_at];
    c->in[c->lent_at] = 0;
    c->start += n + skip;
    return 1;
}

/* ---- calls ---- */

static int enter(weft_conn *c)
{
    int rc = weft__conn_enter(c, &c->reading, DOING);
    if (rc < 0 || !c->in) return rc;
    c->in[c->lent_at] = c->lent;
    c->lent_at = c->room;            /* the spare one: nothing is lent while bytes move */
    c->lent = 0;
    return 0;
}

static int leave(weft_conn *c, ssize_t rc)
{
    int code = rc < 0 ? weft__conn_fail(c, (int)rc, DOING) : (int)rc;
    weft__conn_exit(c, &c->reading);
    return code;
}

/* For a failure that has its own text. */
static int leave_told(weft_conn *c, int code)
{
    weft__conn_exit(c, &c->reading);
    return code;
}

int weft_conn_read(weft_conn *c, weft_str *out)
{
    int rc = enter(c);
    if (rc < 0) return rc;
    ssize_t got = have(c) ? weft__checkpoint() : fill(c, c->buffer_bytes_max);
    if (got >= 0 && have(c)) got = give(c, have(c), 0, out);
    return leave(c, got);
}

int64_t weft_conn_read_into(weft_conn *c, void *to, size_t n)
{
    if (!n) return weft__fail_as(NULL, WEFT_EINVAL, 0, "%s %s: no room was given", DOING, c->peer);
    int rc = enter(c);
    if (rc < 0) return rc;
    int64_t deadline_ns =
        c->read_ms ? weft__loop_clock(c->stream.loop) + c->read_ms * 1000000LL : INT64_MAX;
    size_t there = have(c) < n ? have(c) : n;
    ssize_t got = there ? weft__checkpoint() : weft__stream_recv(&c->stream, to, n, deadline_ns);
    if (got == 0 && there) {
        memcpy(to, c->in + c->start, there);
        c->start += there;
        got = (ssize_t)there;
    }
    if (got < 0) return leave(c, got);
    weft__conn_exit(c, &c->reading);
    return got;
}

/* ---- messages ---- */

static int too_long(weft_conn *c, const char *what, size_t most)
{
    int rc = weft__fail_as(
        NULL, WEFT_ELIMIT, 0, "%s sent %s of more than %zu bytes", c->peer, what, most);
    return leave_told(c, rc);
}

static int broken_off(weft_conn *c, const char *what)
{
    int rc = weft__fail_as(NULL, WEFT_EOF, 0,
        "%s ended in the middle of %s, after %zu bytes of it", c->peer, what, have(c));
    return leave_told(c, rc);
}

/* Where the delimiter begins, counted from the first unread byte; bytes before `from` were searched
 * before. */
static bool find(const weft_conn *c, weft_str delimiter, size_t from, size_t *at)
{
    const char *first = c->in + c->start;
    const char *found = delimiter.len == 1
                            ? memchr(first + from, delimiter.ptr[0], have(c) - from)
                            : memmem(first + from, have(c) - from, delimiter.ptr, delimiter.len);
    if (found) *at = (size_t)(found - first);
    return found != NULL;
}

/* 1: the delimiter is at *at, which is `most` at most; 0: the peer ended before it; WEFT_ELIMIT, or
 * a code. */
static ssize_t search(weft_conn *c, weft_str delimiter, size_t most, size_t *at)
{
    ssize_t got = weft__checkpoint();
    for (size_t seen = 0; got >= 0;) {
        if (have(c) && find(c, delimiter, seen, at)) return *at > most ? WEFT_ELIMIT : 1;
        if (have(c) >= most + delimiter.len) return WEFT_ELIMIT;
        seen = have(c) < delimiter.len ? 0 : have(c) - delimiter.len + 1;
        got = fill(c, most + delimiter.len);
        if (got == 0) return 0;
    }
    return got;
}

int weft_conn_until(weft_conn *c, weft_str delimiter, size_t bytes_max, weft_str *out)
{
    size_t at = 0, most = bytes_max ? bytes_max : c->buffer_bytes_max;
    if (!delimiter.len || most > SIZE_MAX / 4 || delimiter.len > SIZE_MAX / 4)
        return weft__fail_as(NULL, WEFT_EINVAL, 0,
            "%s %s: the delimiter is empty, or the limit makes no sense", DOING, c->peer);
    int rc = enter(c);
    if (rc < 0) return rc;
    ssize_t found = search(c, delimiter, most, &at);
    if (found == WEFT_ELIMIT) return too_long(c, "a message", most);
    if (found == 0 && have(c)) return broken_off(c, "a message");
    if (found > 0) found = give(c, at, delimiter.len, out);
    return leave(c, found);
}

int weft_conn_line(weft_conn *c, weft_str *out)
{
    size_t at = 0, most = c->buffer_bytes_max;
    int rc = enter(c);
    if (rc < 0) return rc;
    ssize_t found = search(c, WEFT_S("\n"), most + 1, &at);
    if (found == 0) at = have(c);
    size_t n = found > 0 && at && c->in[c->start + at - 1] == '\r' ? at - 1 : at;
    if (found == WEFT_ELIMIT || (found >= 0 && n > most)) return too_long(c, "a line", most);
    if (found > 0) found = give(c, n, at - n + 1, out);
    else if (found == 0 && at) found = give(c, at, 0, out);
    return leave(c, found);
}

int weft_conn_exactly(weft_conn *c, size_t n, weft_str *out)
{
    if (!n || n > c->buffer_bytes_max) {
        return weft__fail_as(NULL, WEFT_ELIMIT, 0,
            "%s %s: %zu bytes at once, and 1 to %zu may be (buffer_bytes_max)", DOING, c->peer, n,
            c->buffer_bytes_max);
    }
    int rc = enter(c);
    if (rc < 0) return rc;
    ssize_t got = weft__checkpoint();
    while (got >= 0 && have(c) < n) {
        got = fill(c, c->buffer_bytes_max);
        if (got == 0) break;
    }
    if (got >= 0 && have(c) >= n) return leave(c, give(c, n, 0, out));
    if (got == 0 && have(c)) return broken_off(c, "a message");
    return leave(c, got);
}
