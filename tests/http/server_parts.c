/* What answers /parts/...: a step after the other.
 *
 *   /parts/open                begins, in chunks or until the close      /parts/is/N      begins, N bytes
 *   .../w/N                    a part of N bytes                         .../m/N/M        N parts of M bytes
 *   .../s/MS                   a wait                                    .../b            broken off; else it ends
 *   .../c                      a client that leaves cancels              .../u            until the server stops
 *   .../e/N                    N times a beat
 *
 * What answers /trail/...: in parts, too.
 *
 *   /trail/whole, /pieces      the body, read so, and behind it the trailers that came, those that may be any
 *   /trail/own, /own/204, /own/length       "own", and behind it "X-Own: yes"
 *   /trail/own/later                        ... which a wait is before
 *   /trail/many/N/M                         "own", and behind it N of M bytes each
 *
 * What answers /fields/N/M: 204, with N fields of M bytes each in its head. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/server_world.h"
#include "wire/trailer.h"

typedef struct steps { const char *at; } steps;

static unsigned long number(steps *st)
{
    char *end;
    unsigned long n = strtoul(st->at, &end, 10);
    st->at = *end == '/' ? end + 1 : end;
    return n;
}

static bool word(steps *st, const char *name)
{
    size_t n = strlen(name);
    if (strncmp(st->at, name, n) != 0 || (st->at[n] && st->at[n] != '/')) return false;
    st->at += n + (st->at[n] == '/');
    return true;
}

static int write_parts(served *s, weft__exchange *x, size_t count, size_t bytes)
{
    char *part = weft__arena_alloc(x->arena, bytes + 1);
    if (!part) return WEFT_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < bytes; k++) part[k] = pattern_byte(0, s->taken + k);
        int rc = weft__checkpoint();
        if (rc == 0) rc = weft__exchange_write(x, (weft_str){ part, bytes });
        if (rc < 0) return rc;
        s->taken += bytes;
    }
    return 0;
}

static int step(served *s, weft__exchange *x, steps *st)
{
    if (word(st, "w")) return write_parts(s, x, 1, number(st));
    if (word(st, "m")) {
        size_t count = number(st);
        return write_parts(s, x, count, number(st));
    }
    if (word(st, "s")) return weft_sleep_ms((int)number(st));
    if (word(st, "c")) return weft__exchange_cancel_on_leave(x, true), 0;
    if (word(st, "u")) return weft__exchange_until_stop(x), 0;
    if (word(st, "e")) {
        for (unsigned long n = number(st); n; n--) weft__exchange_beat(x, WEFT_S(":\n\n"));
        return 0;
    }
    return WEFT_ENOENT;
}

void server_parts(served *s, weft__exchange *x, const char *what)
{
    steps st = { what };
    int64_t length = word(&st, "open") ? -1 : word(&st, "is") ? (int64_t)number(&st) : -2;
    int status = word(&st, "204") ? 204 : word(&st, "205") ? 205 : 200;
    weft__exchange_detach(x);
    s->taken = 0;
    s->last_rc = weft__exchange_begin(x, status, WEFT_S("Content-Type: text/plain\r\n"), length);
    WEFT_CHECK(weft__exchange_begun(x));
    while (s->last_rc == 0 && *st.at && !word(&st, "b")) s->last_rc = step(s, x, &st);
    s->cut += s->last_rc == WEFT_ECANCELED;
    bool broken = s->last_rc < 0 && !weft__exchange_stops(x);
    if (broken || (st.at > what && st.at[-1] == 'b')) weft__exchange_break(x);
    else s->last_rc = weft__exchange_end(x);
}

static int read_pieces(weft__exchange *x, weft_str *body, const char **fault)
{
    static char all[256];
    weft__intake *i = NULL;
    weft_str piece;
    int rc = weft__exchange_intake(x, 200, &i, fault);
    *body = (weft_str){ all, 0 };
    while (rc == 0 && (rc = weft__intake_read(i, &piece)) > 0) {
        WEFT_CHECK_EQ(weft__exchange_trailers(x).len, 0);        /* before the end there are none */
        memcpy(all + body->len, piece.ptr, piece.len);
        body->len += piece.len;
        rc = 0;
    }
    if (rc < 0) *fault = weft_error_of(rc)->text;
    weft__intake_end(i);
    return rc;
}

static int refuse(weft__exchange *x, int rc, const char *fault)
{
    bool status = rc <= WEFT_STATUS(400) && rc >= WEFT_STATUS(599);
    (void)weft__exchange_reply(x, status ? -rc - 10000 : 400, WEFT_S(""), weft_str_of(fault ? fault : "broken off"));
    return rc;
}

/* As lines that are sent: in the arena. */
static int trailers_back(weft__exchange *x)
{
    weft_str came = weft__exchange_trailers(x), name, value;
    weft__buf lines;
    weft__buf_init(&lines, 1 << 20);
    while (weft__trailer_next(&came, &name, &value)) weft__trailer_add(&lines, name, value);
    x->trailers = weft__arena_dup(x->arena, weft__buf_str(&lines));
    bool failed = lines.failed || !x->trailers.ptr;
    weft__buf_free(&lines);
    return failed ? WEFT_ENOMEM : 0;
}

static int answer_trail(weft__exchange *x, weft_str body, int status, int64_t length, bool later)
{
    int rc = weft__exchange_begin(x, status, WEFT_S("Content-Type: text/plain\r\n"), length);
    if (rc == 0) rc = weft__exchange_write(x, body);
    if (rc == 0 && later) rc = weft_sleep_ms(50);
    if (rc == 0 && !x->arena->lost) return weft__exchange_end(x);
    weft__exchange_break(x);
    return rc;
}

static weft_str many(weft__exchange *x, const char *numbers)
{
    steps st = { numbers };
    size_t count = number(&st), bytes = number(&st), n = 0;
    char *to = weft__arena_alloc(x->arena, count * (bytes + 16) + 1);
    for (size_t i = 0; i < count; i++) {
        n += (size_t)sprintf(to + n, "X-%03zu: ", i);
        memset(to + n, 'v', bytes);
        n += bytes + (size_t)sprintf(to + n + bytes, "\r\n");
    }
    return (weft_str){ to, n };
}

void server_trail(served *s, weft__exchange *x, const char *what)
{
    weft_str body = WEFT_S("own");
    const char *fault = NULL;
    bool own = strncmp(what, "own", 3) == 0, large = strncmp(what, "many/", 5) == 0;
    int rc = 0;
    if (own) x->trailers = WEFT_S("X-Own: yes\r\n");
    else if (large) x->trailers = many(x, what + 5);
    else if (strcmp(what, "whole") == 0) rc = weft__exchange_body(x, 200, &body, &fault);
    else rc = read_pieces(x, &body, &fault);
    if (rc == 0 && !own && !large) rc = trailers_back(x);
    s->last_rc = rc < 0 ? refuse(x, rc, fault) :
        answer_trail(x, body, own && strstr(what, "204") ? 204 : 200, strstr(what, "length") ? 3 : -1, strstr(what, "later"));
}

void server_head(served *s, weft__exchange *x, const char *numbers) { s->last_rc = weft__exchange_reply(x, 204, many(x, numbers), WEFT_S("")); }
