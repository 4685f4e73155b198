#ifndef WEFT_SRC_WIRE_WS_HANDSHAKE_H
#define WEFT_SRC_WIRE_WS_HANDSHAKE_H
/* What turns an HTTP/1.1 request into a WebSocket: keys, subprotocols, and the terms of permessage-deflate. Pure. RFC 6455, 4;
 * RFC 7692, 5 and 7. */
#include "base/buf.h"
#include "wire/http1.h"

enum { WEFT__WS_KEY_BYTES = 16, WEFT__WS_KEY = 24, WEFT__WS_ACCEPT = 28 };

/* Why this request is no WebSocket handshake (static text), or NULL; *status: 400, 426 (it asks for no WebSocket, or for another version), 405.
 * connects: it is an extended CONNECT of HTTP/2, which has no key. RFC 8441, 5 */
const char *weft__ws_request_fault(const weft__http_head *head, bool connects, int *status);
/* Sec-WebSocket-Key of a request without a fault. */
weft_str weft__ws_key_of(const weft__http_head *head);
/* What answers a key: base64 of the SHA-1 of the key and a constant. False: the library has failed. 4.2.2 */
bool weft__ws_accept(weft_str key, char out[WEFT__WS_ACCEPT]) WEFT_NODISCARD;

/* The next member of a list of tokens, taken off it; false at its end. What is no token is given as it is. */
bool weft__ws_token_next(weft_str *list, weft_str *token);
/* Does a header, in all its lines, name this token? Subprotocols are compared with their case. */
bool weft__ws_offers(const weft__http_head *head, weft_str header, weft_str token);

/* ---- permessage-deflate ---- */

enum { WEFT__WS_BITS_MIN = 8, WEFT__WS_BITS_MAX = 15 };

/* Of both directions; bits: of the window, 8 to 15. */
typedef struct weft__ws_terms {
    bool on;
    bool server_fresh, client_fresh; /* no context takeover: each message begins anew */
    uint8_t server_bits, client_bits;
} weft__ws_terms;

/* Of a request's offers the first that can be agreed to, and what is agreed: to what was asked for, and no more than we want ourselves.
 * `on` is false when there is none, or we want none. 7.1 */
weft__ws_terms weft__ws_agree(const weft__http_head *head, const weft__ws_terms *ours);
/* What tells the client so: the value of Sec-WebSocket-Extensions, appended. */
void weft__ws_add_terms(weft__buf *out, const weft__ws_terms *agreed);

/* A client's offer, appended; and what the server made of it: NULL, or why it must not (static text). 7.1.2.2 */
void weft__ws_add_offer(weft__buf *out, const weft__ws_terms *ours);
const char *weft__ws_agreed(const weft__http_head *head, const weft__ws_terms *ours, weft__ws_terms *agreed);
#endif
