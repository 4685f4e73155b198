#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "model/json.h"
#include "model/text.h"
#include "weft/values.h"

#define MUST(condition) \
    do { \
        if (!(condition)) abort(); \
    } while (0)

static const weft_schema *const schemas[] = { &weft_schema_weft_date, &weft_schema_weft_time,
    &weft_schema_weft_datetime, &weft_schema_weft_duration, &weft_schema_weft_uuid,
    &weft_schema_weft_decimal, &weft_schema_weft_bytes, &weft_schema_weft_str };

static const weft_field none = { .max_digits = 0 };
static const weft_field limits[] = {
    { .range = { -5.5, 86400.000001L }, .multiple_of = 0.05, .max_digits = 6, .decimal_places = 3,
        .uuid_version = 4, .min_len = 1, .max_len = 9 },
    { .format = WEFT_EMAIL }, { .format = WEFT_URL }, { .format = WEFT_IP }, { .format = WEFT_IPV4 },
    { .format = WEFT_IPV6 },
};

/* What was read is written, and that is read as what is written the same. */
static void check_again(const weft_schema *schema, const void *value, weft_arena *arena)
{
    weft__buf first, second;
    char again[64];
    weft__problems problems;
    weft__problems_init(&problems, arena);
    weft__buf_init(&first, 1 << 20);
    weft__buf_init(&second, 1 << 20);
    MUST(weft__json_write(schema, value, &first, NULL) == 0);
    MUST(weft__json_read(schema, NULL, weft__buf_str(&first), again, arena, &problems, NULL) == 0);
    MUST(weft__json_write(schema, again, &second, NULL) == 0);
    MUST(weft_str_equal(weft__buf_str(&first), weft__buf_str(&second)));
    weft__buf_free(&first);
    weft__buf_free(&second);
}

/* The C library's calendar, which knows the same days. */
static void check_day(weft_date date)
{
    struct tm tm = { .tm_year = date.year - 1900, .tm_mon = date.month - 1, .tm_mday = date.day };
    char to[WEFT_DATE_TEXT];
    weft_date again;
    MUST(timegm(&tm) == weft_date_days(date) * 86400);
    MUST(tm.tm_mday == date.day && tm.tm_wday == weft_date_weekday(date) % 7);
    MUST(weft_date_compare(weft_date_of_days(weft_date_days(date)), date) == 0);
    MUST(weft_date_parse(weft_str_of(weft_date_text(date, to)), &again) == 0);
    MUST(weft_date_compare(date, again) == 0);
}

static void check_time(weft_time time)
{
    char to[WEFT_TIME_TEXT];
    weft_time again;
    MUST(weft_time_parse(weft_str_of(weft_time_text(time, to)), &again) == 0);
    MUST(again.hour == time.hour && again.minute == time.minute && again.second == time.second && again.us == time.us);
    MUST(again.zoned == time.zoned && again.offset_s == time.offset_s);
}

static void check_moment(weft_datetime when)
{
    char to[WEFT_DATETIME_TEXT];
    weft_datetime again;
    weft_date date = weft_datetime_date(when);
    weft_time clock = weft_datetime_time(when);
    time_t s = when.us / 1000000 - (when.us % 1000000 < 0) + when.offset_s;
    struct tm tm;
    MUST(gmtime_r(&s, &tm) && tm.tm_year + 1900 == date.year && tm.tm_mon + 1 == date.month && tm.tm_mday == date.day);
    MUST(tm.tm_hour == clock.hour && tm.tm_min == clock.minute && tm.tm_sec == clock.second);
    MUST(weft_datetime_of(date, clock).us == when.us);
    MUST(weft_datetime_parse(weft_str_of(weft_datetime_text(when, to)), &again) == 0);
    MUST(again.us == when.us && again.zoned == when.zoned && again.offset_s == when.offset_s);
}

static void check_length(weft_duration length)
{
    char to[WEFT_DURATION_TEXT];
    weft_duration again;
    MUST(weft_duration_parse(weft_str_of(weft_duration_text(length, to)), &again) == 0);
    MUST(again.us == length.us);
}

