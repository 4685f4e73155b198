#include "wire/ws_handshake.h"
#include <openssl/sha.h>
#include <string.h>
#include "wire/base64.h"
#include "wire/bytes.h"

static const weft_str extensions = WEFT_S("Sec-WebSocket-Extensions");

static weft_str value_of(const weft__http_head *head, const char *name)
{
    const weft__http_header *h = weft__http_find(head, weft_str_of(name), NULL);
    return h ? h->value : (weft_str){ NULL, 0 };
}

static bool twice(const weft__http_head *head, const char *name)
{
    const weft__http_header *h = weft__http_find(head, weft_str_of(name), NULL);
    return h && weft__http_find(head, weft_str_of(name), h);
}

/* ---- the request ---- */

static bool key_valid(weft_str key)
{
    uint8_t bytes[WEFT__WS_KEY / 4 * 3 + 3];
    const char *msg;
    int64_t numbers[2];
    return key.len == WEFT__WS_KEY && weft__base64_read(key, bytes, &msg, numbers) == WEFT__WS_KEY_BYTES;
}

const char *weft__ws_request_fault(const weft__http_head *head, bool connects, int *status)
{
    weft_str version = value_of(head, "Sec-WebSocket-Version");
    *status = 426;
    if (!weft__http_list_has(head->upgrade, WEFT_S("websocket"))) return "this is a WebSocket: expected Connection: Upgrade and Upgrade: websocket";
    *status = 400;
    if (head->verb != WEFT__GET) return "a WebSocket handshake is a GET";
    if (head->minor < 1) return "a WebSocket handshake is HTTP/1.1";
    if (head->body != WEFT__BODY_NONE) return "a WebSocket handshake has no body";
    if (!version.ptr) return "a WebSocket handshake has Sec-WebSocket-Version: 13";
    if (!weft_str_equal(version, WEFT_S("13")) || twice(head, "Sec-WebSocket-Version")) {
        *status = 426;
        return "WebSocket version 13 alone is known here";
    }
    if (connects) return NULL;
    if (!key_valid(value_of(head, "Sec-WebSocket-Key")) || twice(head, "Sec-WebSocket-Key"))
        return "a WebSocket handshake has one Sec-WebSocket-Key of 16 bytes in base64";
    return NULL;
}

weft_str weft__ws_key_of(const weft__http_head *head) { return value_of(head, "Sec-WebSocket-Key"); }

bool weft__ws_accept(weft_str key, char out[WEFT__WS_ACCEPT])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char text[WEFT__WS_KEY + sizeof guid - 1], digest[SHA_DIGEST_LENGTH];
    char room[WEFT__WS_ACCEPT + 4];
    weft__buf encoded = { .ptr = room, .room = sizeof room - 1, .bytes_max = sizeof room - 1 };
    if (key.len != WEFT__WS_KEY) return false;
    memcpy(text, key.ptr, WEFT__WS_KEY);
    memcpy(text + WEFT__WS_KEY, guid, sizeof guid - 1);
    if (!SHA1(text, sizeof text, digest)) return false;
    weft__base64_write(&encoded, digest, sizeof digest);
    if (encoded.failed || encoded.len != WEFT__WS_ACCEPT) return false;
    memcpy(out, room, WEFT__WS_ACCEPT);
    return true;
}

/* ---- lists ---- */

bool weft__ws_token_next(weft_str *list, weft_str *token)
{
    while (list->len) {
        const char *comma = memchr(list->ptr, ',', list->len);
        size_t n = comma ? (size_t)(comma - list->ptr) : list->len;
        *token = weft__trim((weft_str){ list->ptr, n });
        if (comma) n++;
        *list = (weft_str){ list->ptr + n, list->len - n };
        if (token->len) return true;
    }
    return false;
}

bool weft__ws_offers(const weft__http_head *head, weft_str header, weft_str token)
{
    for (const weft__http_header *h = NULL; (h = weft__http_find(head, header, h));) {
        weft_str list = h->value, item;
        while (weft__ws_token_next(&list, &item))
            if (weft_str_equal(item, token)) return true;
    }
    return false;
}

