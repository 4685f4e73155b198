/* Commands as bytes, without a server. */
#include "redis/inside.h"
#include "redis_world.h"

WEFT_MODEL(Seat, field(int, row), opt(int, number), field(weft_str, name));

static int written(weft__buf *to, const weft_redis_command *command, const char *bytes)
{
    weft__rwritten w;
    weft__buf_clear(to);
    WEFT_TRY(weft__rwrite(to, command, NULL, &w));
    WEFT_CHECK_STR(weft__buf_str(to), bytes);
    return 0;
}

SIM_TEST(numbers_and_words_with_values_in_them_take_no_memory_of_their_own)
{
    static const char bytes[] = "*6\r\n$3\r\nSET\r\n$8\r\nuser:7:x\r\n$3\r\n1.5\r\n$2\r\nEX\r\n$2\r\n60\r\n$1\r\n1\r\n";
    weft__buf to;
    weft__buf_init(&to, 1 << 20);
    WEFT_TRY(written(&to, &WEFT__REDIS("SET user:{}:{} {} EX {} {}", 7, "x", 1.5, 60, true), bytes));
    long before = world_mem.failures;
    world_mem.fail_after = 0;
    int rc = written(&to, &WEFT__REDIS("SET user:{}:{} {} EX {} {}", 7, "x", 1.5, 60, true), bytes);
    world_mem.fail_after = -1;
    WEFT_CHECK_EQ(world_mem.failures, before);
    weft__buf_free(&to);
    return rc;
}

SIM_TEST(what_is_left_out_or_refused_leaves_nothing_of_itself)
{
    weft__buf to;
    weft__rwritten w;
    Seat without = { .row = 12, .name = WEFT_S("") }, with = { .row = 1, .number = WEFT_SOME(34), .name = WEFT_S("Ada") };
    weft__buf_init(&to, 1 << 20);
    WEFT_TRY(written(&to, &WEFT__REDIS("HSET k {}", weft_fields(Seat, &without)), "*6\r\n$4\r\nHSET\r\n$1\r\nk\r\n$3\r\nrow\r\n$2\r\n12\r\n$4\r\nname\r\n$0\r\n\r\n"));
    WEFT_TRY(written(&to, &WEFT__REDIS("HSET k {}", weft_fields(Seat, &with)), "*8\r\n$4\r\nHSET\r\n$1\r\nk\r\n$3\r\nrow\r\n$1\r\n1\r\n$6\r\nnumber\r\n$2\r\n34\r\n$4\r\nname\r\n$3\r\nAda\r\n"));
    size_t before = to.len;
    WEFT_CHECK_EQ(weft__rwrite(&to, &WEFT__REDIS("SET k:{}:{} 1", 1, __builtin_nan("")), NULL, &w), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft__rwrite(&to, &WEFT__REDIS("SET k {}", __builtin_nan("")), NULL, &w), WEFT_EINVAL);
    WEFT_CHECK_EQ(to.len, before);
    weft__buf_free(&to);
    return 0;
}

SIM_TEST(a_value_of_any_length_has_that_length_before_it)
{
    weft__buf to;
    weft__rwritten w;
    weft__buf_init(&to, 1 << 20);
    for (size_t n = 0; n < 1200; n += n < 120 ? 1 : 97) {
        char head[40], *text = weft_alloc(n + 1);
        memset(text, 'x', n);
        weft__buf_clear(&to);
        WEFT_TRY(weft__rwrite(&to, &WEFT__REDIS("GET {}!", text), NULL, &w));
        int len = snprintf(head, sizeof head, "*2\r\n$3\r\nGET\r\n$%zu\r\n", n + 1);
        WEFT_CHECK_EQ(to.len, (size_t)len + n + 3);
        WEFT_CHECK(memcmp(to.ptr, head, (size_t)len) == 0 && memcmp(to.ptr + len, text, n) == 0 && memcmp(to.ptr + len + n, "!\r\n", 3) == 0);
    }
    weft__buf_free(&to);
    return 0;
}
