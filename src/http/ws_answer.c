/* What a server answers to a client's handshake, over either protocol: refusals with what they say of themselves, and what was agreed. */
#include <string.h>
#include "http/ws_client.h"
#include "wire/bytes.h"

enum { HEAD_MAX = 16 * 1024, HEADERS_MAX = 100, EXCERPT = 120, INTERIM_MAX = 8 };

static ssize_t receive(ws_handshake *h, void *to, size_t n)
{
    return h->conn ? weft__lane_recv(h->conn->lane, to, n, h->deadline_ns) : weft__stream_recv(&h->c->stream, to, n, h->deadline_ns);
}

static weft_str value_of(const weft__http_head *head, const char *name)
{
    const weft__http_header *header = weft__http_find(head, weft_str_of(name), NULL);
    return header ? header->value : (weft_str){ "", 0 };
}

/* How much of its body is waited for: what it says of itself may come a little later. Of a chunked one a first piece. */
static size_t excerpt_of(const weft__http_head *head, size_t have)
{
    if (head->body == WEFT__BODY_NONE) return 0;
    if (head->body == WEFT__BODY_CHUNKED) return have ? have : 1;
    return head->body == WEFT__BODY_LENGTH && head->content_length < EXCERPT ? (size_t)head->content_length : EXCERPT;
}

static int refused(ws_handshake *h, const weft__http_head *head, weft_str behind)
{
    char body[EXCERPT + 1], room[4096];
    int status = head->status;
    size_t have = behind.len < sizeof room ? behind.len : sizeof room;
    memcpy(room, behind.ptr, have);
    size_t wanted = excerpt_of(head, have);
    for (ssize_t n = 1; have < wanted && n > 0; have += n > 0 ? (size_t)n : 0)
        n = receive(h, room + have, sizeof room - have);
    int n = weft__call_excerpt((weft_str){ room, have }, body, EXCERPT);
    weft_str reason = weft__http_reason(status);
    return weft__shake_failed(h, WEFT_STATUS(502), "answered %d %.*s instead of %s after %lld ms%s%.*s", status, WEFT_FMT(reason),
        h->conn ? "200 OK" : "101 Switching Protocols", weft__shake_ms(h), n ? ": " : "", n, body);
}

static int take_protocol(ws_handshake *h, const weft__http_head *head)
{
    const ws_client *c = h->c;
    weft_str chosen = value_of(head, "Sec-WebSocket-Protocol");
    if (!chosen.len) return 0;
    for (unsigned i = 0; i < c->kind.protocols_count; i++) {
        if (!weft_str_equal(c->kind.protocols[i], chosen)) continue;
        c->ws->protocol = (uint8_t)(i + 1);
        return 0;
    }
    return weft__shake_failed(h, WEFT_EPROTO, "answered with the subprotocol '%.*s', which was not offered", WEFT_FMT(chosen));
}

/* What shows that a server of HTTP/1.1 knows what it is asked for. RFC 6455, 4.1 */
static int check_accept(ws_handshake *h, const weft__http_head *head)
{
    char accept[WEFT__WS_ACCEPT];
    weft_str came = value_of(head, "Sec-WebSocket-Accept");
    if (!weft__http_list_has(head->upgrade, WEFT_S("websocket")))
        return weft__shake_failed(h, WEFT_EPROTO, "answered 101 without Connection: Upgrade and Upgrade: websocket");
    if (!weft__ws_accept((weft_str){ h->key, WEFT__WS_KEY }, accept)) return weft__shake_failed(h, WEFT_ENOMEM, "SHA-1 has failed");
    if (!weft_str_equal(came, (weft_str){ accept, sizeof accept }))
        return weft__shake_failed(h, WEFT_EPROTO, "answered with a wrong Sec-WebSocket-Accept: expected %.*s, came '%.*s'", (int)sizeof accept, accept, WEFT_FMT(came));
    return 0;
}

/* Over HTTP/2 any success is one: RFC 8441, 4 and 5 */
static int check_answer(ws_handshake *h, const weft__http_head *head, weft_str behind, weft__ws_terms *terms)
{
    bool accepted = h->conn ? head->status / 100 == 2 : head->status == 101;
    if (!accepted) return refused(h, head, behind);
    int rc = h->conn ? 0 : check_accept(h, head);
    if (rc < 0) return rc;
    const char *fault = weft__ws_agreed(head, &h->c->kind.terms, terms);
    if (fault) return weft__shake_failed(h, WEFT_EPROTO, "answered with extensions that cannot be: %s", fault);
    return take_protocol(h, head);
}

/* Over HTTP/2 also what ask_on_lane gives. */
int weft__shake_read(ws_handshake *h, weft__ws_terms *terms)
{
    weft__http_header headers[HEADERS_MAX];
    weft__http_head head = { .headers = headers, .room = HEADERS_MAX };
    weft__http_limits limits = { .head_bytes_max = HEAD_MAX, .target_bytes_max = HEAD_MAX };
    weft__buf *b = &h->text;
    size_t scanned = 0, again = 0;   /* again: bytes that are there already */
    int passed_over = 0;
    weft__buf_clear(b);
    for (;;) {
        char *to = weft__buf_reserve(b, 4096);
        if (!to) return weft__shake_failed(h, WEFT_ENOMEM, "no memory for the answer");
        ssize_t n = again ? 0 : receive(h, to, 4096);
        if (n == 0 && !again) return weft__shake_failed(h, WEFT_ECONNRESET, "the connection was closed after %lld ms, before the handshake was answered", weft__shake_ms(h));
        if (n < 0) return (h->conn ? weft__shake_lane_failed : weft__shake_cut)(h, (int)n, "waiting for the handshake's answer");
        b->len += (size_t)n;
        again = 0;
        int used = weft__http_parse_response(b->ptr, b->len, &scanned, false, &limits, &head);
        if (used < 0) return weft__shake_failed(h, WEFT_EPROTO, "answered what is no HTTP: %s", head.fault);
        if (used == 0) continue;
        if (head.status < 200 && head.status != 101) {       /* it goes on: RFC 9110, 15.2 */
            if (++passed_over > INTERIM_MAX) return weft__shake_failed(h, WEFT_EPROTO, "answered with more than %d interim answers", INTERIM_MAX);
            memmove(b->ptr, b->ptr + used, b->len -= (size_t)used);
            scanned = 0;
            again = b->len;
            continue;
        }
        if (h->opts->status) *h->opts->status = head.status;
        weft_str behind = { b->ptr + used, b->len - (size_t)used };
        int rc = check_answer(h, &head, behind, terms);
        if (rc < 0) return rc;
        weft__buf_add_str(&h->c->early, behind);
        return h->c->early.failed ? weft__shake_failed(h, WEFT_ENOMEM, "no memory for what has come") : 0;
    }
}
