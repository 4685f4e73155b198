/* Frames: the same events, end and fault however they are cut; what our writer makes of them is read as the same again. The first byte
 * says which role reads, and its limits. */
#include "wire/ws.h"
#include <stdlib.h>
#include <string.h>

#define MUST(condition) do { if (!(condition)) abort(); } while (0)

enum { EVENTS_MAX = 256 };
typedef struct event { uint8_t op; bool compressed, last; uint16_t code; size_t len; } event;
typedef struct reading { event events[EVENTS_MAX]; size_t count, bytes_len; char *bytes; const char *fault; uint16_t code; size_t used; bool text_good; } reading;

/* Pieces of a message that stand beside each other are one: where they were cut is nobody's business. */
static void keep(reading *r, const weft__ws_event *e, bool *open)
{
    bool data = e->op < WEFT__WS_CLOSE;
    if (e->bytes.len) memcpy(r->bytes + r->bytes_len, e->bytes.ptr, e->bytes.len);
    r->bytes_len += e->bytes.len;
    if (data && *open) {
        event *last = &r->events[r->count - 1];
        last->len += e->bytes.len;
        last->last = e->last;
    } else if (r->count < EVENTS_MAX) {
        r->events[r->count++] = (event){ e->op, e->compressed, e->last, e->code, e->bytes.len };
    }
    *open = data && !e->last;
}

static reading *read_in_steps(const weft__ws_rules *rules, const uint8_t *data, size_t size, size_t step)
{
    reading *r = calloc(1, sizeof *r);
    r->bytes = malloc(size + 1);
    r->text_good = true;
    weft__ws_in in = { 0 };
    weft__ws_text text = { 0 };
    char *now = malloc(size + 1);
    size_t have = 0;
    bool open = false;
    for (size_t at = 0; at < size && !r->fault && r->count < EVENTS_MAX - 1;) {
        size_t n = size - at < step ? size - at : step, used = 0, done = 0;
        memcpy(now + have, data + at, n);
        have += n;
        at += n;
        for (int rc = 1; rc > 0 && r->count < EVENTS_MAX - 1; done += used) {
            weft__ws_event e;
            rc = weft__ws_next(&in, rules, now + done, have - done, &used, &e);
            MUST(used <= have - done);
            if (rc < 0) {
                r->fault = in.fault;
                r->code = in.code;
                MUST(in.fault && in.code >= 1000);
                break;
            }
            if (rc == 0) continue;
            MUST(e.bytes.len <= used && (e.bytes.len == 0 || (e.bytes.ptr >= now && e.bytes.ptr + e.bytes.len <= now + have)));
            if (e.op == WEFT__WS_TEXT && r->text_good) r->text_good = weft__ws_text_add(&text, e.bytes.ptr, e.bytes.len) && !(e.last && text.len);
            if (e.op < WEFT__WS_CLOSE && e.last) memset(&text, 0, sizeof text);
            keep(r, &e, &open);
            /* A control frame inside a message ends what stands beside each other. */
            if (e.op >= WEFT__WS_CLOSE) open = false;
            if (e.op == WEFT__WS_CLOSE) MUST(e.code == WEFT__WS_NO_CODE || weft__ws_code_valid(e.code));
        }
        have -= done;
        memmove(now, now + done, have);
        MUST(r->fault || r->count >= EVENTS_MAX - 1 || have <= WEFT__WS_HEAD_MAX + WEFT__WS_CONTROL_MAX);
    }
    free(now);
    return r;
}

static void check_same(const reading *a, const reading *b)
{
    if (a->count >= EVENTS_MAX - 1 || b->count >= EVENTS_MAX - 1) return;
    MUST(a->count == b->count && a->bytes_len == b->bytes_len && a->fault == b->fault && a->code == b->code && a->text_good == b->text_good);
    MUST(memcmp(a->bytes, b->bytes, a->bytes_len) == 0);
    for (size_t i = 0; i < a->count; i++)
        MUST(a->events[i].op == b->events[i].op && a->events[i].len == b->events[i].len && a->events[i].last == b->events[i].last
            && a->events[i].code == b->events[i].code && a->events[i].compressed == b->events[i].compressed);
}

static void reading_free(reading *r)
{
    free(r->bytes);
    free(r);
}

/* Each byte pair of the input is a frame that our writer makes; what is read is what was written. */
static void check_written(const uint8_t *data, size_t size)
{
    weft__ws_rules rules = { .message_bytes_max = 1 << 20, .fragments_max = UINT32_MAX, .masked = size & 1, .deflate = true };
    char *out = malloc(size * 80 + 200), *payload = malloc(70000);
    size_t n = 0, frames = 0;
    bool inside = false;
    for (size_t i = 0; i + 1 < size && frames < 40; i += 2, frames++) {
        size_t len = data[i] % 127;
        uint8_t mask[4] = { data[i], data[i + 1], 7, 200 };
        bool control = data[i + 1] & 8, more = !control && (data[i + 1] & 1);
        weft__ws_frame f = { .op = control ? WEFT__WS_PING : inside ? WEFT__WS_CONTINUED : WEFT__WS_BINARY, .more = more, .compressed = !control && !inside && (data[i + 1] & 2),
            .mask = rules.masked ? mask : NULL };
        if (control && len > WEFT__WS_CONTROL_MAX) len = WEFT__WS_CONTROL_MAX;
        memset(payload, data[i], len);
        n += weft__ws_head(out + n, &f, len);
        memcpy(out + n, payload, len);
        if (f.mask) weft__ws_mask(out + n, len, mask);
        n += len;
        if (!control) inside = more;
    }
    if (n > size * 80) n = size * 80;
    reading *whole = read_in_steps(&rules, (uint8_t *)out, n, n ? n : 1), *bytes = read_in_steps(&rules, (uint8_t *)out, n, 1);
    MUST(!whole->fault || n == size * 80);
    check_same(whole, bytes);
    reading_free(whole);
    reading_free(bytes);
    free(out);
    free(payload);
}

static void check_close(const uint8_t *data, size_t size)
{
    char payload[WEFT__WS_CONTROL_MAX], frame[WEFT__WS_HEAD_MAX + WEFT__WS_CONTROL_MAX];
    unsigned code = size > 1 ? (unsigned)(data[0] << 8 | data[1]) : WEFT__WS_NO_CODE;
    size_t n = weft__ws_close_payload(payload, code, (weft_str){ (const char *)data, size }), used;
    size_t head = weft__ws_head(frame, &(weft__ws_frame){ .op = WEFT__WS_CLOSE }, n);
    memcpy(frame + head, payload, n);
    weft__ws_in in = { 0 };
    weft__ws_event e;
    int rc = weft__ws_next(&in, &(weft__ws_rules){ .message_bytes_max = 1, .fragments_max = 1 }, frame, head + n, &used, &e);
    MUST((rc == 1) == (code == WEFT__WS_NO_CODE || weft__ws_code_valid(code)));
    MUST(rc != 1 || e.code == code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    weft__ws_rules rules = { .message_bytes_max = data[0] & 1 ? 100 : 1 << 20, .fragments_max = data[0] & 2 ? 3 : 1000, .masked = data[0] & 4, .deflate = data[0] & 8 };
    data++;
    size--;
    reading *whole = read_in_steps(&rules, data, size, size ? size : 1);
    for (size_t step = 1; step < 20 && step < size; step = step * 2 + 1) {
        reading *parts = read_in_steps(&rules, data, size, step);
        check_same(whole, parts);
        reading_free(parts);
    }
    reading_free(whole);
    check_written(data, size);
    check_close(data, size);
    return 0;
}
