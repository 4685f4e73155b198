/* Cookies: pairs lie in the header, and a header that is made of them again gives the same; one that a server sets is one
 * line, whose value reads as what was given. */
#include "wire/cookie.h"
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"

#define MUST(condition) do { if (!(condition)) abort(); } while (0)

static void check_value(weft_str value)
{
    char *out = malloc(value.len + 1), *again = malloc(value.len + 1);
    size_t n = weft__cookie_unquote(value, out);
    MUST(n <= value.len && (weft__cookie_quoted(value) || n == value.len));
    memcpy(again, value.ptr, value.len);
    MUST(weft__cookie_unquote((weft_str){ again, value.len }, again) == n && memcmp(again, out, n) == 0);
    free(out);
    free(again);
}

/* A line of the input, which goes on behind it. */
static weft_str line(const char **at, const char *end)
{
    const char *stop = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;
    weft_str s = { *at, (size_t)((stop ? stop : end) - *at) };
    *at = stop ? stop + 1 : end;
    return s;
}

static bool has_control(weft_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7F) return true;
    }
    return false;
}

/* Flags, then name, value, path, domain and SameSite, a line each. */
static void check_set(const char *at, const char *end)
{
    if (at == end) return;
    char flags = *at++;
    weft__set_cookie set = { .max_age_s = flags & 4 ? flags : -1, .secure = flags & 1, .http_only = flags & 2 };
    set.name = line(&at, end);
    set.value = line(&at, end);
    set.path = line(&at, end);
    set.domain = line(&at, end);
    set.same_site = line(&at, end);
    if (weft__set_cookie_fault(&set)) return;
    weft__buf out;
    weft_str name, value;
    weft__buf_init(&out, 64 * 1024);
    weft__set_cookie_add(&out, &set);
    weft__cookies read = weft__cookies_of(weft__buf_str(&out));
    MUST(!out.failed && !has_control(weft__buf_str(&out)));
    MUST(weft__cookie_next(&read, &name, &value) && weft_str_equal(name, set.name));
    char *meant = malloc(value.len + 1);
    size_t n = weft__cookie_unquote(value, meant);
    MUST(n == set.value.len && (!n || memcmp(meant, set.value.ptr, n) == 0));
    free(meant);
    weft__buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *copy = malloc(len + 1);
    memcpy(copy, bytes, len);
    weft_str header = { copy, len }, name, value, name2, value2;
    weft__buf again;
    weft__buf_init(&again, 4 * len + 16);
    weft__cookies c = weft__cookies_of(header);
    while (weft__cookie_next(&c, &name, &value)) {
        MUST(name.ptr >= copy && value.ptr + value.len <= copy + len);
        MUST(!memchr(name.ptr, ';', name.len) && !memchr(name.ptr, '=', name.len) && !memchr(value.ptr, ';', value.len));
        check_value(value);
        weft__buf_add_str(&again, name);
        weft__buf_lit(&again, "=");
        weft__buf_add_str(&again, value);
        weft__buf_lit(&again, "; ");
    }
    weft__cookies a = weft__cookies_of(header), b = weft__cookies_of(weft__buf_str(&again));
    while (weft__cookie_next(&a, &name, &value)) {
        MUST(weft__cookie_next(&b, &name2, &value2));
        MUST(weft_str_equal(name, name2) && weft_str_equal(value, value2));
    }
    MUST(!weft__cookie_next(&b, &name2, &value2));
    weft__buf_free(&again);
    check_set(copy, copy + len);
    free(copy);
    return 0;
}
