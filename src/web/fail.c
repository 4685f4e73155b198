/* Failures that carry more than a text: details that are JSON, headers. */
#include "weft/failure.h"
#include <stdarg.h>
#include <stdio.h>
#include "model/json.h"
#include "task/error.h"
#include "web/reply.h"
#include "wire/bytes.h"

int weft__fail_json(const char *place, int status, const weft_schema *schema, const void *value)
{
    weft__buf json;
    weft__fault fault = { "" };
    if (status < 400 || status > 599)
        return weft__fail(place, WEFT_EINVAL, "weft_fail_json(%d): expected a status from 400 to 599", status);
    weft__buf_init(&json, WEFT__ERROR_DETAIL_MAX - 1);
    int rc = weft__json_write(schema, value, &json, &fault);
    if (rc < 0) {
        weft__buf_free(&json);
        return weft__fail(place, WEFT_EINVAL, "the detail of a %d, a %s, cannot be written as JSON: %s", status,
            schema->name, fault.text[0] ? fault.text : "it has more than 64 KiB, or no memory is left");
    }
    rc = weft__fail(place, status, "%.*s", WEFT_FMT(weft__buf_str(&json)));
    weft__errors *errors = weft__errors_here(false);
    weft__record *r = errors ? weft__errors_find(errors, rc) : NULL;
    if (r) weft__buf_free(&r->detail);
    if (r) r->detail = json;
    else weft__buf_free(&json);
    return rc;
}

/* The line of this name is left out: one that follows replaces it. */
static void drop_line(weft__buf *lines, weft_str name)
{
    weft_str line_name, value, rest = weft__buf_str(lines);
    for (;;) {
        const char *from = rest.ptr;
        if (!weft__header_line_next(&rest, &line_name, &value)) return;
        if (!weft__same_nocase(line_name, name)) continue;
        memmove((char *)from, rest.ptr, rest.len);
        lines->len -= (size_t)(rest.ptr - from);
        return;
    }
}

int weft_fail_header(int rc, const char *name, const char *fmt, ...)
{
    char value[WEFT__ERROR_HEADERS_MAX];
    va_list args;
    if (rc >= 0) return rc;
    va_start(args, fmt);
    int n = vsnprintf(value, sizeof value, fmt, args);
    va_end(args);
    const char *fault = n < 0 || (size_t)n >= sizeof value ? "more than 8 KiB"
        : weft__header_fault(weft_str_of(name), (weft_str){ value, (size_t)n });
    if (!fault && weft__same_nocase(weft_str_of(name), WEFT_S("Content-Type"))) fault = "the form of the answer says it (.problems, .on_failure)";
    if (fault) return weft_fail(WEFT_EINVAL, "a failure's header %s: %s", name, fault);
    weft__record *r = weft__record_here(rc);
    if (!r) return rc;
    if (!weft__same_nocase(weft_str_of(name), WEFT_S("Set-Cookie"))) drop_line(&r->headers, weft_str_of(name));
    if (r->headers.len + strlen(name) + (size_t)n + 5 > WEFT__ERROR_HEADERS_MAX)
        return weft_fail(WEFT_EINVAL, "a failure's header %s: all of them take more than 8 KiB", name);
    weft__buf_printf(&r->headers, "%s: %s\r\n", name, value);
    return rc;
}
