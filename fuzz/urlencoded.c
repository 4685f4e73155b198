/* Fields of a form, application/x-www-form-urlencoded: what they mean, written and read again, means the same. */
#include <stdlib.h>
#include <string.h>
#include "wire/url.h"

#define MUST(condition) do { if (!(condition)) abort(); } while (0)

enum { PAIRS_MAX = 100, HOW = WEFT__DECODE_PLUS | WEFT__DECODE_NUL | WEFT__DECODE_BYTES };

/* The text decoded, on the heap; ptr NULL when it is not encoded so. */
static weft_str decoded(weft_str raw)
{
    char *out = malloc(raw.len + 1);
    int n = weft__url_decode(raw, HOW, out);
    if (n >= 0) return (weft_str){ out, (size_t)n };
    free(out);
    return (weft_str){ NULL, 0 };
}

static void write_pair(weft__buf *to, weft_str name, weft_str value)
{
    weft__url_encode(to, name);
    weft__buf_add_char(to, '=');
    weft__url_encode(to, value);
    weft__buf_add_char(to, '&');
}

/* Read what was written: the pairs number `n` and on of `text` mean `name` and `value`. */
static void check_pair(weft_str name, weft_str value)
{
    weft__buf b;
    weft_str raw_name, raw_value;
    weft__buf_init(&b, 3 * (name.len + value.len) + 16);
    write_pair(&b, name, value);
    MUST(!b.failed);
    weft__url_query q = weft__url_query_of(weft__buf_str(&b), PAIRS_MAX);
    int rc = weft__url_query_next(&q, &raw_name, &raw_value);
    MUST(rc == 1);
    weft_str n = decoded(raw_name), v = decoded(raw_value);
    MUST(n.ptr && v.ptr && weft_str_equal(n, name) && weft_str_equal(v, value));
    rc = weft__url_query_next(&q, &raw_name, &raw_value);
    MUST(rc == 0);
    free((void *)n.ptr);
    free((void *)v.ptr);
    weft__buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    weft_str text = { len ? (const char *)bytes : "", len }, name, value;
    weft__url_query q = weft__url_query_of(text, PAIRS_MAX);
    while (weft__url_query_next(&q, &name, &value) > 0) {
        weft_str n = decoded(name), v = decoded(value);
        if (n.ptr && v.ptr) check_pair(n, v);
        free((void *)n.ptr);
        free((void *)v.ptr);
    }
    return 0;
}