/* What programs do with them. */
static void check_use(const weft_schema *schema, const void *value, weft_str text)
{
    char to[64];
    weft_decimal decimal;
    weft_date date;
    int64_t scaled;
    weft_uuid uuid;
    switch (schema->scalar) {
    case WEFT__decimal:
        decimal = *(const weft_decimal *)value;
        MUST(weft_decimal_valid(decimal) && weft_decimal_compare(decimal, decimal) == 0);
        double size = weft_decimal_double(decimal);
        MUST(size == size);
        if (weft_decimal_scaled(decimal, 2, &scaled) == 0)
            MUST(weft_decimal_compare(weft_decimal_of(scaled, 2, to), decimal) == 0);
        return;
    case WEFT__date:
        check_day(*(const weft_date *)value);
        (void)!weft_date_parse(text, &date);
        return;
    case WEFT__time: check_time(*(const weft_time *)value); return;
    case WEFT__datetime: check_moment(*(const weft_datetime *)value); return;
    case WEFT__duration: check_length(*(const weft_duration *)value); return;
    case WEFT__uuid:
        uuid = *(const weft_uuid *)value;
        MUST(weft_uuid_version(uuid) >= 0 && weft_uuid_version(uuid) <= 8);
        MUST(weft_uuid_parse(weft_str_of(weft_uuid_text(uuid, to)), &uuid) == 0);
        MUST(weft_uuid_equal(uuid, *(const weft_uuid *)value));
        return;
    default: return;
    }
}

static void check_problems(weft__problems *problems)
{
    weft__buf out;
    weft__buf_init(&out, 1 << 20);
    MUST(problems->count == 1);
    MUST(weft__problems_write(problems, &out) == 0);
    weft__buf_free(&out);
}

static void check_one(const weft_schema *schema, const weft_field *rules, weft_str text, bool json)
{
    char value[64];
    weft_arena arena;
    weft__problems problems;
    weft__loc body = { .name = WEFT_S("body") };
    weft__arena_init(&arena, NULL, 16 << 20);
    weft__problems_init(&problems, &arena);
    int rc = json ? weft__json_read(schema, rules, text, value, &arena, &problems, &body)
                  : weft__text_read(schema, rules, text, value, &arena, &problems, &body);
    MUST(rc == 0 || rc == WEFT_EINVAL);
    if (rc == 0) {
        check_again(schema, value, &arena);
        check_use(schema, value, text);
    } else {
        check_problems(&problems);
    }
    weft__arena_free(&arena);
}

/* Dates as programs may make them, of any bytes: one that is none has no text, the others are what their text says. */
static void check_made(const uint8_t *data, size_t size)
{
    struct { int64_t days; weft_date date; weft_time time; weft_datetime when; weft_duration length; } v;
    char to[WEFT_DURATION_TEXT];
    memset(&v, 0, sizeof v);
    memcpy(&v, data, size < sizeof v ? size : sizeof v);
    v.time.zoned = size & 1;                             /* a bool of other bytes would be none */
    v.when.zoned = size & 2;
    weft_date of = weft_date_of_days(v.days), near = weft_date_of_days(v.days % 4000000);
    if (weft_date_valid(of)) check_day(of);
    if (weft_date_valid(near)) check_day(near);
    MUST(weft_date_valid(v.date) == (weft_date_text(v.date, to)[0] != 0));
    if (to[0]) check_day(v.date);
    MUST(weft_time_valid(v.time) == (weft_time_text(v.time, to)[0] != 0));
    if (to[0]) check_time(v.time);
    MUST(weft_datetime_valid(v.when) == (weft_datetime_text(v.when, to)[0] != 0));
    if (to[0]) check_moment(v.when);
    if (weft_duration_text(v.length, to)[0]) check_length(v.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 1 << 16) return 0;
    if (data[0] >= 0xF0) {
        check_made(data + 1, size - 1);
        return 0;
    }
    const weft_schema *schema = schemas[data[0] % weft_count(schemas)];
    unsigned how = data[0] / weft_count(schemas);
    const weft_field *rules = &none;
    if (schema == &weft_schema_weft_str) rules = &limits[1 + how / 2 % 5];
    else if (how / 2 % 2) rules = &limits[0];
    check_one(schema, rules, (weft_str){ (const char *)data + 1, size - 1 }, how % 2);
    return 0;
}
