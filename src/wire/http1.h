#ifndef WEFT_SRC_WIRE_HTTP1_H
#define WEFT_SRC_WIRE_HTTP1_H
#include "base/buf.h"
#include "weft/base.h"

/* HTTP/1.1 heads: read strictly, written from prepared bytes. Bytes in, slices out: nothing here
 * allocates, waits or keeps anything; slices point into the caller's bytes and are NOT
 * NUL-terminated. RFC 9110, RFC 9112. */

typedef struct weft__http_header { weft_str name, value; } weft__http_header;

/* The methods everyone knows, as integers; any other token of up to 32 bytes is OTHER_METHOD. */
typedef enum weft__http_verb {
    WEFT__OTHER_METHOD, WEFT__GET, WEFT__HEAD, WEFT__POST, WEFT__PUT, WEFT__PATCH, WEFT__DELETE,
    WEFT__OPTIONS, WEFT__TRACE, WEFT__CONNECT
} weft__http_verb;

/* How the end of the body is found (RFC 9112, 6.3). */
typedef enum weft__http_body {
    WEFT__BODY_NONE,         /* no body at all (also: Content-Length: 0) */
    WEFT__BODY_LENGTH,       /* content_length bytes */
    WEFT__BODY_CHUNKED,      /* chunk.h */
    WEFT__BODY_CLOSE         /* all until the peer closes; responses only */
} weft__http_body;

/* Which limit a refused head is past. */
typedef enum weft__http_limit {
    WEFT__LIMIT_NONE,        /* none: it is faulty otherwise */
    WEFT__LIMIT_HEAD,        /* head_bytes_max */
    WEFT__LIMIT_TARGET,      /* target_bytes_max */
    WEFT__LIMIT_HEADERS      /* room */
} weft__http_limit;

/* A parsed head. The caller sets `headers` and `room` (the limit on header lines) before parsing,
 * the parser sets the rest. */
typedef struct weft__http_head {
    weft__http_header *headers;      /* in the order they came; values without spaces around */
    unsigned room, count;

    /* Requests. */
    weft_str method, target;         /* as they came */
    weft__http_verb verb;
    weft_str path;        /* still percent-encoded; never empty; "*" for OPTIONS * */
    weft_str query;       /* behind '?', still encoded; ptr is NULL without '?' */
    weft_str host;        /* host[:port], of the target when that is absolute; empty in 1.0 */
    bool expect_continue; /* Expect: 100-continue */

    /* Responses. */
    int status;
    weft_str reason;

    /* Both. */
    int minor;                       /* HTTP/1.minor: 0 or 1 */
    weft__http_body body;
    int64_t content_length;          /* -1: not given. Set also where no body follows (HEAD, 304) */
    weft_str content_type;           /* empty when absent */
    weft_str upgrade;                /* value of Upgrade when Connection names it, else empty */
    bool keep_alive;                 /* the connection may carry another message behind this one */

    /* When refused: static text for the body of the answer, and its status. */
    const char *fault;
    int fault_status;
    weft__http_limit past;
} weft__http_head;

typedef struct weft__http_limits {
    size_t head_bytes_max;           /* the whole head, empty line included: 431 */
    size_t target_bytes_max;         /* 414 */
    weft_str known_host;             /* a Host found valid before, which is then only compared; empty: none */
} weft__http_limits;
#define WEFT__HTTP_LIMITS ((weft__http_limits){ .head_bytes_max = 16384, .target_bytes_max = 8192 })

/* Parse one request head at the start of `bytes`.
 *
 * Returns > 0, the bytes of the head, with `head` filled; 0 when more bytes are needed; < 0 when
 * the request is refused, with head->fault and head->fault_status (400, 414, 417, 431, 501, 505):
 * answer and close. `*scanned` is a note to itself that the caller keeps between calls for the same
 * head, 0 at first: a head that comes byte by byte is then searched once, not once a byte. It is 0
 * again after a head.
 *
 * The answer to a head depends on its bytes alone, not on how they were cut: what is refused once
 * is refused however much follows, and no beginning of a good head is ever refused. (A bad head that
 * comes in pieces may be refused only when its last piece is there.)
 *
 * Refused is what two readers could understand differently: Content-Length with Transfer-Encoding,
 * twice or not a plain number; a coding other than chunked (501); Transfer-Encoding in 1.0; CR or
 * LF outside CRLF; folded lines; space before a colon; control characters; bytes above 126 or '#'
 * in the target; no Host, two, or a bad one; an HTTP version other than 1.0 and 1.1 (505). One
 * empty line may come before the request. CONNECT is 501: weft is not a proxy. Two Content-Type are
 * refused as well. RFC 9112, 2 to 6.  */
