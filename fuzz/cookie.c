/* Cookies: pairs lie in the header, and a header that is made of them again gives the same. */
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
    free(copy);
    return 0;
}
