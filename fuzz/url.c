/* URLs, queries, percent-encoding and templates: what is taken apart goes together again, and no
 * value leaves its place. The first line of the input is a template, each further line a value. */
#include "wire/url.h"
#include <stdlib.h>
#include <string.h>
#include "wire/bytes.h"
#include "wire/utf8.h"

#define MUST(condition) do { if (!(condition)) abort(); } while (0)

static void check_decode(weft_str in)
{
    char *out = malloc(in.len + 1), *again = malloc(in.len + 1);
    for (unsigned how = 0; how < 8; how++) {
        int n = weft__url_decode(in, how, out);
        MUST(n == WEFT_EINVAL || (n >= 0 && (size_t)n <= in.len));
        if (n < 0) continue;
        MUST(how & WEFT__DECODE_BYTES || weft__utf8_valid(out, (size_t)n));
        MUST(how & WEFT__DECODE_NUL || !memchr(out, 0, (size_t)n));
        memcpy(again, in.ptr, in.len);
        int m = weft__url_decode((weft_str){ again, in.len }, how, again);
        MUST(m == n && memcmp(again, out, (size_t)n) == 0);
    }
    free(out);
    free(again);
}

static void check_encode(weft_str s)
{
    weft__buf b;
    weft__buf_init(&b, 3 * s.len + 1);
    weft__url_encode(&b, s);
    MUST(!b.failed && weft__bytes_are(weft__buf_str(&b), WEFT__TARGET));
    char *out = malloc(b.len + 1);
    int n = weft__url_decode(
        weft__buf_str(&b), WEFT__DECODE_NUL | WEFT__DECODE_BYTES | WEFT__DECODE_PLUS, out);
    MUST(n == (int)s.len && memcmp(out, s.ptr, s.len) == 0);
    free(out);
    weft__buf_free(&b);
}

static void check_query(weft_str text)
{
    weft__url_query q = weft__url_query_of(text, 5);
    weft_str name, value;
    int pairs = 0, rc;
    while ((rc = weft__url_query_next(&q, &name, &value)) == 1) {
        pairs++;
        MUST(name.ptr >= text.ptr && value.ptr + value.len <= text.ptr + text.len);
        MUST(!memchr(name.ptr, '&', name.len) && !memchr(name.ptr, '=', name.len));
        MUST(!memchr(value.ptr, '&', value.len));
    }
    MUST(rc == 0 || (rc == WEFT_ELIMIT && pairs == 5));
    weft_str path, query;
    weft__url_split(text, &path, &query);
    MUST(path.len + (query.ptr ? 1 + query.len : 0) == text.len);
}

static void check_url(weft_str text)
{
    weft__url url, again;
    const char *fault = NULL;
    bool host = weft__url_host_valid(text);
    if (weft__url_ipv6_valid(text))
        MUST(weft__bytes_are(text, WEFT__HEXDIGIT) || memchr(text.ptr, ':', text.len));
    if (weft__url_parse(text, &url, &fault) < 0) {
        MUST(fault);
        return;
    }
    MUST(!host && weft__url_has_scheme(text) && weft__url_host_valid(url.authority));
    MUST(url.port >= 1 && url.port <= 65535 && url.host.len && url.path.len &&
         url.path.ptr[0] == '/');
    MUST(!url.is_ipv6 || weft__url_ipv6_valid(url.host));
    weft__buf b;
    weft__buf_init(&b, text.len + 100);
    weft__buf_printf(&b, "http%s://%.*s", url.tls ? "s" : "", WEFT_FMT(url.authority));
    weft__buf_add_str(&b, url.path);
    if (url.query.ptr) weft__buf_add_char(&b, '?');
    weft__buf_add_str(&b, url.query);
    int rc = weft__url_parse(weft__buf_str(&b), &again, &fault);
    MUST(rc == 0 && again.port == url.port && again.tls == url.tls && !again.bare);
    MUST(weft_str_equal(again.host, url.host) && weft_str_equal(again.path, url.path));
    MUST(weft_str_equal(again.query, url.query));
    weft__buf_free(&b);
}

/* One value in a path and in a query comes back as it was; the path keeps its shape. */
static void check_places(weft_str value)
{
    char fault[WEFT__URL_FAULT];
    weft__buf b;
    weft__buf_init(&b, 6 * value.len + 100);
    int rc = weft__url_format(&b, "http://h/{}/x?q={}", (weft_str[]){ value, value }, 2, fault);
    MUST((rc == 0) == (weft__url_segment_fault(value) == NULL));
    if (rc == 0) {
        weft__url url;
        const char *why;
        rc = weft__url_parse(weft__buf_str(&b), &url, &why);
        MUST(rc == 0 && url.path.len > 3 && memcmp(url.path.ptr + url.path.len - 2, "/x", 2) == 0);
        weft_str segment = { url.path.ptr + 1, url.path.len - 3 },
                 encoded = { url.query.ptr + 2, url.query.len - 2 };
        MUST(!memchr(segment.ptr, '/', segment.len) && weft_str_equal(segment, encoded));
    }
    weft__buf_free(&b);
}

static void check_template(weft_str text)
{
    enum { VALUES = 4 };
    weft_str values[VALUES];
    size_t count = 0;
    const char *line = text.len ? memchr(text.ptr, '\n', text.len) : NULL,
               *end = text.ptr + text.len;
    size_t n = line ? (size_t)(line - text.ptr) : text.len;
    while (line && count < VALUES) {
        const char *from = line + 1;
        line = memchr(from, '\n', (size_t)(end - from));
        values[count++] = (weft_str){ from, (size_t)((line ? line : end) - from) };
    }
    char *format = malloc(n + 1), fault[WEFT__URL_FAULT];
    memcpy(format, text.ptr, n);
    format[n] = 0;
    weft__buf b;
    weft__buf_init(&b, 500);
    int rc = weft__url_format(&b, format, values, count, fault);
    if (rc < 0) MUST(rc == WEFT_EINVAL && b.len == 0 && strlen(fault) > 0);
    else MUST(b.failed || weft__bytes_are(weft__buf_str(&b), WEFT__TARGET));
    weft__buf_free(&b);
    free(format);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    weft_str text = { len ? (const char *)bytes : "", len };
    check_decode(text);
    check_encode(text);
    check_query(text);
    check_url(text);
    check_places(text);
    check_template(text);
    return 0;
}