int weft__http_parse_request(const char *bytes, size_t len, size_t *scanned,
    const weft__http_limits *limits, weft__http_head *head) WEFT_NODISCARD;

/* The same for a response head. `to_head`: it answers a HEAD request, so no body follows.
 * `head->body` tells how the body ends; a refused response (fault_status 502) leaves the connection
 * useless. Interim responses (status 1xx) are heads of their own; behind 101 the bytes are another
 * protocol's. limits->target_bytes_max is not used.  */
int weft__http_parse_response(const char *bytes, size_t len, size_t *scanned, bool to_head,
    const weft__http_limits *limits, weft__http_head *head) WEFT_NODISCARD;

/* The next header line of that name (any case) behind `after`, or the first when that is NULL; NULL
 * when there is none. */
const weft__http_header *weft__http_find(
    const weft__http_head *head, weft_str name, const weft__http_header *after);

/* True when the comma-separated list names the token, in any case: "keep-alive, Upgrade". */
bool weft__http_list_has(weft_str list, weft_str token);

/* A name that can be sent: a token. A value that can be sent: no control character but tab. */
bool weft__http_name_valid(weft_str name);
bool weft__http_value_valid(weft_str value);

/* ---- writing (http1_write.c) ---- */

/* "HTTP/1.1 200 OK\r\n", prepared; empty for a status that is not registered. Lives for ever. */
weft_str weft__http_status_line(int status);
weft_str weft__http_reason(int status); /* "OK"; empty for a status that is not registered */

/* Have answers of this status no content? RFC 9110, 15.2, 15.3.5, 15.3.6, 15.4.5. That of a 205 has a length all the same: 0. */
static inline bool weft__http_bodiless(int status) { return status < 200 || status == 204 || status == 205 || status == 304; }

/* Append the status line of any status from 100 to 999. */
void weft__http_add_status(weft__buf *b, int status);

/* Append "name: value\r\n". WEFT_EINVAL, and nothing is appended, when either is not valid: so no
 * value can smuggle in a line of its own. A failure of the buffer itself stays in b->failed, as
 * always. */
int weft__http_add_header(weft__buf *b, weft_str name, weft_str value) WEFT_NODISCARD;

void weft__http_add_length(weft__buf *b, uint64_t body_bytes);       /* "Content-Length: 5\r\n" */

/* Append "GET /path?query HTTP/1.1\r\nHost: host\r\n". WEFT_EINVAL, and nothing is appended, when
 * the method is no token, the host is not valid or empty, or path or query hold a byte that no
 * target may; the path begins with '/', or is "*" for OPTIONS. No '?' when query.ptr is NULL. */
typedef struct weft__http_request_line {
    weft_str method, path, query, host;
} weft__http_request_line;
int weft__http_add_request(weft__buf *b, const weft__http_request_line *line) WEFT_NODISCARD;

/* ---- dates (http1_date.c) ---- */

/* "Sun, 06 Nov 1994 08:49:37 GMT", 29 bytes without NUL, of seconds since 1970 UTC; times outside
 * the years 0 to 9999 become the nearest inside. RFC 9110, 5.6.7. */
enum { WEFT__HTTP_DATE = 29 };
void weft__http_date(char out[WEFT__HTTP_DATE], int64_t unix_s);

/* Read a date in any of the three forms of RFC 9110, 5.6.7; a two-digit year is the one nearest to
 * `now_s` that is not more than 50 years ahead. 0, or WEFT_EINVAL with *unix_s untouched. */
int weft__http_date_parse(weft_str text, int64_t now_s, int64_t *unix_s) WEFT_NODISCARD;
#endif
