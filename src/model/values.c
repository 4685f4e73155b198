#include "model/values.h"
#include <string.h>
#include "wire/base64.h"
#include "wire/date.h"
#include "wire/duration.h"
#include "wire/json.h"
#include "wire/uuid.h"

static int say(weft__finding *found, const char *type, const char *msg)
{
    *found = (weft__finding){ .type = type, .msg = msg };
    return WEFT_EINVAL;
}

static int say_error(weft__finding *found, const char *type, const char *msg, const char *error)
{
    *found = (weft__finding){ type, msg, { { "error", WEFT__CTX_TEXT, .s = weft_str_of(error) } } };
    return WEFT_EINVAL;
}

/* ---- dates and times ---- */

static const char date_parsing[] = "Input should be a valid date in the format YYYY-MM-DD, {0}";
static const char datetime_parsing[] = "Input should be a valid datetime, {0}";

static int date_of_datetime(
    const char *wrong, weft_datetime when, weft_date *out, weft__finding *found)
{
    if (wrong == weft__year_zero) return say_error(found, "date_parsing", date_parsing, wrong);
    if (wrong)
        return say_error(found, "date_from_datetime_parsing",
            "Input should be a valid date or datetime, {0}", wrong);
    weft_time t = weft_datetime_time(when);
    if (t.hour || t.minute || t.second || t.us)
        return say(found, "date_from_datetime_inexact",
            "Datetimes provided to dates should have zero time - e.g. be exact dates");
    *out = weft_datetime_date(when);
    return 0;
}

static int coerce_date(const weft__token *t, weft_date *out, weft__finding *found)
{
    weft_datetime when = { 0 };
    if (t->kind == WEFT__TOKEN_NUMBER)
        return date_of_datetime(weft__datetime_of_number(&t->number, &when), when, out, found);
    if (t->kind != WEFT__TOKEN_TEXT) return say(found, "date_type", "Input should be a valid date");
    const char *wrong = weft__date_read(t->text, out);
    if (!wrong) return 0;
    if (wrong == weft__year_zero) return say_error(found, "date_parsing", date_parsing, wrong);
    wrong = weft__datetime_read(t->text, &when);
    return date_of_datetime(wrong, when, out, found);
}

static int coerce_time(const weft__token *t, weft_time *out, weft__finding *found)
{
    const char *wrong;
    if (t->kind == WEFT__TOKEN_NUMBER) wrong = weft__time_of_number(&t->number, out);
    else if (t->kind == WEFT__TOKEN_TEXT) wrong = weft__time_read(t->text, out);
    else return say(found, "time_type", "Input should be a valid time");
    if (!wrong) return 0;
    return say_error(found, "time_parsing", "Input should be in a valid time format, {0}", wrong);
}

static int coerce_datetime(const weft__token *t, weft_datetime *out, weft__finding *found)
{
    const char *wrong;
    if (t->kind == WEFT__TOKEN_NUMBER) {
        wrong = weft__datetime_of_number(&t->number, out);
        return wrong ? say_error(found, "datetime_parsing", datetime_parsing, wrong) : 0;
    }
    if (t->kind != WEFT__TOKEN_TEXT)
        return say(found, "datetime_type", "Input should be a valid datetime");
    wrong = weft__datetime_read(t->text, out);
    if (!wrong) return 0;
    weft_date date;
    if (wrong != weft__year_zero) wrong = weft__date_read(t->text, &date);
    if (!wrong) return *out = weft_datetime_of(date, (weft_time){ 0 }), 0;
    if (wrong == weft__year_zero)
        return say_error(found, "datetime_parsing", datetime_parsing, wrong);
    return say_error(found, "datetime_from_date_parsing",
        "Input should be a valid datetime or date, {0}", wrong);
}