/* ---- extensions: name; parameter; parameter=value, name; ... ---- */

static void skip_space(weft_str *s)
{
    while (s->len && (*s->ptr == ' ' || *s->ptr == '\t')) *s = (weft_str){ s->ptr + 1, s->len - 1 };
}

static bool take_char(weft_str *s, char c)
{
    skip_space(s);
    if (!s->len || *s->ptr != c) return false;
    *s = (weft_str){ s->ptr + 1, s->len - 1 };
    return true;
}

static bool take_token(weft_str *s, weft_str *token)
{
    size_t n = 0;
    skip_space(s);
    while (n < s->len && weft__byte_is(s->ptr[n], WEFT__TOKEN)) n++;
    *token = (weft_str){ s->ptr, n };
    *s = (weft_str){ s->ptr + n, s->len - n };
    return n != 0;
}

/* A value may stand in quotes, and is a token in them too. RFC 6455, 9.1 */
static bool take_value(weft_str *s, weft_str *value)
{
    if (!take_char(s, '"')) return take_token(s, value);
    return take_token(s, value) && take_char(s, '"');
}

/* To behind the next comma: of what is no list of extensions nothing is understood. */
static void skip_item(weft_str *s)
{
    const char *comma = s->len ? memchr(s->ptr, ',', s->len) : NULL;
    size_t n = comma ? (size_t)(comma - s->ptr) + 1 : s->len;
    *s = (weft_str){ s->ptr + n, s->len - n };
}

/* What one offer or answer says. */
typedef struct said {
    bool server_fresh, client_fresh, server_bits_said, client_bits_said;
    uint8_t server_bits, client_bits; /* 0: without a value */
} said;

static bool read_bits(weft_str value, bool given, uint8_t *out)
{
    int64_t n = given && value.len && value.ptr[0] != '0' ? weft__decimal(value, 99) : -1;
    if (n < WEFT__WS_BITS_MIN || n > WEFT__WS_BITS_MAX) return false;
    *out = (uint8_t)n;
    return true;
}

static bool once(bool *flag)
{
    bool first = !*flag;
    *flag = true;
    return first;
}

/* False: nobody knows this parameter, or it makes no sense; each stands once. */
static bool read_parameter(said *s, weft_str name, weft_str value, bool given, bool offer)
{
    if (weft_str_equal(name, WEFT_S("server_no_context_takeover"))) return !given && once(&s->server_fresh);
    if (weft_str_equal(name, WEFT_S("client_no_context_takeover"))) return !given && once(&s->client_fresh);
    if (weft_str_equal(name, WEFT_S("server_max_window_bits")))
        return once(&s->server_bits_said) && read_bits(value, given, &s->server_bits);
    if (!weft_str_equal(name, WEFT_S("client_max_window_bits")) || !once(&s->client_bits_said)) return false;
    return (!given && offer) || read_bits(value, given, &s->client_bits);
}

/* The next extension: 1 when it is permessage-deflate and makes sense, 0 when it is another or does not, -1 at the end. */
static int next_extension(weft_str *list, bool offer, said *out, weft_str *name)
{
    weft_str parameter, value;
    while (take_char(list, ',')) continue;
    skip_space(list);
    if (!list->len) return -1;
    *out = (said){ 0 };
    bool good = take_token(list, name), ours = good && weft_str_equal(*name, WEFT_S("permessage-deflate"));
    while (good && take_char(list, ';')) {
        good = take_token(list, &parameter);
        bool given = good && take_char(list, '=');
        value = (weft_str){ "", 0 };
        if (given) good = take_value(list, &value);
        if (good && ours) good = read_parameter(out, parameter, value, given, offer);
    }
    skip_space(list);
    if (list->len && *list->ptr != ',') good = false;
    skip_item(list);
    return good && ours;
}

static uint8_t smaller(uint8_t a, uint8_t b) { return a < b ? a : b; }

