#include "wire/trailer.h"
#include "wire/bytes.h"
#include "wire/http1.h"

static const weft_str forbidden[] = {
    /* framing, and what is of one connection alone */
    WEFT_S("transfer-encoding"), WEFT_S("trailer"), WEFT_S("te"), WEFT_S("connection"), WEFT_S("keep-alive"), WEFT_S("proxy-connection"),
    WEFT_S("upgrade"),
    /* routing */
    WEFT_S("host"), WEFT_S("forwarded"), WEFT_S("via"), WEFT_S("max-forwards"), WEFT_S("location"),
    /* what is wanted of a request, and when */
    WEFT_S("expect"), WEFT_S("range"), WEFT_S("if-match"), WEFT_S("if-none-match"), WEFT_S("if-modified-since"), WEFT_S("if-unmodified-since"),
    WEFT_S("if-range"), WEFT_S("priority"), WEFT_S("origin"), WEFT_S("idempotency-key"),
    /* who asks */
    WEFT_S("authorization"), WEFT_S("proxy-authorization"), WEFT_S("www-authenticate"), WEFT_S("proxy-authenticate"), WEFT_S("cookie"),
    WEFT_S("set-cookie"),
    /* what is to be done with an answer */
    WEFT_S("age"), WEFT_S("cache-control"), WEFT_S("date"), WEFT_S("expires"), WEFT_S("pragma"), WEFT_S("retry-after"), WEFT_S("vary"),
    WEFT_S("warning"),
};

static bool begins(weft_str name, weft_str with)
{
    return name.len >= with.len && weft__same_nocase((weft_str){ name.ptr, with.len }, with);
}

bool weft__trailer_allowed(weft_str name)
{
    for (size_t i = 0; i < weft_count(forbidden); i++)
        if (weft__same_nocase(name, forbidden[i])) return false;
    if (begins(name, WEFT_S("content-"))) return weft__same_nocase(name, WEFT_S("content-digest"));
    return !begins(name, WEFT_S("x-forwarded-")) && !begins(name, WEFT_S("sec-"));
}

const char *weft__trailer_fault(weft_str name, weft_str value)
{
    if (!weft__http_name_valid(name)) return "its name must be letters, digits and -_.!#$%&'*+^`|~";
    if (!weft__trailer_allowed(name)) return "it belongs into the head (RFC 9110, 6.5.1)";
    return weft__http_value_valid(value) ? NULL : "its value holds a control character";
}

static bool next(weft_str *lines, weft_str *name, weft_str *value)
{
    if (!lines->len) return false;               /* there may be no place where they lie */
    const char *from = lines->ptr, *end = from + lines->len;
    const char *colon = memchr(from, ':', lines->len), *stop = colon ? memchr(colon, '\r', (size_t)(end - colon)) : NULL;
    if (!stop || end - stop < 2) return false;
    *name = (weft_str){ from, (size_t)(colon - from) };
    *value = weft__trim((weft_str){ colon + 1, (size_t)(stop - colon - 1) });
    *lines = (weft_str){ stop + 2, (size_t)(end - stop - 2) };
    return true;
}

bool weft__trailer_next(weft_str *lines, weft_str *name, weft_str *value)
{
    while (next(lines, name, value))
        if (weft__trailer_allowed(*name)) return true;
    return false;
}

weft_str weft__trailer_find(weft_str lines, weft_str name)
{
    weft_str here, value;
    while (weft__trailer_next(&lines, &here, &value))
        if (weft__same_nocase(here, name)) return value;
    return (weft_str){ NULL, 0 };
}

void weft__trailer_add(weft__buf *b, weft_str name, weft_str value)
{
    weft__buf_add_str(b, name);
    weft__buf_lit(b, ": ");
    weft__buf_add_str(b, weft__trim(value));
    weft__buf_lit(b, "\r\n");
}