static int coerce_duration(const weft_field *rules, const weft__token *t, weft_duration *out,
    weft_arena *arena, weft__finding *found)
{
    const char *wrong;
    weft_duration length;
    if (t->kind == WEFT__TOKEN_NUMBER) wrong = weft__duration_of_number(&t->number, &length);
    else if (t->kind == WEFT__TOKEN_TEXT) wrong = weft__duration_read(t->text, &length);
    else return say(found, "time_delta_type", "Input should be a valid timedelta");
    if (wrong)
        return say_error(
            found, "time_delta_parsing", "Input should be a valid timedelta, {0}", wrong);
    int rc = rules ? weft__rules_duration(rules, length.us, arena, found) : 0;
    if (rc == 0) *out = length;
    return rc;
}

/* The words of wire/uuid.h and wire/base64.h with what {1}, {2} and {c} stand for filled in; 0, or
 * the code of what gave out. */
static int words_filled(
    const char *words, const int64_t *numbers, weft_str found, weft_arena *arena, weft_str *out)
{
    weft__buf text;
    weft__buf_init(&text, 256);
    for (const char *p = words; *p; p++) {
        if (*p != '{') {
            weft__buf_add_char(&text, *p);
            continue;
        }
        if (p[1] == 'c') weft__buf_add_str(&text, found);
        else weft__buf_add_int(&text, numbers[p[1] - '1']);
        p += 2;
    }
    int rc = text.failed;
    if (rc == 0) {
        *out = weft__arena_dup(arena, weft__buf_str(&text));
        rc = out->ptr ? 0 : weft__arena_error(arena);
    }
    weft__buf_free(&text);
    return rc;
}

/* ---- UUIDs ---- */

static int say_uuid(const weft__uuid_fault *fault, weft_arena *arena, weft__finding *found)
{
    weft_str error;
    int rc = words_filled(fault->msg, fault->numbers, fault->found, arena, &error);
    if (rc < 0) return rc;
    *found = (weft__finding){ "uuid_parsing", "Input should be a valid UUID, {0}",
        { { "error", WEFT__CTX_TEXT, .s = error } } };
    return WEFT_EINVAL;
}

static int coerce_uuid(const weft_field *rules, const weft__token *t, weft_uuid *out,
    weft_arena *arena, weft__finding *found)
{
    weft__uuid_fault fault;
    weft_uuid uuid;
    if (t->kind != WEFT__TOKEN_TEXT)
        return say(found, "uuid_type", "UUID input should be a string, bytes or UUID object");
    if (!weft__uuid_read(t->text, &uuid, &fault)) return say_uuid(&fault, arena, found);
    if (rules && rules->uuid_version && weft_uuid_version(uuid) != rules->uuid_version) {
        *found = (weft__finding){ "uuid_version", "UUID version {0} expected",
            { { "expected_version", WEFT__CTX_INT, .i = rules->uuid_version } } };
        return WEFT_EINVAL;
    }
    *out = uuid;
    return 0;
}

/* ---- decimals and bytes ---- */

static int coerce_decimal(const weft_field *rules, const weft__token *t, weft_decimal *out,
    weft_arena *arena, weft__finding *found)
{
    weft__exact d;
    char text[WEFT__DECIMAL_ROOM];
    if (t->kind != WEFT__TOKEN_TEXT && t->kind != WEFT__TOKEN_NUMBER)
        return say(found, "decimal_type",
            "Decimal input should be an integer, float, string or Decimal object");
    int rc = weft__decimal_read(t->kind == WEFT__TOKEN_TEXT ? t->text : t->number.text, &d);
    if (rc == WEFT_ELIMIT) return say(found, "finite_number", "Input should be a finite number");
    if (rc < 0) return say(found, "decimal_parsing", "Input should be a valid decimal");
    rc = rules ? weft__rules_decimal(rules, &d, found) : 0;
    if (rc < 0) return rc;
    weft_str kept = weft__arena_dup(arena, (weft_str){ text, weft__decimal_write(text, &d) });
    if (!kept.ptr) return weft__arena_error(arena);
    out->text = kept;
    return 0;
}