static weft__ws_terms agree_to(const said *offer, const weft__ws_terms *ours)
{
    weft__ws_terms t = { .on = true, .server_bits = ours->server_bits, .client_bits = WEFT__WS_BITS_MAX };
    t.server_fresh = offer->server_fresh || ours->server_fresh;
    t.client_fresh = offer->client_fresh || ours->client_fresh;
    if (offer->server_bits_said) t.server_bits = smaller(t.server_bits, offer->server_bits);
    /* Only a client that says it knows of this may be told to use a smaller window. */
    if (offer->client_bits_said) t.client_bits = smaller(ours->client_bits, offer->client_bits ? offer->client_bits : WEFT__WS_BITS_MAX);
    return t;
}

weft__ws_terms weft__ws_agree(const weft__http_head *head, const weft__ws_terms *ours)
{
    said offer;
    weft_str name;
    if (!ours->on) return (weft__ws_terms){ 0 };
    for (const weft__http_header *h = NULL; (h = weft__http_find(head, extensions, h));) {
        weft_str list = h->value;
        for (int rc; (rc = next_extension(&list, true, &offer, &name)) >= 0;)
            if (rc) return agree_to(&offer, ours);
    }
    return (weft__ws_terms){ 0 };
}

void weft__ws_add_terms(weft__buf *out, const weft__ws_terms *t)
{
    weft__buf_lit(out, "permessage-deflate");
    if (t->server_fresh) weft__buf_lit(out, "; server_no_context_takeover");
    if (t->client_fresh) weft__buf_lit(out, "; client_no_context_takeover");
    if (t->server_bits < WEFT__WS_BITS_MAX) weft__buf_printf(out, "; server_max_window_bits=%u", t->server_bits);
    if (t->client_bits < WEFT__WS_BITS_MAX) weft__buf_printf(out, "; client_max_window_bits=%u", t->client_bits);
}

void weft__ws_add_offer(weft__buf *out, const weft__ws_terms *ours)
{
    weft__buf_lit(out, "permessage-deflate; client_max_window_bits");
    if (ours->client_bits < WEFT__WS_BITS_MAX) weft__buf_printf(out, "=%u", ours->client_bits);
    if (ours->server_bits < WEFT__WS_BITS_MAX) weft__buf_printf(out, "; server_max_window_bits=%u", ours->server_bits);
    if (ours->server_fresh) weft__buf_lit(out, "; server_no_context_takeover");
    if (ours->client_fresh) weft__buf_lit(out, "; client_no_context_takeover");
}

static const char *take_answer(const said *answer, const weft__ws_terms *ours, weft__ws_terms *agreed)
{
    *agreed = (weft__ws_terms){ .on = true, .server_bits = WEFT__WS_BITS_MAX, .client_bits = ours->client_bits };
    if (ours->server_fresh && !answer->server_fresh) return "permessage-deflate without the server_no_context_takeover that was asked for";
    if (answer->server_bits_said) agreed->server_bits = answer->server_bits;
    if (agreed->server_bits > ours->server_bits) return "permessage-deflate with a larger server_max_window_bits than was asked for";
    if (answer->client_bits_said) agreed->client_bits = smaller(agreed->client_bits, answer->client_bits);
    agreed->server_fresh = answer->server_fresh;
    agreed->client_fresh = ours->client_fresh || answer->client_fresh;
    return NULL;
}

const char *weft__ws_agreed(const weft__http_head *head, const weft__ws_terms *ours, weft__ws_terms *agreed)
{
    said answer;
    weft_str name;
    *agreed = (weft__ws_terms){ 0 };
    for (const weft__http_header *h = NULL; (h = weft__http_find(head, extensions, h));) {
        weft_str list = h->value;
        for (int rc; (rc = next_extension(&list, false, &answer, &name)) >= 0;) {
            if (!ours->on || rc == 0) return "an extension that was not offered, or with parameters that make no sense";
            if (agreed->on) return "permessage-deflate twice";
            const char *fault = take_answer(&answer, ours, agreed);
            if (fault) return fault;
        }
    }
    return NULL;
}
