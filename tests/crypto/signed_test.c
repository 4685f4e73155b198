#include "crypto/signed.h"
#include <stdio.h>
#include <string.h>
#include "weft/check.h"

static const weft_secrets now = { { WEFT_S("a secret of thirty-two bytes ...") } };
static const weft_secrets later = { { WEFT_S("its successor, as long as it was"), WEFT_S("a secret of thirty-two bytes ...") } };
static const weft_secrets other = { { WEFT_S("its successor, as long as it was") } };

typedef struct text { char bytes[400]; size_t len; } text;

static text sign(const weft_secrets *secrets, const char *purpose, int64_t expires_s, weft_str value)
{
    text t = { .len = 0 };
    weft__buf out;
    weft__buf_init(&out, 300);
    weft__signed_write(secrets, weft_str_of(purpose), expires_s, value, &out);
    WEFT_NEED(!out.failed);
    memcpy(t.bytes, out.ptr, out.len);
    t.len = out.len;
    weft__buf_free(&out);
    return t;
}

static weft__signed found;
static uint8_t room[400];

static int read_at(const weft_secrets *secrets, const char *purpose, int64_t now_s, const char *bytes, size_t len)
{
    found = (weft__signed){ { "untouched", 9 }, 1 };
    return weft__signed_read(secrets, weft_str_of(purpose), now_s, (weft_str){ bytes, len }, room, &found);
}

WEFT_TEST(a_signed_value_comes_back)
{
    text t = sign(&now, "session", 1000, WEFT_S("user\0 7"));
    WEFT_CHECK_EQ(t.len, 63);
    WEFT_CHECK_EQ(read_at(&now, "session", 999, t.bytes, t.len), 0);
    WEFT_CHECK(weft_str_equal(found.value, WEFT_S("user\0 7")));
    WEFT_CHECK_EQ(found.expires_s, 1000);
}

WEFT_TEST(an_empty_value_can_be_signed)
{
    text t = sign(&now, "session", INT64_MAX, WEFT_S(""));
    WEFT_CHECK_EQ(read_at(&now, "session", INT64_MAX - 1, t.bytes, t.len), 0);
    WEFT_CHECK_EQ(found.value.len, 0);
}

WEFT_TEST(a_signed_value_expires_to_the_second)
{
    text t = sign(&now, "session", 1000, WEFT_S("v"));
    WEFT_CHECK_EQ(read_at(&now, "session", 1000, t.bytes, t.len), WEFT_ETIMEDOUT);
    WEFT_CHECK_STR(found.value, "untouched");
}

WEFT_TEST(a_value_signed_for_one_purpose_is_good_for_no_other)
{
    text t = sign(&now, "session", 1000, WEFT_S("v"));
    WEFT_CHECK_EQ(read_at(&now, "reset", 1, t.bytes, t.len), WEFT_EINVAL);
    WEFT_CHECK_EQ(read_at(&now, "sessio", 1, t.bytes, t.len), WEFT_EINVAL);
}

/* A code over the pieces alone would be the same for both. */
WEFT_TEST(purpose_and_value_do_not_run_into_each_other)
{
    text t = sign(&now, "ab", 1000, WEFT_S("c"));
    WEFT_CHECK_EQ(read_at(&now, "a", 1, t.bytes, t.len), WEFT_EINVAL);
}

WEFT_TEST(an_old_secret_still_reads_and_a_dropped_one_does_not)
{
    text old = sign(&now, "session", 1000, WEFT_S("v")), new = sign(&later, "session", 1000, WEFT_S("v"));
    WEFT_CHECK_EQ(read_at(&later, "session", 1, old.bytes, old.len), 0);
    WEFT_CHECK_EQ(read_at(&other, "session", 1, old.bytes, old.len), WEFT_EINVAL);
    WEFT_CHECK_EQ(read_at(&other, "session", 1, new.bytes, new.len), 0);
    WEFT_CHECK_EQ(read_at(&now, "session", 1, new.bytes, new.len), WEFT_EINVAL);
}

WEFT_TEST(each_altered_letter_of_a_signed_value_is_noticed)
{
    text t = sign(&now, "session", 1000, WEFT_S("value"));
    for (size_t i = 0; i < t.len; i++) {
        text altered = t;
        for (char c = '-'; c <= 'z'; c++) {
            altered.bytes[i] = c;
            if (c != t.bytes[i] && read_at(&now, "session", 1, altered.bytes, t.len) != WEFT_EINVAL)
                weft__check_fail(__FILE__, __LINE__, "letter %zu became '%c' and was taken", i, c);
        }
    }
}

WEFT_TEST(each_beginning_of_a_signed_value_is_refused_and_so_is_more)
{
    text t = sign(&now, "session", 1000, WEFT_S("value"));
    for (size_t len = 0; len < t.len; len++) WEFT_CHECK_EQ(read_at(&now, "session", 1, t.bytes, len), WEFT_EINVAL);
    t.bytes[t.len] = 'A';
    WEFT_CHECK_EQ(read_at(&now, "session", 1, t.bytes, t.len + 1), WEFT_EINVAL);
}

WEFT_TEST(secrets_that_are_too_short_are_named)
{
    WEFT_CHECK(weft__secrets_fault(NULL) != NULL);
    WEFT_CHECK(weft__secrets_fault(&(weft_secrets){ 0 }) != NULL);
    WEFT_CHECK(weft__secrets_fault(&(weft_secrets){ { WEFT_S("fifteen bytes..") } }) != NULL);
    WEFT_CHECK(weft__secrets_fault(&(weft_secrets){ { WEFT_S("sixteen bytes ok"), WEFT_S("short") } }) != NULL);
    WEFT_CHECK(weft__secrets_fault(&later) == NULL);
}
