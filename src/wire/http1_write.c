#include "wire/http1.h"
#include "wire/http1_scan.h"
#include "wire/url.h"

/* The registered statuses: IANA, HTTP Status Code Registry. */
/* clang-format off */
#define STATUSES(S) \
    S(100, "Continue")                              S(101, "Switching Protocols") \
    S(102, "Processing")                            S(103, "Early Hints") \
    S(200, "OK")                                    S(201, "Created") \
    S(202, "Accepted")                              S(203, "Non-Authoritative Information") \
    S(204, "No Content")                            S(205, "Reset Content") \
    S(206, "Partial Content")                       S(207, "Multi-Status") \
    S(208, "Already Reported")                      S(226, "IM Used") \
    S(300, "Multiple Choices")                      S(301, "Moved Permanently") \
    S(302, "Found")                                 S(303, "See Other") \
    S(304, "Not Modified")                          S(305, "Use Proxy") \
    S(307, "Temporary Redirect")                    S(308, "Permanent Redirect") \
    S(400, "Bad Request")                           S(401, "Unauthorized") \
    S(402, "Payment Required")                      S(403, "Forbidden") \
    S(404, "Not Found")                             S(405, "Method Not Allowed") \
    S(406, "Not Acceptable")                        S(407, "Proxy Authentication Required") \
    S(408, "Request Timeout")                       S(409, "Conflict") \
    S(410, "Gone")                                  S(411, "Length Required") \
    S(412, "Precondition Failed")                   S(413, "Content Too Large") \
    S(414, "URI Too Long")                          S(415, "Unsupported Media Type") \
    S(416, "Range Not Satisfiable")                 S(417, "Expectation Failed") \
    S(418, "I'm a Teapot")                          S(421, "Misdirected Request") \
    S(422, "Unprocessable Content")                 S(423, "Locked") \
    S(424, "Failed Dependency")                     S(425, "Too Early") \
    S(426, "Upgrade Required")                      S(428, "Precondition Required") \
    S(429, "Too Many Requests")                     S(431, "Request Header Fields Too Large") \
    S(451, "Unavailable For Legal Reasons")         S(500, "Internal Server Error") \
    S(501, "Not Implemented")                       S(502, "Bad Gateway") \
    S(503, "Service Unavailable")                   S(504, "Gateway Timeout") \
    S(505, "HTTP Version Not Supported")            S(506, "Variant Also Negotiates") \
    S(507, "Insufficient Storage")                  S(508, "Loop Detected") \
    S(510, "Not Extended")                          S(511, "Network Authentication Required")
/* clang-format on */

#define LINE(status, reason) case status: return WEFT_S("HTTP/1.1 " #status " " reason "\r\n");

enum { BEFORE_REASON = sizeof "HTTP/1.1 200 " - 1, BEHIND_REASON = 2 };

weft_str weft__http_status_line(int status)
{
    switch (status) {
    STATUSES(LINE)
    default: return WEFT_S("");
    }
}

weft_str weft__http_reason(int status)
{
    weft_str line = weft__http_status_line(status);
    if (!line.len) return line;
    return (weft_str){ line.ptr + BEFORE_REASON, line.len - BEFORE_REASON - BEHIND_REASON };
}

void weft__http_add_status(weft__buf *b, int status)
{
    weft_str line = weft__http_status_line(status);
    if (line.len) {
        weft__buf_add_str(b, line);
        return;
    }
    weft__buf_lit(b, "HTTP/1.1 ");
    weft__buf_add_int(b, status);
    weft__buf_lit(b, " \r\n");       /* the space is not optional, the phrase is: RFC 9112, 4 */
}

bool weft__http_name_valid(weft_str name)
{
    if (!name.len) return false;
    const char *end = name.ptr + name.len;
    return weft__scan_name(name.ptr, name.ptr, end) == end;
}

bool weft__http_value_valid(weft_str value)
{
    if (!value.len) return true;
    const char *end = value.ptr + value.len;
    return weft__scan_text(value.ptr, value.ptr, end) == end;
}

int weft__http_add_header(weft__buf *b, weft_str name, weft_str value)
{
    if (!weft__http_name_valid(name) || !weft__http_value_valid(value)) return WEFT_EINVAL;
    char *to = weft__buf_reserve(b, name.len + value.len + 4);
    if (!to) return 0;
    memcpy(to, name.ptr, name.len);
    to += name.len;
    *to++ = ':';
    *to++ = ' ';
    if (value.len) memcpy(to, value.ptr, value.len);
    memcpy(to + value.len, "\r\n", 2);
    b->len += name.len + value.len + 4;
    return 0;
}

void weft__http_add_length(weft__buf *b, uint64_t body_bytes)
{
    static const char name[] = "Content-Length: ";
    char line[sizeof name - 1 + 20 + 2], *end = line + sizeof line, *at = end - 2;
    memcpy(at, "\r\n", 2);
    do {
        *--at = (char)('0' + body_bytes % 10);
        body_bytes /= 10;
    } while (body_bytes);
    at -= sizeof name - 1;
    memcpy(at, name, sizeof name - 1);
    weft__buf_add(b, at, (size_t)(end - at));
}

static bool target_valid(const weft__http_request_line *line)
{
    weft_str path = line->path;
    bool star =
        weft_str_equal(path, WEFT_S("*")) && weft_str_equal(line->method, WEFT_S("OPTIONS"));
    if (star) return !line->query.ptr;
    if (!path.len || path.ptr[0] != '/' || memchr(path.ptr, '?', path.len)) return false;
    return weft__bytes_are(path, WEFT__TARGET) && weft__bytes_are(line->query, WEFT__TARGET);
}

int weft__http_add_request(weft__buf *b, const weft__http_request_line *line)
{
    if (!weft__http_name_valid(line->method) || !weft__url_host_valid(line->host))
        return WEFT_EINVAL;
    if (!target_valid(line)) return WEFT_EINVAL;
    weft__buf_add_str(b, line->method);
    weft__buf_add_char(b, ' ');
    weft__buf_add_str(b, line->path);
    if (line->query.ptr) weft__buf_add_char(b, '?');
    weft__buf_add_str(b, line->query);
    weft__buf_lit(b, " HTTP/1.1\r\nHost: ");
    weft__buf_add_str(b, line->host);
    weft__buf_lit(b, "\r\n");
    return 0;
}
