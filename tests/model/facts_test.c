#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "reading.h"

/* The rows of pydantic-core's own tests, when somebody has them: $WEFT_FACTS/coercion.json, an object
 * whose rows hold a type, an input, its limits and the Python value or the error that comes of it. The
 * same rows in a form of ours are in coerce_test.c and coercion_test.c, which need no such file. */

WEFT_MODEL(FactLimits, opt(double, gt), opt(double, ge), opt(double, lt), opt(double, le),
    field(double, multiple_of, .initial = "0"), field(int, min_length, .initial = "0"),
    field(int, max_length, .initial = "0"), opt(weft_str, pattern), opt(bool, strict),
    opt(bool, to_lower), opt(bool, to_upper), opt(bool, strip_whitespace));
WEFT_MODEL(FactEnd, field(weft_json, value, .initial = "null"), opt(weft_str, error));
WEFT_MODEL(Fact, field(weft_str, type), field(weft_json, input), field(FactEnd, expect),
    field(FactLimits, kwargs, .initial = "{}"), opt(int, version), opt(bool, allow_inf_nan),
    opt(weft_str, val_temporal_unit), opt(weft_str, from));
WEFT_MODEL(Facts, list(Fact, rows));

typedef union any {
    int64_t i;
    double d;
    bool b;
    weft_str s;
    weft_date date;
    weft_time time;
    weft_datetime when;
    weft_duration length;
    weft_uuid uuid;
    weft_decimal decimal;
} any;

static const weft_schema *schema_of(weft_str type)
{
    static const struct { const char *name; const weft_schema *schema;
    } all[] = { { "int", &weft_schema_int64_t }, { "float", &weft_schema_double },
        { "bool", &weft_schema__Bool }, { "string", &weft_schema_weft_str },
        { "date", &weft_schema_weft_date }, { "time", &weft_schema_weft_time },
        { "datetime", &weft_schema_weft_datetime }, { "timedelta", &weft_schema_weft_duration },
        { "uuid", &weft_schema_weft_uuid }, { "decimal", &weft_schema_weft_decimal } };
    for (size_t i = 0; i < weft_count(all); i++)
        if (weft_str_equal(type, weft_str_of(all[i].name))) return all[i].schema;
    return NULL;
}

