#include "wire/url.h"
#include <stdarg.h>
#include <stdio.h>
#include "wire/bytes.h"
#include "wire/http1_scan.h"

typedef enum place { NO_PLACE, IN_PATH, IN_QUERY } place;

/* One template on its way into the buffer; what is made so far is out->ptr + start. */
typedef struct format {
    weft__buf *out;
    size_t start;
    const char *text;
    const weft_str *values;
    size_t count, seen;              /* values given, braces met */
    place place;                     /* of the last value; behind a '?' all are in the query */
    char *fault;
} format;

static int WEFT_PRINTF(2, 3) refuse(format *f, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(f->fault, WEFT__URL_FAULT, fmt, args);
    va_end(args);
    return WEFT_EINVAL;
}

static weft_str made(const format *f)
{
    weft_str all = weft__buf_str(f->out);
    return (weft_str){ all.ptr + f->start, all.len - f->start };
}

/* Where in a URL that begins so the next byte stands. */
static place place_behind(weft_str url)
{
    bool whole = weft__url_has_scheme(url);
    if (!whole && (!url.len || url.ptr[0] != '/')) return NO_PLACE;
    const char *end = url.ptr + url.len, *from = url.ptr;
    if (whole) from += url.ptr[4] == ':' ? sizeof "http://" - 1 : sizeof "https://" - 1;
    if (memchr(from, '?', (size_t)(end - from))) return IN_QUERY;
    return memchr(from, '/', (size_t)(end - from)) ? IN_PATH : NO_PLACE;
}

/* One value, encoded. */
static int add_encoded(format *f, weft_str value)
{
    if (f->place != IN_QUERY) f->place = place_behind(made(f));
    if (f->place == NO_PLACE) {
        return refuse(f,
            "{} number %zu of \"%.60s\" stands before the path: {+} puts a value as it is", f->seen,
            f->text);
    }
    if (f->place == IN_PATH && !value.len) {
        return refuse(
            f, "value %zu of \"%.60s\" is empty: in a path it must be a segment", f->seen, f->text);
    }
    if (f->place == IN_PATH && memchr(value.ptr, 0, value.len)) {
        return refuse(f, "value %zu of \"%.60s\" holds a NUL", f->seen, f->text);
    }
    weft__url_encode(f->out, value);
    return 0;
}

static int add_trusted(format *f, weft_str value)
{
    if (!value.len) return 0;
    const char *end = value.ptr + value.len;
    if (weft__scan_target(value.ptr, value.ptr, end) != end) {
        return refuse(f,
            "value %zu of \"%.60s\" holds a byte that no URL may have, and {+} puts it as it is",
            f->seen, f->text);
    }
    weft__buf_add_str(f->out, value);
    return 0;
}

/* `at` is at '{' or '}'. Returns how many bytes of the template it used, or < 0. */
static int add_value(format *f, const char *at)
{
    bool trusted = at[0] == '{' && at[1] == '+' && at[2] == '}';
    if (!trusted && (at[0] != '{' || at[1] != '}')) {
        return refuse(f, "a brace in \"%.60s\" that is neither {} nor {+}", f->text);
    }
    if (f->seen++ < f->count) {
        weft_str value = f->values[f->seen - 1];
        int rc = trusted ? add_trusted(f, value) : add_encoded(f, value);
        if (rc < 0) return rc;
    }
    return trusted ? 3 : 2;
}

static int add_all(format *f)
{
    for (const char *at = f->text;;) {
        const char *stop = at;
        while (weft__byte_is(*stop, WEFT__TEMPLATE)) stop++;
        weft__buf_add(f->out, at, (size_t)(stop - at));
        if (f->out->failed) return 0;
        if (!*stop) break;
        if (*stop != '{' && *stop != '}')
            return refuse(f, "\"%.60s\" holds a byte that no URL may have", f->text);
        int used = add_value(f, stop);
        if (used < 0) return used;
        at = stop + used;
    }
    if (f->seen == f->count) return 0;
    return refuse(
        f, "\"%.60s\" has %zu places for values, and %zu came", f->text, f->seen, f->count);
}

/* "." or "..", also written %2E: who receives it would step aside or up. */
static bool is_dot_segment(const char *at, const char *end)
{
    int dots = 0;
    while (at < end && dots < 3) {
        bool encoded = end - at >= 3 && at[0] == '%' && at[1] == '2' && weft__lower(at[2]) == 'e';
        if (!encoded && *at != '.') return false;
        at += encoded ? 3 : 1;
        dots++;
    }
    return dots == 1 || dots == 2;
}

static bool has_dot_segment(weft_str url)
{
    const char *at = url.ptr, *end = url.ptr + url.len;
    for (;;) {
        const char *from = at;
        while (at < end && *at != '/' && *at != '?') at++;
        if (from < at && (*from == '.' || *from == '%') && is_dot_segment(from, at)) return true;
        if (at == end || *at == '?') return false;
        at++;
    }
}

int weft__url_format(weft__buf *out, const char *text, const weft_str *values, size_t count,
    char fault[WEFT__URL_FAULT])
{
    format f = { .out = out,
        .start = out->len,
        .text = text,
        .values = values,
        .count = count,
        .fault = fault };
    int rc = add_all(&f);
    if (!rc && !out->failed && count && has_dot_segment(made(&f))) {
        rc = refuse(&f, "a value makes a segment of the path of \"%.60s\" '.' or '..'", text);
    }
    if (rc < 0) out->len = f.start;
    return rc;
}
