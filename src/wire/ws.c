#include "wire/ws.h"
#include <string.h>
#include "wire/utf8.h"

enum { FIN = 0x80, RSV1 = 0x40, RSV = 0x70, OPCODE = 0x0f, CONTROL = 0x08, MASKED = 0x80, LENGTH = 0x7f, LENGTH_16 = 126, LENGTH_64 = 127 };
enum { BAD = 1002, NO_TEXT = 1007, TOO_MANY = 1008, TOO_LARGE = 1009 };

static int refuse(weft__ws_in *in, uint16_t code, const char *fault)
{
    in->fault = fault;
    in->code = code;
    return WEFT_EPROTO;
}

/* ---- masks ---- */

static inline void apply(char *bytes, size_t len, const uint8_t mask[4])
{
    uint32_t four;
    memcpy(&four, mask, 4);
    uint64_t eight = (uint64_t)four << 32 | four, word[4];
    size_t at = 0;
    for (; len - at >= sizeof word; at += sizeof word) {
        memcpy(word, bytes + at, sizeof word);
        word[0] ^= eight;
        word[1] ^= eight;
        word[2] ^= eight;
        word[3] ^= eight;
        memcpy(bytes + at, word, sizeof word);
    }
    for (; len - at >= 8; at += 8) {
        memcpy(word, bytes + at, 8);
        word[0] ^= eight;
        memcpy(bytes + at, word, 8);
    }
    for (size_t i = 0; at + i < len; i++) bytes[at + i] ^= (char)mask[i & 3];
}

void weft__ws_mask(char *bytes, size_t len, uint8_t mask[4])
{
    apply(bytes, len, mask);
    const uint8_t was[4] = { mask[0], mask[1], mask[2], mask[3] };
    for (unsigned i = 0; i < 4; i++) mask[i] = was[(i + len) & 3];
}

/* ---- heads ---- */

typedef struct head { uint8_t first, second; unsigned size; uint64_t len; } head;

static uint64_t big_endian(const char *bytes, unsigned n)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < n; i++) value = value << 8 | (uint8_t)bytes[i];
    return value;
}

/* What its two first bytes say already. */
static int check_first(weft__ws_in *in, const weft__ws_rules *rules, const head *h)
{
    unsigned op = h->first & OPCODE, rsv = h->first & RSV;
    bool control = op & CONTROL;
    if (op > WEFT__WS_PONG || (op > WEFT__WS_BINARY && op < WEFT__WS_CLOSE)) return refuse(in, BAD, "a frame with a reserved opcode");
    if (rsv & ~(unsigned)(rules->deflate && !control && op ? RSV1 : 0)) return refuse(in, BAD, "a frame with reserved bits");
    if (control && !(h->first & FIN)) return refuse(in, BAD, "a control frame in fragments");
    if (op == WEFT__WS_CONTINUED && !in->op) return refuse(in, BAD, "a continuation without a beginning");
    if (!control && op && in->op) return refuse(in, BAD, "a new message inside of another one");
    return 0;
}

static int check_second(weft__ws_in *in, const weft__ws_rules *rules, const head *h)
{
    bool masked = h->second & MASKED;
    if (masked && !rules->masked) return refuse(in, BAD, "a masked frame from a server");
    if (!masked && rules->masked) return refuse(in, BAD, "a frame of a client without a mask");
    if ((h->first & CONTROL) && (h->second & LENGTH) > WEFT__WS_CONTROL_MAX) return refuse(in, BAD, "a control frame of more than 125 bytes");
    return 0;
}

static int check_length(weft__ws_in *in, const head *h)
{
    unsigned form = h->second & LENGTH;
    if ((form == LENGTH_16 && h->len < LENGTH_16) || (form == LENGTH_64 && h->len <= UINT16_MAX))
        return refuse(in, BAD, "a length that is not written as short as it can be");
    if (h->len > INT64_MAX) return refuse(in, BAD, "a length of more than 63 bits");
    return 0;
}

