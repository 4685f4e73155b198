#include "io/trace.h"
#include <string.h>
#include "weft/sync.h"

typedef struct state { uint16_t len; char text[WEFT__TRACESTATE_MAX]; } state;
static weft_local(state) state_key;

/* ---- ids ---- */

/* The kernel's randomness takes a system call; ids need to differ, and no more. A loop begins behind a fork, so no two have one seed. */
static _Thread_local struct { const weft__loop *of; uint64_t s[2]; } seed;

static uint64_t rotated(uint64_t x, int k) { return x << k | x >> (64 - k); }

/* xoroshiro128++, Blackman and Vigna. */
uint64_t weft__id_random(void)
{
    weft__loop *loop = weft__loop_here();
    if (seed.of != loop) {
        weft__os *os = weft__loop_os(loop);
        seed.of = loop;
        seed.s[0] = os->ops->random(os);
        seed.s[1] = os->ops->random(os) | 1;
    }
    uint64_t a = seed.s[0], b = seed.s[1], out = rotated(a + b, 17) + a;
    b ^= a;
    seed.s[0] = rotated(a, 49) ^ b ^ b << 21;
    seed.s[1] = rotated(b, 28);
    return out;
}

static void make_id(uint8_t *to, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        uint64_t r = weft__id_random();
        if (!r) r = 1;                               /* an id of zeros is none */
        memcpy(to + i, &r, 8);
    }
}

/* ---- one trace ---- */

int weft__trace_begin(weft_str traceparent, weft_str tracestate)
{
    weft__trace_ids ids = { .there = false };
    state s = { 0 };
    bool goes_on = weft__traceparent_read(traceparent, &ids);
    if (!goes_on) {
        make_id(ids.trace, sizeof ids.trace);
        ids.flags = 1;
        ids.there = true;
    }
    make_id(ids.span, sizeof ids.span);
    int rc = weft_local_set(&weft__trace_here, ids);
    if (rc < 0 || !goes_on || !weft__tracestate_good(tracestate)) return rc;
    s.len = (uint16_t)tracestate.len;
    memcpy(s.text, tracestate.ptr, tracestate.len);
    return weft__local_set(&state_key.core, &s, sizeof s);
}

weft_str weft__trace_lines(char room[WEFT__TRACE_LINES])
{
    state s;
    weft__trace_ids ids = weft_local_get(&weft__trace_here, (weft__trace_ids){ .there = false });
    if (!ids.there) return (weft_str){ "", 0 };
    char *to = room;
    memcpy(to, "traceparent: ", 13);
    weft__traceparent_write(&ids, to + 13);
    to += 13 + WEFT__TRACEPARENT;
    memcpy(to, "\r\n", 2);
    to += 2;
    if (weft__local_get(&state_key.core, &s, sizeof s)) {
        memcpy(to, "tracestate: ", 12);
        memcpy(to + 12, s.text, s.len);
        memcpy(to + 12 + s.len, "\r\n", 2);
        to += 14 + s.len;
    }
    return (weft_str){ room, (size_t)(to - room) };
}

weft_str weft_traceparent(void)
{
    char text[WEFT__TRACEPARENT];
    weft_arena *arena = weft__arena_here();
    weft__trace_ids ids = weft_local_get(&weft__trace_here, (weft__trace_ids){ .there = false });
    if (!arena || !ids.there) return (weft_str){ "", 0 };
    weft__traceparent_write(&ids, text);
    weft_str copy = weft__arena_dup(arena, (weft_str){ text, sizeof text });
    return copy.ptr ? copy : (weft_str){ "", 0 };
}
