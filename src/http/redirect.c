/* The port whose plain requests are sent to https. */
#include "http/connection.h"

enum { LOCATION_MAX = 1 << 20, HTTPS_PORT = 443 };

/* host[:port] without the port; an IPv6 address keeps its brackets. */
static weft_str without_port(weft_str authority)
{
    for (size_t i = authority.len; i > 0; i--) {
        char c = authority.ptr[i - 1];
        if (c == ']') return authority;
        if (c == ':') return (weft_str){ authority.ptr, i - 1 };
    }
    return authority;
}

static void write_location(weft__buf *out, const struct request *r, weft_str host)
{
    const weft__http_head *head = r->x.head;
    int port = weft__server_port(r->c->server);
    weft__buf_lit(out, "Location: https://");
    weft__buf_add_str(out, host);
    if (port != HTTPS_PORT) weft__buf_printf(out, ":%d", port);
    weft__buf_add_str(out, head->path);
    if (head->query.ptr) weft__buf_add_char(out, '?');
    weft__buf_add_str(out, head->query);
    weft__buf_lit(out, "\r\n");
}

static void refuse(struct request *r)
{
    r->keep_alive = false;
    (void)weft__exchange_reply(&r->x, 400, WEFT_S("Content-Type: application/json\r\n"),
        WEFT_S("{\"detail\":\"this port only redirects to https, and the request names no host\"}"));
}

void weft__request_redirect(struct request *r)
{
    weft_str host = without_port(r->x.head->host);
    weft__buf lines;
    if (!host.len || r->x.head->path.ptr[0] != '/') {
        refuse(r);
        return;
    }
    weft__buf_init(&lines, LOCATION_MAX);
    write_location(&lines, r, host);
    if (!lines.failed) (void)weft__exchange_reply(&r->x, 308, weft__buf_str(&lines), (weft_str){ "", 0 });
    weft__buf_free(&lines);                          /* without it: 500, as of a handler that does not answer */
}