/* Of a message: what it may still hold. */
static int check_message(weft__ws_in *in, const weft__ws_rules *rules, const head *h)
{
    if (h->len > rules->message_bytes_max || in->bytes > rules->message_bytes_max - h->len)
        return refuse(in, TOO_LARGE, "a message is larger than message_bytes_max");
    if (in->frames >= rules->fragments_max) return refuse(in, TOO_MANY, "a message has more fragments than fragments_max");
    return 0;
}

/* 1: the whole head is there. */
static int read_head(weft__ws_in *in, const weft__ws_rules *rules, const char *bytes, size_t len, head *h)
{
    int rc;
    if (!len) return 0;
    *h = (head){ .first = (uint8_t)bytes[0] };
    if ((rc = check_first(in, rules, h)) < 0 || len < 2) return rc;
    h->second = (uint8_t)bytes[1];
    if ((rc = check_second(in, rules, h)) < 0) return rc;
    unsigned form = h->second & LENGTH, more = form == LENGTH_16 ? 2 : form == LENGTH_64 ? 8 : 0;
    if (len < 2 + more) return 0;
    h->len = more ? big_endian(bytes + 2, more) : form;
    h->size = 2 + more + (rules->masked ? 4 : 0);
    if ((rc = check_length(in, h)) < 0) return rc;
    if (!(h->first & CONTROL) && (rc = check_message(in, rules, h)) < 0) return rc;
    return len >= h->size;
}

/* ---- control frames ---- */

bool weft__ws_code_valid(unsigned code)
{
    if (code >= 3000) return code < 5000;
    return code >= 1000 && code <= 1014 && code != 1004 && code != WEFT__WS_NO_CODE && code != WEFT__WS_BROKEN;
}

static int read_close(weft__ws_in *in, weft__ws_event *event)
{
    weft_str all = event->bytes;
    event->code = WEFT__WS_NO_CODE;
    if (!all.len) return 1;
    if (all.len == 1) return refuse(in, BAD, "a Close with half a code");
    event->code = (uint16_t)big_endian(all.ptr, 2);
    event->bytes = (weft_str){ all.ptr + 2, all.len - 2 };
    if (!weft__ws_code_valid(event->code)) return refuse(in, BAD, "a Close with a code that must not be sent");
    if (!weft__utf8_valid(event->bytes.ptr, event->bytes.len)) return refuse(in, NO_TEXT, "a Close whose reason is no UTF-8");
    return 1;
}

static int read_control(weft__ws_in *in, const weft__ws_rules *rules, const head *h, char *bytes, size_t len, size_t *used, weft__ws_event *event)
{
    if (len < h->size + h->len) return 0;
    char *payload = bytes + h->size;
    if (rules->masked) {
        uint8_t mask[4];
        memcpy(mask, payload - 4, 4);
        weft__ws_mask(payload, (size_t)h->len, mask);
    }
    *used = (size_t)(h->size + h->len);
    *event = (weft__ws_event){ .op = h->first & OPCODE, .last = true, .bytes = { payload, (size_t)h->len } };
    return event->op == WEFT__WS_CLOSE ? read_close(in, event) : 1;
}

/* ---- messages ---- */

static void begin_frame(weft__ws_in *in, const weft__ws_rules *rules, const head *h, const char *bytes)
{
    unsigned op = h->first & OPCODE;
    if (rules->masked) memcpy(in->mask, bytes + h->size - 4, 4);
    if (op) in->op = (uint8_t)op;
    if (op) in->compressed = h->first & RSV1;
    in->in_frame = true;
    in->last = h->first & FIN;
    in->left = h->len;
    in->bytes += h->len;
    in->frames++;
}

static void end_message(weft__ws_in *in)
{
    in->op = 0;
    in->bytes = 0;
    in->frames = 0;
}

/* 1: an event; 0: the frame has ended and there is none, as another one continues it, or more bytes are needed. */
static int read_payload(weft__ws_in *in, const weft__ws_rules *rules, char *bytes, size_t len, weft__ws_event *event)
{
    size_t n = len < in->left ? len : (size_t)in->left;
    if (rules->masked) weft__ws_mask(bytes, n, in->mask);
    in->left -= n;
    in->in_frame = in->left != 0;
    bool last = in->last && !in->in_frame;
    *event = (weft__ws_event){ .op = in->op, .compressed = in->compressed, .last = last, .bytes = { bytes, n } };
    if (last) end_message(in);
    return n || last;
}

