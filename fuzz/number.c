#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "wire/number.h"

#define MUST(condition) \
    do { \
        if (!(condition)) abort(); \
    } while (0)

static bool same_bits(double a, double b) { return memcmp(&a, &b, sizeof a) == 0; }

/* A number is read as the C library reads it. */
static void check_text(const char *text, size_t len)
{
    weft__number n;
    const char *end = weft__number_scan(text, text + len, &n);
    if (!end) return;
    MUST(end > text && end <= text + len && n.text.ptr == text &&
         n.text.len == (size_t)(end - text));
    char *copy = strndup(text, n.text.len);
    char *stop;
    double value = weft__number_double(&n);
    MUST(same_bits(value, strtod(copy, &stop)) && *stop == 0);
    int64_t whole;
    int rc = weft__number_int64(&n, &whole);
    MUST(rc == 0 || rc == WEFT_EINVAL || rc == WEFT_ELIMIT);
    if (rc == 0) MUST((double)whole == value);
    if (n.whole && rc == 0) MUST(strtoll(copy, &stop, 10) == whole);
    if (n.whole) MUST(rc != WEFT_EINVAL);
    free(copy);
}

/* A double is written as text that is read back as the same. */
static void check_double(double value)
{
    char text[WEFT__DOUBLE_PLAIN_MAX];
    weft__number n;
    size_t len = weft__double_write(text, value);
    MUST(len <= WEFT__DOUBLE_MAX && weft__number_scan(text, text + len, &n) == text + len);
    MUST(same_bits(weft__number_double(&n), value));
    len = weft__double_write_plain(text, value);
    MUST(len <= WEFT__DOUBLE_PLAIN_MAX && weft__number_scan(text, text + len, &n) == text + len);
    MUST(weft__number_double(&n) == value);
}

static void check_int(int64_t value)
{
    char text[WEFT__INT_MAX];
    weft__number n;
    int64_t back;
    size_t len = weft__int64_write(text, value);
    MUST(len <= WEFT__INT_MAX && weft__number_scan(text, text + len, &n) == text + len);
    MUST(weft__number_int64(&n, &back) == 0 && back == value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_text((const char *)data, size);
    if (size < 8) return 0;
    uint64_t bits;
    double value;
    memcpy(&bits, data, sizeof bits);
    memcpy(&value, data, sizeof value);
    check_int((int64_t)bits);
    if (__builtin_isfinite(value)) check_double(value);
    return 0;
}
