/* PostgreSQL's values as they travel: what is cut off or none of its type is told, and read no further than it is long. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "db/postgres_type.h"
#include "weft/check.h"

static const weft__pg_types none;

/* Of exactly these bytes, in memory of their own: one more that is read is found. */
static int cell_of(uint32_t oid, const void *bytes, size_t n, char *shown, size_t room)
{
    weft_arena made;
    weft__cell c;
    weft__buf fault;
    char *copy = malloc(n ? n : 1);
    memcpy(copy, bytes, n);
    weft__arena_init(&made, NULL, 1 << 20);
    weft__buf_init(&fault, 512);
    int rc = weft__pg_cell(&none, oid, copy, (int)n, &made, &c, &fault);
    if (rc == 0 && c.kind == WEFT__CELL_INT) snprintf(shown, room, "%lld", (long long)c.i);
    else if (rc == 0 && c.kind == WEFT__CELL_REAL) snprintf(shown, room, "%g", c.d);
    else if (rc == 0) snprintf(shown, room, "%.*s", WEFT_FMT(c.s));
    else snprintf(shown, room, "%.*s", WEFT_FMT(weft__buf_str(&fault)));
    weft__buf_free(&fault);
    weft__arena_free(&made);
    free(copy);
    return rc;
}

static void reads(uint32_t oid, const void *bytes, size_t n, const char *as)
{
    char shown[400];
    WEFT_CHECK_EQ(cell_of(oid, bytes, n, shown, sizeof shown), 0);
    WEFT_CHECK_STR(weft_str_of(shown), as);
}
#define READS(oid, bytes, as) reads((oid), bytes, sizeof bytes - 1, (as))

WEFT_TEST(values_of_postgres_are_read_by_their_bytes)
{
    READS(WEFT__PG_BOOL, "\1", "1");
    READS(WEFT__PG_INT2, "\xff\xfe", "-2");
    READS(WEFT__PG_INT4, "\x80\0\0\0", "-2147483648");
    READS(WEFT__PG_INT8, "\x7f\xff\xff\xff\xff\xff\xff\xff", "9223372036854775807");
    READS(WEFT__PG_OID, "\xff\xff\xff\xff", "4294967295");
    READS(WEFT__PG_FLOAT4, "\x3f\xc0\0\0", "1.5");
    READS(WEFT__PG_FLOAT8, "\xbf\xf8\0\0\0\0\0\0", "-1.5");
    READS(WEFT__PG_DATE, "\0\0\0\0", "2000-01-01");
    READS(WEFT__PG_DATE, "\xff\xff\xff\xff", "1999-12-31");
    READS(WEFT__PG_TIMESTAMP, "\0\0\0\0\0\0\0\1", "2000-01-01T00:00:00.000001");
    READS(WEFT__PG_TIMESTAMPTZ, "\0\0\0\0\0\0\0\0", "2000-01-01T00:00:00Z");
    READS(WEFT__PG_TIME, "\0\0\0\x14\x1d\xd7\x5f\xff", "23:59:59.999999");
    READS(WEFT__PG_UUID, "\0\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf", "00010203-0405-0607-0809-0a0b0c0d0e0f");
    READS(WEFT__PG_JSONB, "\1[1]", "[1]");
    READS(WEFT__PG_TEXTS, "", "");
}

/* digits of 10000, weight, sign, scale */
WEFT_TEST(numerics_are_exact_with_the_zeros_that_they_are_shown_with)
{
    READS(WEFT__PG_NUMERIC, "\0\0\0\0\0\0\0\0", "0");
    READS(WEFT__PG_NUMERIC, "\0\0\0\0\0\0\0\3", "0.000");
    READS(WEFT__PG_NUMERIC, "\0\1\0\0\0\0\0\0\0\x0c", "12");
    READS(WEFT__PG_NUMERIC, "\0\1\0\1\0\0\0\0\0\x0c", "120000");
    READS(WEFT__PG_NUMERIC, "\0\2\0\0\x40\0\0\2\0\1\x13\x88", "-1.50");
    READS(WEFT__PG_NUMERIC, "\0\1\xff\xff\0\0\0\6\0\1", "0.000100");
    READS(WEFT__PG_NUMERIC, "\0\1\xff\xfe\0\0\0\x8\0\1", "0.00000001");
    READS(WEFT__PG_NUMERIC, "\0\2\0\1\0\0\0\0\x27\x0f\0\1", "99990001");
}

