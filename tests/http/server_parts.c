/* What answers /parts/...: a step after the other.
 *
 *   /parts/open                begins, in chunks or until the close      /parts/is/N      begins, N bytes
 *   .../w/N                    a part of N bytes                         .../m/N/M        N parts of M bytes
 *   .../s/MS                   a wait                                    .../b            broken off; else it ends
 *   .../c                      a client that leaves cancels              .../u            until the server stops
 *   .../e/N                    N times a beat                            */
#include <stdlib.h>
#include <string.h>
#include "http/server_world.h"

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
