/* Handshakes: header lines of any kind; whatever is agreed to can be told, and is what a client may take. */
#include "wire/ws_handshake.h"
#include <stdlib.h>
#include <string.h>

#define MUST(condition) do { if (!(condition)) abort(); } while (0)

static void check_terms(const weft__ws_terms *t, const weft__ws_terms *ours)
{
    if (!t->on) return;
    MUST(t->server_bits >= WEFT__WS_BITS_MIN && t->server_bits <= WEFT__WS_BITS_MAX && t->client_bits >= WEFT__WS_BITS_MIN && t->client_bits <= WEFT__WS_BITS_MAX);
    MUST(t->server_bits <= ours->server_bits);
    MUST(!ours->server_fresh || t->server_fresh);
}

/* What we answer is taken by who offered all we could be asked. */
static void check_told(const weft__ws_terms *t)
{
    static const weft__ws_terms all = { true, false, false, 15, 15 };
    weft__buf text;
    weft__ws_terms taken;
    weft__http_header line;
    weft__http_head head = { .headers = &line, .count = 1, .room = 1 };
    weft__buf_init(&text, 4096);
    weft__ws_add_terms(&text, t);
    line = (weft__http_header){ WEFT_S("Sec-WebSocket-Extensions"), weft__buf_str(&text) };
    MUST(weft__ws_agreed(&head, &all, &taken) == NULL);
    MUST(taken.on && taken.server_fresh == t->server_fresh && taken.client_fresh == t->client_fresh && taken.server_bits == t->server_bits && taken.client_bits == t->client_bits);
    weft__buf_free(&text);
}

static void check_offer(const weft__ws_terms *ours)
{
    weft__buf text;
    weft__http_header line;
    weft__http_head head = { .headers = &line, .count = 1, .room = 1 };
    weft__buf_init(&text, 4096);
    weft__ws_add_offer(&text, ours);
    line = (weft__http_header){ WEFT_S("Sec-WebSocket-Extensions"), weft__buf_str(&text) };
    weft__ws_terms server = { true, false, false, 15, 15 }, t = weft__ws_agree(&head, &server);
    MUST(t.on && t.server_bits == ours->server_bits && t.client_bits == ours->client_bits && (!ours->server_fresh || t.server_fresh));
    weft__buf_free(&text);
}

static void check_head(const uint8_t *data, size_t size)
{
    weft__http_header lines[32];
    weft__http_head head = { .headers = lines, .room = 32 };
    weft__http_limits limits = WEFT__HTTP_LIMITS;
    size_t scanned = 0;
    int status = 0;
    if (weft__http_parse_request((const char *)data, size, &scanned, &limits, &head) <= 0) return;
    const char *fault = weft__ws_request_fault(&head, false, &status);
    char accept[WEFT__WS_ACCEPT];
    MUST(!fault || status == 400 || status == 426);
    if (!fault) MUST(weft__ws_accept(weft__ws_key_of(&head), accept));
    (void)weft__ws_offers(&head, WEFT_S("Sec-WebSocket-Protocol"), WEFT_S("chat"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_head(data, size);
    if (size < 2) return 0;
    weft__ws_terms ours = { true, data[0] & 1, data[0] & 2, (uint8_t)(9 + (data[0] >> 2) % 7), (uint8_t)(9 + data[1] % 7) }, agreed;
    size_t half = 2 + (size - 2) / 2;
    weft__http_header lines[2] = { { WEFT_S("Sec-WebSocket-Extensions"), { (const char *)data + 2, half - 2 } }, { WEFT_S("sec-websocket-extensions"), { (const char *)data + half, size - half } } };
    weft__http_head head = { .headers = lines, .count = 2, .room = 2 };
    agreed = weft__ws_agree(&head, &ours);
    check_terms(&agreed, &ours);
    if (agreed.on) check_told(&agreed);
    const char *fault = weft__ws_agreed(&head, &ours, &agreed);
    if (!fault) check_terms(&agreed, &ours);
    check_offer(&ours);
    return 0;
}