WEFT_TEST(arrays_of_postgres_are_lists_of_json)
{
    READS(1007, "\0\0\0\0\0\0\0\0\0\0\0\x17", "[]");
    READS(1007, "\0\0\0\1\0\0\0\1\0\0\0\x17\0\0\0\2\0\0\0\1\0\0\0\4\0\0\0\5\xff\xff\xff\xff", "[5,null]");
    READS(1009, "\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\1\0\0\0\1\0\0\0\3a\"b", "[\"a\\\"b\"]");
    READS(1000, "\0\0\0\2\0\0\0\0\0\0\0\x10\0\0\0\1\0\0\0\1\0\0\0\2\0\0\0\1\0\0\0\1\1\0\0\0\1\0", "[[true,false]]");
}

static void refuses(uint32_t oid, const void *bytes, size_t n)
{
    char shown[400] = "";
    WEFT_CHECK_EQ(cell_of(oid, bytes, n, shown, sizeof shown), WEFT_EDB);
    WEFT_CHECK(*shown != 0);
}
#define REFUSES(oid, bytes) refuses((oid), bytes, sizeof bytes - 1)

WEFT_TEST(bytes_that_are_none_of_their_type_are_refused)
{
    REFUSES(WEFT__PG_BOOL, "");
    REFUSES(WEFT__PG_INT4, "\0\0\0");
    REFUSES(WEFT__PG_UUID, "\0");
    REFUSES(WEFT__PG_DATE, "\x7f\xff\xff\xff");
    REFUSES(WEFT__PG_DATE, "\x7f\xff\xff\xfe");
    REFUSES(WEFT__PG_TIMESTAMPTZ, "\x80\0\0\0\0\0\0\0");
    REFUSES(WEFT__PG_TIMESTAMPTZ, "\x7f\xff\xff\xff\xff\xff\xff\xfe");
    REFUSES(WEFT__PG_TIME, "\0\0\0\x14\x1d\xd7\x60\0");
    REFUSES(WEFT__PG_NUMERIC, "\0\0\0\0\0\0\0");
    REFUSES(WEFT__PG_NUMERIC, "\0\0\0\0\xc0\0\0\0");
    REFUSES(WEFT__PG_NUMERIC, "\x7f\xff\0\0\0\0\0\0\0\1");
    REFUSES(WEFT__PG_NUMERIC, "\0\1\0\0\0\0\0\0\xff\xff");
    REFUSES(WEFT__PG_JSONB, "\2[]");
    REFUSES(869, "\2\x20\0\4\x7f\0\0\1");
    REFUSES(1007, "\0\0\0\1");
    REFUSES(1007, "\0\0\0\7\0\0\0\0\0\0\0\x17");
    REFUSES(1007, "\0\0\0\1\0\0\0\0\0\0\0\x17\x7f\xff\xff\xff\0\0\0\1");
    REFUSES(1007, "\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\2\0\0\0\1\0\0\0\4\0\0\0\5\0\0\0\x10");
    REFUSES(1007, "\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\1\0\0\0\1\xff\xff\xff\xfe");
    REFUSES(1022, "\0\0\0\1\0\0\0\0\0\0\2\xbd\0\0\0\1\0\0\0\1\0\0\0\x8\x7f\xf8\0\0\0\0\0\0");
}

/* Whatever is cut off or changed somewhere: an answer or a refusal, and no byte behind it is read. */
WEFT_TEST(no_bytes_of_a_server_lead_astray)
{
    static const unsigned char seeds[][40] = { "\0\2\0\0\x40\0\0\2\0\1\x13\x88", "\0\0\0\1\0\0\0\1\0\0\0\x17\0\0\0\2\0\0\0\1\0\0\0\4\0\0\0\5\xff\xff\xff\xff",
        "\0\0\0\2\0\0\0\0\0\0\0\x10\0\0\0\1\0\0\0\1\0\0\0\2\0\0\0\1\0\0\0\1\1\0\0\0\1" };
    static const uint32_t oids[] = { WEFT__PG_NUMERIC, 1007, 1231, 1000, 1009, 1185, 2951, WEFT__PG_INTERVAL, WEFT__PG_TIMETZ, 3807 };
    char shown[4000];
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < 60000; i++) {
        unsigned char bytes[40];
        memcpy(bytes, seeds[i % 3], sizeof bytes);
        for (int k = 0; k < 1 + i % 4; k++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            bytes[random % sizeof bytes] = (unsigned char)(random >> 32);
        }
        int rc = cell_of(oids[i % weft_count(oids)], bytes, random >> 40 & 31, shown, sizeof shown);
        WEFT_CHECK(rc == 0 || rc == WEFT_EDB || rc == WEFT_ELIMIT);
    }
}