static bool holds(weft_str text, const char *part)
{
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

/* Rows that ask for what no declaration can say, by reason: docs/differences.md has the list. */
typedef enum reason { HOLDS, UNIT_OF_TIMESTAMPS, PATTERN_BEHIND_A_CHANGE, INFINITY_OR_NAN, CLOCK, REASONS } reason;
static const uint32_t left_out[REASONS] = { [UNIT_OF_TIMESTAMPS] = 2, [PATTERN_BEHIND_A_CHANGE] = 1, [INFINITY_OR_NAN] = 9, [CLOCK] = 7 };
enum { ROWS = 300 };

static reason reason_of(const Fact *f)
{
    const FactLimits *k = &f->kwargs;
    double input = strtod(f->input.text.ptr + (*f->input.text.ptr == '"'), NULL);
    bool milliseconds = input > 2e10 || input < -2e10;
    weft_str unit = f->val_temporal_unit.value;
    if (f->val_temporal_unit.set && holds(unit, milliseconds ? "seconds" : "milliseconds") &&
        holds(unit, "milliseconds") != milliseconds)
        return UNIT_OF_TIMESTAMPS;
    if (k->strip_whitespace.set && k->pattern.set) return PATTERN_BEHIND_A_CHANGE;
    if (f->allow_inf_nan.value && holds(f->expect.value.text, "FunctionCheck")) return INFINITY_OR_NAN;
    weft_str error = f->expect.error.value;
    return f->expect.error.set && (holds(error, "_past") || holds(error, "_future")) ? CLOCK : HOLDS;
}

/* What pydantic has options for, weft leaves to checks of one's own. */
static const char *to_lower(weft_str *text)
{
    for (char *c = (char *)text->ptr; *c; c++) *c = (char)(*c >= 'A' && *c <= 'Z' ? *c | 0x20 : *c);
    return NULL;
}

static const char *strip_and_to_upper(weft_str *text)
{
    while (text->len && *text->ptr == ' ') text->ptr++, text->len--;
    for (char *c = (char *)text->ptr; *c; c++) *c = (char)(*c >= 'a' && *c <= 'z' ? *c & ~0x20 : *c);
    return NULL;
}

static weft_field rules_of(const Fact *f)
{
    const FactLimits *k = &f->kwargs;
    weft_field rules = { .type = schema_of(f->type),
        .multiple_of = k->multiple_of,
        .min_len = (uint32_t)k->min_length,
        .max_len = (uint32_t)k->max_length,
        .pattern = k->pattern.set ? k->pattern.value.ptr : NULL,
        .uuid_version = f->version.set ? f->version.value : 0,
        .check = k->to_lower.set ? (const void *)to_lower : k->to_upper.set ? (const void *)strip_and_to_upper : NULL };
    /* The limit of some rows stands in their error alone. */
    if (f->expect.error.set && !k->gt.set && holds(f->expect.error.value, "greater than 0 ")) {
        rules.range[1] = WEFT_NO_END;
        rules.above = true;
        return rules;
    }
    if (!k->gt.set && !k->ge.set && !k->lt.set && !k->le.set) return rules;
    rules.range[0] = k->gt.set ? k->gt.value : k->ge.set ? k->ge.value : -WEFT_NO_END;
    rules.range[1] = k->lt.set ? k->lt.value : k->le.set ? k->le.value : WEFT_NO_END;
    rules.above = k->gt.set;
    rules.below = k->lt.set;
    return rules;
}

/* ---- Python's values: a name and numbers, some of them named ---- */

static double argument(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at && (at[-1] == '(' || at[-1] == ' ') ? strtod(at + strlen(name), NULL) : 0;
}

static int positional(const char *text, long *numbers, int most)
{
    int n = 0;
    char *at = strchr(text, '(');
    for (at++; n < most; n++, at++) {
        char *end;
        numbers[n] = strtol(at, &end, 10);
        if (end == at) break;
        at = end;
        if (*at != ',') return n + 1;
    }
    return n;
}

static weft_time clock_of(const char *text, const long *n)
{
    weft_time t = { .hour = (uint8_t)n[0],
        .minute = (uint8_t)n[1],
        .second = (uint8_t)n[2],
        .us = (int32_t)n[3],
        .zoned = strstr(text, "timezone") != NULL };
    if (argument(text, "microsecond=") != 0) t.us = (int32_t)argument(text, "microsecond=");
    if (strstr(text, "timedelta"))
        t.offset_s = (int32_t)(argument(text, "hours=") * 3600 + argument(text, "minutes=") * 60);
    return t;
}

static weft_datetime datetime_of(const char *text)
{
    long n[7] = { 0 };
    positional(text, n, 7);
    return weft_datetime_of(
        (weft_date){ (int16_t)n[0], (uint8_t)n[1], (uint8_t)n[2] }, clock_of(text, n + 3));
}

static double duration_of(const char *text)
{
    static const struct { const char *name; double us;
    } units[] = { { "weeks=", 7 * 86400e6 }, { "days=", 86400e6 }, { "hours=", 3600e6 },
        { "minutes=", 60e6 }, { "seconds=", 1e6 }, { "milliseconds=", 1e3 },
        { "microseconds=", 1 } };
    double us = 0;
    for (size_t i = 0; i < weft_count(units); i++) us += argument(text, units[i].name) * units[i].us;
    return us;
}

static weft_str between(weft_str text, const char *open, const char *close)
{
    const char *from = memmem(text.ptr, text.len, open, strlen(open));
    if (!from) return (weft_str){ 0 };
    from += strlen(open);
    const char *to = strstr(from, close);
    return (weft_str){ from, (size_t)(to - from) };
}

static bool time_same(weft_time a, weft_time b)
{
    return a.hour == b.hour && a.minute == b.minute && a.second == b.second && a.us == b.us &&
           a.zoned == b.zoned && a.offset_s == b.offset_s;
}

static bool value_same(weft_scalar scalar, const any *v, weft_str json)
{
    const char *text = json.ptr;
    long n[4] = { 0 };
    weft_uuid uuid;
    weft_datetime when;
    switch (scalar) {
    case WEFT__int64: return (double)v->i == strtod(text, NULL);
    case WEFT__double: return v->d == strtod(text, NULL);
    case WEFT__bool: return v->b == (*text == 't');
    case WEFT__text: return weft_str_equal(v->s, (weft_str){ text + 1, json.len - 2 });
    case WEFT__date:
        positional(text, n, 3);
        return v->date.year == n[0] && v->date.month == n[1] && v->date.day == n[2];
    case WEFT__time: positional(text, n, 4); return time_same(v->time, clock_of(text, n));
    case WEFT__datetime:
        when = datetime_of(text);
        return when.us == v->when.us && when.zoned == v->when.zoned &&
               when.offset_s == v->when.offset_s;
    case WEFT__duration: return (double)v->length.us == duration_of(text);
    case WEFT__uuid:
        return weft_uuid_parse(between(json, "'", "'"), &uuid) == 0 &&
               weft_uuid_equal(uuid, v->uuid);
    case WEFT__decimal: {
        weft_str inner = holds(json, "'") ? between(json, "'", "'") : between(json, "(", ")");
        return inner.len && weft_decimal_compare((weft_decimal){ inner }, v->decimal) == 0;
    }
    default: return false;
    }
}

/* ---- the rows ---- */

/* Words that stand in the message, and "[type=int_type, ...", or one of both. Two rows have words that pydantic has no more:
 * "a valid duration" for its "a valid timedelta". */
static bool error_same(const weft__problem *p, weft_str error)
{
    const char *type = memmem(error.ptr, error.len, "type=", 5);
    weft_str words = { error.ptr, type ? (size_t)(type - error.ptr) : error.len };
    while (type && words.len && (words.ptr[words.len - 1] == '[' || words.ptr[words.len - 1] == ' ')) words.len--;
    bool said = memmem(p->msg.ptr, p->msg.len, words.ptr, words.len) || holds(words, "a valid duration");
    if (!type || !said) return said;
    size_t len = strcspn(type + 5, ",]");
    return strlen(p->type) == len && memcmp(p->type, type + 5, len) == 0;
}

static void check_fact(const Fact *f)
{
    const weft_schema *schema = schema_of(f->type);
    WEFT_CHECK(schema != NULL);
    weft_field rules = rules_of(f);
    weft_str json = f->input.text;
    reading r = reading_open();
    any value;
    /* The inputs of this type are JSON texts themselves. */
    if (schema->scalar == WEFT__duration && f->from.set)
        WEFT_CHECK_EQ(READ(&r, weft_str, &json, f->input.text.ptr), 0);
    int rc = read_str(&r, schema, &rules, json, &value);
    bool same = f->expect.error.set
                    ? rc == WEFT_EINVAL && r.problems.count == 1 &&
                          error_same(&r.problems.items[0], f->expect.error.value)
                    : rc == 0 && value_same(schema->scalar, &value, f->expect.value.text);
    if (!same)
        weft__check_fail(__FILE__, __LINE__, "%s %s: %d %s, not %s%s", f->type.ptr, json.ptr, rc,
            rc < 0 ? only_problem(&r) : "", f->expect.value.text.ptr,
            f->expect.error.set ? f->expect.error.value.ptr : "");
    reading_close(&r);
}

static weft_str file_read(weft_arena *arena)
{
    char path[4096], *text = weft__arena_alloc(arena, 4 << 20);
    const char *folder = getenv("WEFT_FACTS");
    snprintf(path, sizeof path, "%s/coercion.json", folder ? folder : "");
    FILE *in = folder ? fopen(path, "r") : NULL;
    if (!in) return (weft_str){ 0 };
    size_t len = fread(text, 1, 4 << 20, in);
    fclose(in);
    return (weft_str){ text, len };
}

WEFT_TEST(the_rows_of_pydantics_tests_hold_here)
{
    reading r = reading_open();
    Facts facts;
    weft_str json = file_read(&r.arena);
    if (!json.ptr) WEFT_SKIP("WEFT_FACTS names no folder with a coercion.json");
    WEFT_CHECK_EQ(read_str(&r, &weft_schema_Facts, NULL, json, &facts), 0);
    uint32_t others[REASONS] = { 0 };
    for (uint32_t i = 0; i < facts.rows.count; i++) {
        reason why = reason_of(&facts.rows.items[i]);
        if (why == HOLDS) check_fact(&facts.rows.items[i]);
        else others[why]++;
    }
    WEFT_CHECK_EQ(facts.rows.count, ROWS);
    for (int i = 1; i < REASONS; i++) WEFT_CHECK_EQ(others[i], left_out[i]);
    reading_close(&r);
}