static int say_encoding(
    const char *words, const int64_t *numbers, weft_arena *arena, weft__finding *found)
{
    weft_str error;
    int rc = words_filled(words, numbers, (weft_str){ 0 }, arena, &error);
    if (rc < 0) return rc;
    *found = (weft__finding){ "bytes_invalid_encoding", "Data should be valid {0}: {1}",
        { { "encoding", WEFT__CTX_TEXT, .s = WEFT_S("base64") },
            { "encoding_error", WEFT__CTX_TEXT, .s = error } } };
    return WEFT_EINVAL;
}

static int coerce_bytes(const weft_field *rules, const weft__token *t, weft_bytes *out,
    weft_arena *arena, weft__finding *found)
{
    const char *msg = "";
    int64_t numbers[2] = { 0 };
    if (t->kind != WEFT__TOKEN_TEXT)
        return say(found, "bytes_type", "Input should be a valid bytes");
    uint8_t *bytes = weft__arena_alloc(arena, weft__base64_room(t->text.len) + 1);
    if (!bytes) return weft__arena_error(arena);
    int64_t len = weft__base64_read(t->text, bytes, &msg, numbers);
    if (len < 0) return say_encoding(msg, numbers, arena, found);
    int rc = rules ? weft__rules_bytes(rules, (size_t)len, found) : 0;
    if (rc < 0) return rc;
    bytes[len] = 0;
    *out = (weft_bytes){ bytes, (size_t)len };
    return 0;
}

int weft__value_coerce(const weft_schema *schema, const weft_field *rules, const weft__token *token,
    void *out, weft_arena *arena, weft__finding *found)
{
    switch (schema->scalar) {
    case WEFT__date: return coerce_date(token, out, found);
    case WEFT__time: return coerce_time(token, out, found);
    case WEFT__datetime: return coerce_datetime(token, out, found);
    case WEFT__duration: return coerce_duration(rules, token, out, arena, found);
    case WEFT__uuid: return coerce_uuid(rules, token, out, arena, found);
    case WEFT__decimal: return coerce_decimal(rules, token, out, arena, found);
    case WEFT__bytes: return coerce_bytes(rules, token, out, arena, found);
    default: return WEFT_EINVAL;
    }
}

/* ---- writing ---- */

enum { SHORT_TEXT_MAX = 64 };
_Static_assert((int)WEFT_DURATION_TEXT <= (int)SHORT_TEXT_MAX, "the longest fits");

static size_t short_write(weft_scalar scalar, const void *value, char *to)
{
    switch (scalar) {
    case WEFT__date: return weft__date_write(to, *(const weft_date *)value);
    case WEFT__time: return weft__time_write(to, *(const weft_time *)value);
    case WEFT__datetime: return weft__datetime_write(to, *(const weft_datetime *)value);
    case WEFT__duration: return weft__duration_write(to, *(const weft_duration *)value);
    case WEFT__uuid: return weft__uuid_write(to, *(const weft_uuid *)value);
    default: return 0;
    }
}

static bool decimal_write(weft_str text, weft__buf *out)
{
    weft__exact d;
    if (weft__decimal_read(text.len ? text : WEFT_S("0"), &d) < 0) return false;
    char *to = weft__buf_reserve(out, WEFT__DECIMAL_ROOM + 2);
    if (!to) return true;
    size_t len = weft__decimal_write(to + 1, &d);
    to[0] = to[len + 1] = '"';
    out->len += len + 2;
    return true;
}

bool weft__value_write(weft_scalar scalar, const void *value, weft__buf *out)
{
    if (scalar == WEFT__decimal) return decimal_write(((const weft_decimal *)value)->text, out);
    if (scalar == WEFT__bytes) {
        const weft_bytes *bytes = value;
        weft__buf_add_char(out, '"');
        weft__base64_write(out, bytes->ptr, bytes->len);
        weft__buf_add_char(out, '"');
        return true;
    }
    char text[SHORT_TEXT_MAX + 2];
    size_t len = short_write(scalar, value, text + 1);
    text[0] = text[len + 1] = '"';
    if (len) weft__buf_add(out, text, len + 2);
    return len != 0;
}