/* Most messages of clients are one short frame that came as a whole: what follows would find the same. */
static inline bool is_short(const weft__ws_in *in, const weft__ws_rules *rules, const char *bytes, size_t len)
{
    if (len < 6 || in->in_frame || in->op || !rules->masked) return false;
    unsigned first = (uint8_t)bytes[0], n = (uint8_t)bytes[1] ^ MASKED;
    bool plain = first == (FIN | WEFT__WS_TEXT) || first == (FIN | WEFT__WS_BINARY);
    return plain && n < LENGTH_16 && len >= 6 + n && n <= rules->message_bytes_max && rules->fragments_max;
}

static int read_short(char *bytes, size_t *used, weft__ws_event *event)
{
    size_t n = (uint8_t)bytes[1] & LENGTH;
    apply(bytes + 6, n, (const uint8_t *)bytes + 2);
    *used = 6 + n;
    *event = (weft__ws_event){ .op = (uint8_t)bytes[0] & OPCODE, .last = true, .bytes = { bytes + 6, n } };
    return 1;
}

int weft__ws_next(weft__ws_in *in, const weft__ws_rules *rules, char *bytes, size_t len, size_t *used, weft__ws_event *event)
{
    *used = 0;
    if (in->fault) return WEFT_EPROTO;
    if (is_short(in, rules, bytes, len)) return read_short(bytes, used, event);
    for (;;) {
        head h;
        if (!in->in_frame) {
            int rc = read_head(in, rules, bytes + *used, len - *used, &h);
            if (rc <= 0) return rc;
            if (h.first & CONTROL) {
                size_t of_frame = 0;
                rc = read_control(in, rules, &h, bytes + *used, len - *used, &of_frame, event);
                *used += of_frame;
                return rc;
            }
            begin_frame(in, rules, &h, bytes + *used);
            *used += h.size;
        }
        size_t at = *used;
        *used += len - at < in->left ? len - at : (size_t)in->left;
        if (read_payload(in, rules, bytes + at, len - at, event)) return 1;
        if (in->in_frame) return 0;
    }
}

/* ---- text ---- */

bool weft__ws_text_add(weft__ws_text *t, const char *bytes, size_t len)
{
    for (; t->len && len; bytes++, len--) {
        t->begun[t->len++] = *bytes;
        if (weft__utf8_valid(t->begun, t->len)) t->len = 0;
        else if (!weft__utf8_partial(t->begun, t->len)) return false;
    }
    size_t good = weft__utf8_prefix(bytes, len), rest = len - good;
    if (!rest) return true;
    if (rest > 3 || !weft__utf8_partial(bytes + good, rest)) return false;
    memcpy(t->begun, bytes + good, rest);
    t->len = (uint8_t)rest;
    return true;
}

/* ---- writing ---- */

size_t weft__ws_head(char to[WEFT__WS_HEAD_MAX], const weft__ws_frame *frame, uint64_t len)
{
    unsigned more = len < LENGTH_16 ? 0 : len <= UINT16_MAX ? 2 : 8, form = more == 0 ? (unsigned)len : more == 2 ? LENGTH_16 : LENGTH_64;
    to[0] = (char)(frame->op | (frame->more ? 0 : FIN) | (frame->compressed ? RSV1 : 0));
    to[1] = (char)(form | (frame->mask ? MASKED : 0));
    for (unsigned i = 0; i < more; i++) to[2 + i] = (char)(len >> 8 * (more - 1 - i));
    if (frame->mask) memcpy(to + 2 + more, frame->mask, 4);
    return 2 + more + (frame->mask ? 4 : 0);
}

size_t weft__ws_close_payload(char to[WEFT__WS_CONTROL_MAX], unsigned code, weft_str reason)
{
    if (code == WEFT__WS_NO_CODE) return 0;
    size_t n = reason.len < WEFT__WS_REASON_MAX ? reason.len : WEFT__WS_REASON_MAX;
    n = weft__utf8_prefix(reason.ptr, n);
    to[0] = (char)(code >> 8);
    to[1] = (char)code;
    if (n) memcpy(to + 2, reason.ptr, n);
    return 2 + n;
}
