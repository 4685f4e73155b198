#ifndef WEFT_SRC_WIRE_WS_H
#define WEFT_SRC_WIRE_WS_H
/* WebSocket frames: bytes in, events out, and frames written. Pure: nothing is kept but a few words of where in a frame the bytes
 * ended, nothing allocated. RFC 6455, 5 to 8. */
#include "weft/base.h"

typedef enum weft__ws_op {
    WEFT__WS_CONTINUED = 0, WEFT__WS_TEXT = 1, WEFT__WS_BINARY = 2, WEFT__WS_CLOSE = 8, WEFT__WS_PING = 9, WEFT__WS_PONG = 10
} weft__ws_op;

enum {
    WEFT__WS_CONTROL_MAX = 125,      /* bytes of a control frame's payload */
    WEFT__WS_HEAD_MAX = 14,
    WEFT__WS_REASON_MAX = 123,
    /* What no frame says: a Close without a code, no Close at all. 7.4.1 */
    WEFT__WS_NO_CODE = 1005, WEFT__WS_BROKEN = 1006
};

/* What a peer may send. */
typedef struct weft__ws_rules {
    uint64_t message_bytes_max;      /* of a message as it comes, whatever it becomes: 1009 */
    uint32_t fragments_max;          /* frames of a message: 1008 */
    bool masked;                     /* frames have to be masked (those of clients) or must not be */
    bool deflate;                    /* messages may be compressed: RSV1 of their first frame */
} weft__ws_rules;

/* Where in the stream of frames the bytes have ended. All zeros at first. */
typedef struct weft__ws_in {
    uint64_t left;                   /* of the payload of the frame that is being read */
    uint64_t bytes;                  /* of the message so far */
    uint32_t frames;                 /* likewise */
    uint8_t mask[4];                 /* turned so that the next byte's is the first */
    uint8_t op;                      /* of the message that has begun: TEXT, BINARY; 0: none has */
    bool in_frame, last, compressed;
    uint16_t code;                   /* of a fault: what the Close is to say */
    const char *fault;               /* static text; NULL: none */
} weft__ws_in;

typedef struct weft__ws_event {
    weft__ws_op op;                  /* TEXT, BINARY: bytes of a message; CLOSE, PING, PONG */
    bool compressed;                 /* the message is */
    bool last;                       /* nothing more of the message comes */
    uint16_t code;                   /* of a Close; WEFT__WS_NO_CODE: it has none */
    weft_str bytes;                  /* unmasked; of a Close its reason; not NUL-terminated */
} weft__ws_event;

/* The next event in `bytes`, which are unmasked in place. Returns 1 with *event, whose bytes are slices of them; 0: more bytes are
 * needed; < 0: a fault, in->fault and in->code say which, and it stays. *used bytes are done with in any case; the others have to be
 * there again, in front of more, at the next call: at most a head or one whole control frame but for its last byte, as these are
 * given whole. Payload of messages is given as it comes; a message without any has one event.
 *
 * Refused: reserved bits and opcodes, a length that is not the shortest, control frames that are long or in fragments, a
 * continuation of nothing, a message inside a message, a mask where none may be and the reverse (1002); a Close with a code that
 * must not be sent (1002) or a reason that is no UTF-8 (1007); limits (1009, 1008). Not the UTF-8 of texts, which may be compressed:
 * weft__ws_text_add. However the bytes are cut, events say the same. */
int weft__ws_next(weft__ws_in *in, const weft__ws_rules *rules, char *bytes, size_t len, size_t *used, weft__ws_event *event) WEFT_NODISCARD;

/* May a Close say this code? 7.4.1, and 7.4.2 for 3000 to 4999; 1012 to 1014 are IANA's. */
bool weft__ws_code_valid(unsigned code);

/* Payload and mask, in one direction or the other; the mask is turned on so that the next bytes' is in its place. 5.3 */
void weft__ws_mask(char *bytes, size_t len, uint8_t mask[4]);

/* ---- the UTF-8 of a text that comes in pieces ---- */

typedef struct weft__ws_text { char begun[4]; uint8_t len; } weft__ws_text;      /* of a character; all zeros at first */

/* False as soon as no more bytes could make it valid. At a text's end it must be whole: t->len == 0. */
bool weft__ws_text_add(weft__ws_text *t, const char *bytes, size_t len) WEFT_NODISCARD;

/* ---- writing ---- */

typedef struct weft__ws_frame {
    weft__ws_op op;
    bool more;                       /* fragments follow */
    bool compressed;
    const uint8_t *mask;             /* of clients; NULL: none */
} weft__ws_frame;

/* Write a frame's head for a payload of `len` bytes: how many bytes it has. */
size_t weft__ws_head(char to[WEFT__WS_HEAD_MAX], const weft__ws_frame *frame, uint64_t len);

/* The payload of a Close; how many bytes: 0 for WEFT__WS_NO_CODE. A reason that is longer is cut between two characters. */
size_t weft__ws_close_payload(char to[WEFT__WS_CONTROL_MAX], unsigned code, weft_str reason);
#endif
